"""Estimates without truths beside the truth: ``python -m benchmarks.monitoring.estimates [--plain]``.

Accuracy on the American Community Survey (employment in Massachusetts; the relations hold) and on Elec2
(they break), and the error of a regression on each (age; the price). The reference are rows of the stream
that the model was not fitted on; after it come windows. NannyML's CBPE and DLE get the same rows and the
same windows, with the defaults they come with; ``--plain`` leaves NannyML out. An estimate that no truth
corrects is called wrong where it is off by more than chance and the tolerance of the flag of trust: 0.03 of
accuracy, a tenth of the usual error. Times are of the processor, of all threads of the process. Real files
are fetched as by `benchmarks.monitoring.real`.
"""

import argparse
import io
import json
import math
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from benchmarks.monitoring import asking
from benchmarks.monitoring.real import CENSUS, STREAMS, fetched
from benchmarks.monitoring.simulate import show
from konan.monitoring.estimation.correction import Realised, corrected
from konan.monitoring.estimation.estimator import Estimator, learn
from konan.monitoring.estimation.metrics import expected
from konan.monitoring.estimation.trust import Check, check, earlier, judged, strangers, tolerance
from konan.monitoring.profiles.profile import FEATURES, LABEL, SCORE, TARGET, VALUE, Profile
from konan.monitoring.reference.reference import Reference, answers_of, inputs_of
from konan.records.schema import Feature, Output, Schema

Floats = npt.NDArray[np.float64]
CLASSIFIER = Output(kind="classifier", classes=("0", "1"), probabilities=True)
REGRESSOR = Output(kind="regressor")


class Task(NamedTuple):
    """Rows that were answered, with their truth.

    Attributes:
        name: of the data.
        inputs: numbers, in the order of time.
        answer: probability of class 1, or the number that was answered.
        truth: class 1 or not, or the number.
        reference: so many rows at the beginning are the reference.
        window: rows of a window.
        classifier: whether it is one.
    """

    name: str
    inputs: pd.DataFrame
    answer: Floats
    truth: Floats
    reference: int
    window: int
    classifier: bool


def tasks() -> Iterator[Task]:
    """What is estimated."""
    rows, names, usual = _census()
    yield Task(
        "ACS employment",
        rows[names],
        rows["predicted_probability"].to_numpy(float),
        rows["employed"].to_numpy(float),
        usual,
        2000,
        classifier=True,
    )
    truth = rows["AGEP"].to_numpy(float)
    inputs = rows[[one for one in names if one != "AGEP"]]
    half = usual // 2
    model = HistGradientBoostingRegressor(random_state=0).fit(inputs[:half], truth[:half])
    late = slice(half, None)
    answer = model.predict(inputs[late])
    yield Task("ACS age", inputs[late], answer, truth[late], usual - half, 2000, classifier=False)
    stream = STREAMS["Elec2"]
    rows = pd.read_csv(io.BytesIO(fetched(stream.package, stream.member)))
    late = slice(stream.trained, None)
    inputs, truth = rows.drop(columns=stream.label).astype(float), rows[stream.label].to_numpy(float)
    sorter = HistGradientBoostingClassifier(random_state=0).fit(
        inputs[: stream.trained], truth[: stream.trained]
    )
    answer = sorter.predict_proba(inputs[late])[:, 1]
    yield Task("Elec2", inputs[late], answer, truth[late], stream.trained, stream.window, classifier=True)
    truth, inputs = inputs["feat_2"].to_numpy(), inputs.drop(columns="feat_2")
    model = HistGradientBoostingRegressor(random_state=0).fit(
        inputs[: stream.trained], truth[: stream.trained]
    )
    answer = model.predict(inputs[late])
    yield Task(
        "Elec2 price", inputs[late], answer, truth[late], stream.trained, stream.window, classifier=False
    )


def _census() -> tuple[pd.DataFrame, list[str], int]:
    """The rows, shuffled within each year; the inputs; and rows of the first year."""
    parts = [
        pd.read_parquet(io.BytesIO(fetched(CENSUS, f"employment_MA_{part}.pq")))
        for part in ("reference", "analysis", "analysis_target")
    ]
    later = parts[1].merge(parts[2], on="id")
    years = [parts[0].assign(year=2015), *(rows for _, rows in later.groupby("year"))]
    rows = pd.concat([one.sample(frac=1, random_state=at) for at, one in enumerate(years)], ignore_index=True)
    apart = {"id", "year", "employed", "prediction", "predicted_probability"}
    return rows, [one for one in parts[0] if one not in apart], len(parts[0])


