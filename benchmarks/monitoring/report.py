"""What a report costs: ``python -m benchmarks.monitoring.report [--rows 20000] [--rounds 7]``.

A server of its own is started, a classifier of twenty features deployed with the rows it was fitted on and a
holdout, rows are sent and nine of ten get their truth. Then the report is asked for again and again. Told are
the processor time of the control process (user and system) and the time on the clock, which is that of a
machine that may be shared, with their medians, and the size of the page.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from konan.client import Client
from konan.demo import server

FEATURES = 20
NAME = "shop"
TRAIN = f"""
import joblib
import numpy as np
from sklearn.linear_model import LogisticRegression

draw = np.random.default_rng(0)
for name, rows in (("data", 6000), ("holdout", 3000)):
    x = draw.normal(size=(rows, {FEATURES})).round(4)
    y = (x[:, 0] + x[:, 1] + draw.logistic(size=rows) > 0).astype(int)
    if name == "data":
        joblib.dump(LogisticRegression().fit(x, y), "model.joblib")
    heads = ",".join([*(f"x{{at}}" for at in range({FEATURES})), "bought"])
    np.savetxt(f"{{name}}.csv", np.column_stack([x, y]), "%.4f", ",", header=heads, comments="")
"""


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.monitoring.report", description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        server.own(Path(folder), keep=False) as running,
        Client(running.url, running.key) as client,
    ):
        prepare(client, Path(folder), given.rows)
        tell(client, given.rows, given.rounds)


def prepare(client: Client, folder: Path, rows: int) -> None:
    """Deploy, send rows, and tell the truth of most."""
    subprocess.run([sys.executable, "-c", TRAIN], cwd=folder, check=True)
    client.deploy(
        NAME,
        folder / "model.joblib",
        data=folder / "data.csv",
        holdout=folder / "holdout.csv",
        target="bought",
    )
    while not client.version(NAME, 1).reference.profile:
        time.sleep(0.2)
    made = list(client.predict_many(NAME, _rows(rows)))
    truths = [{"prediction_id": one.id, "target": at % 2} for at, one in enumerate(made) if at % 10]
    client.feedback(NAME, truths)
    while client.performance(NAME).windows[0].labelled < len(truths):
        time.sleep(1)


def tell(client: Client, rows: int, rounds: int) -> None:
    """Ask for the report, and tell what it cost."""
    (control,) = [one["pid"] for one in client.system().processes if one["name"] == "control"]
    costs = [cost(control, lambda: client.report(NAME)) for _ in range(rounds)]
    size = len(client.report(NAME))
    processor, clock = (statistics.median(one[at] for one in costs) for at in (0, 1))
    print(f"{FEATURES} features, {rows:,} rows, {rounds} reports")
    print(f"control, processor seconds: median {processor:.2f}, most {max(one[0] for one in costs):.2f}")
    print(f"seconds on the clock:       median {clock:.2f}, most {max(one[1] for one in costs):.2f}")
    print(f"bytes:                      {size:,}")


def cost(pid: int, ask: Callable[[], object]) -> tuple[float, float]:
    """Processor seconds of a process, and seconds on the clock."""
    process = psutil.Process(pid)
    before, began = process.cpu_times(), time.perf_counter()
    ask()
    took, after = time.perf_counter() - began, process.cpu_times()
    return after.user + after.system - before.user - before.system, took


def _rows(number: int) -> Iterator[dict[str, float]]:
    import numpy as np

    draw = np.random.default_rng(1)
    for _ in range(number):
        values = draw.normal(0.1, 1, FEATURES).round(4)
        yield {f"x{at}": float(value) for at, value in enumerate(values)}


if __name__ == "__main__":
    main()
