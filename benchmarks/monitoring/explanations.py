"""Explanations beside shap's: ``python -m benchmarks.monitoring.explanations [--plain]``.

First a forest of 6 inputs, whose coalitions are all asked, as by shap's `ExactExplainer` and by a
`KernelExplainer` with all coalitions: the values must be the same. Then a forest of 20 inputs, where orders
are drawn; the truth is shap's `TreeExplainer`, which looks into the trees. Each explains the same rows
against the same background of 100 rows, with the defaults that it comes with. Times are of the processor,
of all threads of the process, for one row; of ours without the start of the worker, and with the model in
the same process. ``--plain`` leaves shap out. Its environment is made once.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import joblib
import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier

from benchmarks.monitoring.asking import HERE
from benchmarks.monitoring.simulate import show
from konan.monitoring.explanation.mixing import Mixture
from konan.monitoring.explanation.shapley import affordable, games, solve
from konan.records.schema import Feature

Floats = npt.NDArray[np.float64]
PEERS = HERE / ".env-shap"
PYTHON = PEERS / "bin" / "python"
BUDGET = 50_000
AT_ONCE = 1000


class Task(NamedTuple):
    """A fitted forest, and what it shall be explained on.

    Attributes:
        model: answers probabilities.
        background: to compare with.
        rows: to explain.
    """

    model: RandomForestClassifier
    background: Floats
    rows: Floats


class Told(NamedTuple):
    """What was said of the rows.

    Attributes:
        values: (rows, inputs, classes).
        seconds: processor time of one row.
        evaluations: rows that the model was asked for one row.
    """

    values: Floats
    seconds: float
    evaluations: float


def task(inputs: int, trees: int, rows: int) -> Task:
    """A forest of three classes; half of its inputs matter, some of them together."""
    draw = np.random.default_rng(inputs)
    fitted = draw.normal(size=(2000, inputs))
    some = fitted[:, : inputs // 2]
    truth = (some.sum(axis=1) > 0).astype(int) + (some[:, 0] * some[:, 1] > 0.5)
    model = RandomForestClassifier(trees, random_state=0).fit(fitted, truth)
    return Task(model, draw.normal(size=(100, inputs)), draw.normal(size=(rows, inputs)))


def ours(given: Task, budget: int = BUDGET) -> Told:
    """Konan's values."""
    features = [Feature(name=f"x{at}", type="number") for at in range(given.rows.shape[1])]
    used = affordable(len(features), len(given.background), budget)
    background = [tuple(row) for row in given.background[:used].tolist()]
    begun, found, asked = time.process_time(), [], 0
    for at, row in enumerate(given.rows.tolist()):
        mixture = Mixture(features, tuple(row), background)
        played = games(mixture.differs, budget, at)
        has = np.concatenate([game.coalitions for game in played])
        which = np.repeat(np.arange(len(played)), [len(game.coalitions) for game in played])
        worth = np.concatenate([_answers(given, mixture, which, has, some) for some in _cut(len(has))])
        ends = np.cumsum([len(game.coalitions) for game in played])[:-1]
        found.append(solve(played, np.split(worth, ends), len(features)).values)
        asked += len(has)
    count = len(given.rows)
    return Told(np.array(found), (time.process_time() - begun) / count, asked / count)


def _cut(count: int) -> Iterator[slice]:
    return (slice(at, at + AT_ONCE) for at in range(0, count, AT_ONCE))


def _answers(
    given: Task, mixture: Mixture, which: npt.NDArray[np.int64], has: npt.NDArray[np.bool_], some: slice
) -> Floats:
    frame = mixture.frame(which[some], has[some])
    rows = np.frombuffer(frame.numbers, np.float64).reshape(frame.rows, -1)
    found: Floats = given.model.predict_proba(rows)
    return found


def theirs(given: Task, explainer: str) -> Told:
    """Values of one of shap's explainers (see ``peers/explain.py``)."""
    with tempfile.TemporaryDirectory() as place:
        joblib.dump(given.model, f"{place}/model.joblib")
        np.savez(f"{place}/rows.npz", background=given.background, rows=given.rows)
        command = [str(PYTHON), "-W", "ignore", str(HERE / "peers" / "explain.py"), place, explainer]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        said = json.loads(done.stdout.strip().splitlines()[-1])
        return Told(np.load(f"{place}/values.npy"), said["cpu"], said["evaluations"])


def prepare() -> None:
    """Make shap's environment once."""
    if (PEERS / "ready").exists():
        return
    uv = shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        raise RuntimeError("uv is not in this environment; run `make setup`")
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(PEERS)], check=True)
    requirements = str(HERE / "peers" / "requirements-shap.txt")
    subprocess.run([uv, "pip", "install", "--quiet", "--python", str(PYTHON), "-r", requirements], check=True)
    (PEERS / "ready").touch()


def agreement() -> Iterator[tuple[object, ...]]:
    """Largest differences where all coalitions are asked."""
    given = task(inputs=6, trees=20, rows=3)
    mine = ours(given, 2**6 * len(given.background))
    yield "explainer", "largest difference from ours", "rows asked"
    yield "konan", "", f"{mine.evaluations:,.0f}"
    for name in ("exact", "whole-kernel", "tree"):
        told = theirs(given, name)
        yield f"shap {name}", f"{np.abs(told.values - mine.values).max():.1e}", f"{told.evaluations:,.0f}"


def cost(*, peers: bool) -> Iterator[tuple[object, ...]]:
    """Processor time of one explanation, and its largest error."""
    given = task(inputs=20, trees=100, rows=3)
    truth = theirs(given, "tree") if peers else None
    told = {"konan": ours(given)}
    if peers:
        told |= {f"shap {name}": theirs(given, name) for name in ("kernel", "permutation")}
    yield "explainer", "CPU s", "rows asked", "largest error", "mean error"
    for name, one in told.items():
        errors = np.abs(one.values - truth.values) if truth else None
        said = ("", "") if errors is None else (f"{errors.max():.4f}", f"{errors.mean():.5f}")
        yield name, f"{one.seconds:.2f}", f"{one.evaluations:,.0f}", *said
    if truth:
        yield "shap tree", f"{truth.seconds:.2f}", "0", "", ""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.monitoring.explanations", description=__doc__)
    parser.add_argument("--plain", action="store_true", help="without shap")
    plain = parser.parse_args().plain
    print(f"python -m benchmarks.monitoring.explanations {'--plain' if plain else ''}".strip())
    if not plain:
        prepare()
        print("\n**Agreement**, forest of 6 inputs, 100 background rows, all coalitions\n")
        show(agreement())
    print("\n**Cost of one row**, forest of 100 trees and 20 inputs, 100 background rows\n")
    show(cost(peers=not plain))


if __name__ == "__main__":
    main()