class Told(NamedTuple):
    """What was said of each window, ``(windows,)``, and the processor time it took to learn and to say it."""

    value: Floats
    low: Floats
    high: Floats
    trusted: npt.NDArray[np.bool_]
    seconds: tuple[float, float]


class Learnt(NamedTuple):
    """What is known of a task before its first window."""

    rows: pa.Table
    reference: Reference
    estimator: Estimator
    seconds: float


def learnt(task: Task) -> Learnt:
    """Learn from the reference."""
    output = CLASSIFIER if task.classifier else REGRESSOR
    features = tuple(Feature(name=name, type="number") for name in task.inputs)
    schema = Schema(features=features, output=output)
    rows = _named(task)
    usual = rows.slice(0, task.reference)
    inputs, answers = inputs_of(schema, usual, "data"), answers_of(schema, usual, "live")
    begun = time.process_time()
    estimator = learn((*inputs.layout.columns, *answers.layout.columns), usual, output)
    seconds = time.process_time() - begun
    if estimator is None:
        raise RuntimeError("nothing was learnt")
    reference = Reference(inputs=inputs, answers=answers)
    return Learnt(rows, reference, estimator, seconds)


def ours(task: Task, known: Learnt, share: float, *, late: bool = False, alone: bool = False) -> Told:
    """Estimates of each window, and whether they may be believed.

    Args:
        task: the rows.
        known: from the reference.
        share: of each window's rows whose truth comes.
        late: only when the window is over.
        alone: whether truths alone decide on trust, not values that the reference never had.
    """
    metric = ("accuracy" if task.classifier else "mae", "")
    layout, random = known.reference.layout, np.random.default_rng(7)
    allowed = tolerance(metric[0], _metric(task, slice(0, task.reference)))
    most = 1.0 if task.classifier else math.inf
    checks: list[Check] = []
    told = []
    begun = time.process_time()
    for start in _starts(task):
        window = known.rows.slice(start, task.window)
        profile = Profile.of(layout, window)
        whole = expected(known.estimator, layout, profile)[metric]
        before, realised = list(checks), None
        some = np.sort(random.choice(task.window, round(share * task.window), replace=False))
        if some.size:
            like = expected(known.estimator, layout, Profile.of(layout, window.take(some)))[metric]
            noise = _spread(task, start + some) ** 2 * known.estimator.rows_as_one
            realised = Realised(_metric(task, start + some), like.value, some.size, noise)
            one = check(realised, like.noise, known.estimator.rows_as_one, task.window)
            checks += [one] if one else []
        unknown = [] if alone else strangers(layout, known.reference.profile, profile)
        trust = judged(before if late else checks, allowed, unknown)
        found = corrected(whole, task.window, None if late else realised, earlier(before), most)
        told.append((*found, trust.trustworthy))
    value, low, high, trusted = (np.array(one) for one in zip(*told, strict=True))
    return Told(value, low, high, trusted, (known.seconds, time.process_time() - begun))


def _named(task: Task) -> pa.Table:
    columns = {FEATURES + name: pa.array(task.inputs[name].to_numpy(float)) for name in task.inputs}
    if not task.classifier:
        return pa.table(columns | {VALUE: task.answer, TARGET: task.truth})
    texts = {LABEL: task.answer > 0.5, TARGET: task.truth > 0.5}
    return pa.table(
        columns | {SCORE: task.answer} | {name: np.where(one, "1", "0") for name, one in texts.items()}
    )


def _starts(task: Task) -> range:
    return range(task.reference, len(task.truth) - task.window + 1, task.window)


def _metric(task: Task, rows: Any) -> float:
    answer, truth = task.answer[rows], task.truth[rows]
    off = (answer > 0.5) != (truth > 0.5) if task.classifier else np.abs(answer - truth)
    return float(1 - off.mean() if task.classifier else off.mean())


def theirs(task: Task) -> Told:
    """NannyML's estimates of the same windows; an alert stands for what is not to be believed."""
    with tempfile.TemporaryDirectory() as place:
        table = task.inputs.assign(answer=task.answer, truth=task.truth)
        table["label"] = (task.answer > 0.5).astype(int)
        last = _starts(task)[-1] + task.window
        table[:last].astype(float).to_parquet(f"{place}/rows.parquet")
        words = ["cbpe" if task.classifier else "dle", place, str(task.reference), str(task.window)]
        command = [str(asking.PYTHON), "-W", "ignore", str(asking.HERE / "peers" / "estimate.py"), *words]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    value, low, high = (np.array(found[name]) for name in ("value", "low", "high"))
    return Told(value, low, high, np.ones(len(value), bool), (found["fit"], found["estimate"]))


def table(task: Task, *, plain: bool) -> Iterator[tuple[object, ...]]:
    """How far estimates are from the truth, by tool."""
    truth = np.array([_metric(task, slice(start, start + task.window)) for start in _starts(task)])
    usual = _metric(task, slice(0, task.reference))
    known = learnt(task)
    found = {
        "Konan, no truth ever": ours(task, known, 0.0),
        "Konan, every tenth truth, a window late": ours(task, known, 0.1, late=True),
        "Konan, every tenth truth": ours(task, known, 0.1),
        "Konan, every second truth": ours(task, known, 0.5),
    }
    if not plain:
        found["NannyML"] = theirs(task)
    found["the reference's own value"] = Told(
        np.full(len(truth), usual), truth * np.nan, truth * np.nan, truth > -1, (0.0, 0.0)
    )
    allowed = tolerance("accuracy" if task.classifier else "mae", usual)
    first = found["Konan, no truth ever"]
    bad = np.abs(first.value - truth) > allowed + _chance(task, known)
    yield (
        "tool",
        "mean error",
        "largest error",
        "truth within the interval",
        "mean width",
        "trusted of right ones",
        "trusted of wrong ones",
        "seconds to learn, to tell",
    )
    for tool, told in found.items():
        off = np.abs(told.value - truth)
        inside = (told.low - 1e-9 <= truth) & (truth <= told.high + 1e-9)
        flagged = tool.startswith("Konan")
        yield (
            tool,
            off.mean(),
            off.max(),
            "-" if np.isnan(told.low).all() else f"{100 * inside.mean():.0f} %",
            float((told.high - told.low).mean()),
            f"{told.trusted[~bad].sum()} of {(~bad).sum()}" if flagged else "-",
            f"{told.trusted[bad].sum()} of {bad.sum()}" if flagged else "-",
            "{:.2f}, {:.2f}".format(*told.seconds),
        )


def _spread(task: Task, rows: Any) -> float:
    """Standard deviation of what one row says."""
    if task.classifier:
        share = _metric(task, rows)
        return math.sqrt(share * (1 - share))
    return float(np.abs(task.answer[rows] - task.truth[rows]).std())


def _chance(task: Task, known: Learnt) -> Floats:
    """By so much a window may differ from its mean by the chance of its rows, in 99 of 100 windows."""
    spread = np.array([_spread(task, slice(start, start + task.window)) for start in _starts(task)])
    found: Floats = 2.58 * spread * np.sqrt(known.estimator.rows_as_one / task.window)
    return found


def periods(task: Task, count: int = 7) -> Iterator[tuple[object, ...]]:
    """The truth beside the estimate in parts of the time, and how many windows of each are trusted."""
    known = learnt(task)
    truth = np.array([_metric(task, slice(start, start + task.window)) for start in _starts(task)])
    told = ours(task, known, 0.1, late=True)
    by_truths = ours(task, known, 0.1, late=True, alone=True)
    yield "windows", "truth", "estimate", "trusted with every tenth truth, a window late", "by truths alone"
    for part in np.array_split(np.arange(len(truth)), count):
        yield (
            f"{part[0]}-{part[-1]}",
            truth[part].mean(),
            told.value[part].mean(),
            f"{told.trusted[part].sum()} of {len(part)}",
            f"{by_truths.trusted[part].sum()} of {len(part)}",
        )


def main() -> None:
    """Print a table for each task."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.monitoring.estimates", description=__doc__)
    parser.add_argument("--plain", action="store_true", help="without NannyML")
    given = parser.parse_args()
    if not given.plain or not Path(asking.PYTHON).exists():
        asking.prepare()
    for task in tasks():
        what = "accuracy" if task.classifier else "mean absolute error"
        windows = len(_starts(task))
        print(f"\n**{task.name}: {what}**, {windows} windows of {task.window:,} rows after ", end="")
        print(f"a reference of {task.reference:,}\n")
        show(table(task, plain=given.plain))
        print()
        show(periods(task))


if __name__ == "__main__":
    main()
