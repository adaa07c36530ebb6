"""What performance over time costs: counting answers beside truths, late truths, and asking for 90 days.

Run ``python -m benchmarks.monitoring.performance [--kind two] [--rows 10000000] [--late 1000000]``.
Predictions with a segment column of four values are written into a table, a commit a day, and nine of ten
get their truth at once. Then the late truths come, of predictions of all days, in commits of 100,000, each
followed by what the writer process does after it. All times are processor time (user and system, all threads
of the process); of questions the median of the rounds. Counting and asking run in processes of their own,
whose largest resident memory is told. Last come whole reports, as the HTTP API gives them: with summaries
read, metrics, intervals, delays, slices and decisions.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.monitoring.performance_reports import Server, reported
from konan.groundtruth.revisions import SUFFIX
from konan.groundtruth.tables import COLUMNS
from konan.monitoring.performance.metrics import metrics
from konan.monitoring.performance.shape import Shape
from konan.monitoring.performance.windows import PerformanceWindows
from konan.monitoring.profiles.live import LiveProfiles
from konan.monitoring.profiles.store import NAME
from konan.monitoring.profiles.windows import DAY, HOUR, Span
from konan.predictions.columns import MOMENT
from konan.predictions.following import tell
from konan.predictions.table import LogTable, snapshot
from konan.records.schema import Feature, Output, Schema

LOG = "01890000-0000-7000-8000-00000000000a"
START = 20_513 * DAY
PLANS = ("free", "small", "large", "own")
COMMIT = 100_000
OUTPUTS = {
    "two": Output(kind="classifier", classes=("no", "yes"), probabilities=True),
    "five": Output(kind="classifier", classes=("a", "b", "c", "d", "e"), probabilities=True),
    "number": Output(kind="regressor"),
}


def schema(kind: str) -> Schema:
    return Schema(
        features=(Feature(name="x", type="number"),),
        output=OUTPUTS[kind],
        extra=("plan",),
        segments=("plan",),
    )


def rows_of(kind: str, day: int, count: int) -> tuple[pa.Table, pa.Table]:
    """The predictions of a day in the columns of the log, and the truth of each."""
    rng = np.random.default_rng(day)
    times = (START + day * DAY) * 1000 + np.sort(rng.integers(0, DAY * 1000, count))
    texts = [f"{moment:012x}" for moment in times.tolist()]
    ids = pa.array([f"{one[:8]}-{one[8:]}-7000-8000-{n:012x}" for n, one in enumerate(texts)])
    answers, truths = answered(kind, rng, count)
    days = pa.repeat(pa.scalar(START // DAY + day, pa.int32()), count).cast(pa.date32())
    found: dict[str, Any] = {
        "id": ids,
        "request_id": ids,
        "at": pa.array(times * 1000).cast(MOMENT),
        "day": days,
        "version": pa.repeat(pa.scalar(1, pa.int32()), count),
        "role": pa.repeat("live", count),
        "mirrors": pa.nulls(count, pa.string()),
        **answers,
        "x_plan": pa.array(rng.choice(PLANS, count)),
        "n_x": pa.array(rng.normal(0, 1, count)),
    }
    known = {
        "id": ids,
        "day": days,
        "observed_at": pa.array(times * 1000).cast(MOMENT),
        "received_at": pa.array(times * 1000 + 3_600_000_000).cast(MOMENT),
        "arrival": pa.array(times * 1_000_000 + 3_600_000_000_000),
        "target": pa.repeat("0", count),
        **truths,
        "key": pa.nulls(count, pa.string()),
        "key_id": pa.repeat("k", count),
    }
    return pa.table(found), pa.table(known).select(COLUMNS.names)


def answered(kind: str, rng: np.random.Generator, count: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Answers and truths, as columns."""
    none = {"label": pa.nulls(count, pa.string()), "value": pa.nulls(count, pa.float64())}
    if kind == "number":
        truth = rng.normal(200, 40, count)
        value = truth + rng.normal(0, 9, count)
        texts = [json.dumps({"value": one}) for one in value.tolist()]
        answers = {"value": pa.array(value), "probability": pa.nulls(count, pa.float64())}
        return none | answers | {"output": pa.array(texts)}, none | {"value": pa.array(truth)}
    classes = np.array(OUTPUTS[kind].classes)
    scores = rng.dirichlet(np.full(len(classes), 0.7), count)
    truth = (scores.cumsum(axis=1) < rng.random(count)[:, None]).sum(axis=1).clip(max=len(classes) - 1)
    label = scores.argmax(axis=1)
    texts = [
        json.dumps({"label": str(one), "probabilities": dict(zip(classes.tolist(), row, strict=True))})
        for one, row in zip(classes[label], scores.tolist(), strict=True)
    ]
    answers = {"label": pa.array(classes[label].tolist()), "probability": pa.array(scores.max(axis=1))}
    return none | answers | {"output": pa.array(texts)}, none | {"label": pa.array(classes[truth].tolist())}


def written(root: Path, given: argparse.Namespace) -> None:
    """Write predictions and most of their truths; the late ones wait in files."""
    log, truths, daily = LogTable(root / LOG), LogTable(root / (LOG + SUFFIX)), given.rows // given.days
    waiting = []
    for day in range(given.days):
        rows, known = rows_of(given.kind, day, daily)
        log.append(rows, {0: day + 1})
        late = np.random.default_rng(day).random(daily) < given.late / given.rows
        truths.append(known.filter(pa.array(~late)), {0: day + 1})
        waiting.append(known.filter(pa.array(late)))
    everything = pa.concat_tables(waiting)
    order = np.random.default_rng(0).permutation(everything.num_rows)
    for number, start in enumerate(range(0, everything.num_rows, COMMIT)):
        some = everything.take(pa.array(np.sort(order[start : start + COMMIT])))
        pq.write_table(some, root / f"late-{number}.parquet")


def counted(root: Path, kind: str) -> str:
    """Count everything; says what it cost."""
    follower = LiveProfiles(root, lambda _, __: schema(kind), rows=10**12)
    log = LogTable(root / LOG)
    took = seconds_of(lambda: tell(follower, LOG, log.now))
    rows = sum(file.rows for file in snapshot(root / LOG).files)
    return f"all {rows:,} rows counted: {took:.0f} s, {took / rows * 1e6:.2f} us a row"


def late(root: Path, kind: str) -> str:
    """Have the late truths come, as the writer process does; says until when they are seen."""
    windows = PerformanceWindows(root)
    follower = LiveProfiles(root, lambda _, __: schema(kind))
    truths, log = LogTable(root / (LOG + SUFFIX)), LogTable(root / LOG)
    paths = sorted(root.glob("late-*.parquet"))
    committing = following = 0.0
    rows = 0
    for number, path in enumerate(paths):
        some = pq.read_table(path)
        rows += some.num_rows
        committing += seconds_of(lambda: truths.append(some, {1: number + 1}))  # noqa: B023
        following += seconds_of(lambda: tell(follower, LOG + SUFFIX, truths.now))
    while not windows.profiles.is_complete(LOG):
        following += seconds_of(lambda: tell(follower, LOG, log.now))
    return (
        f"late {rows:,} truths in {len(paths)} commits: seen after {committing + following:.0f} s "
        f"(written {committing:.0f} s, counted {following:.0f} s)"
    )


def asked(root: Path, kind: str, days: int, rounds: int) -> str:
    """The 90-day questions with all metrics."""
    shape, end = Shape.of(OUTPUTS[kind]), START + days * DAY
    found = []
    for what, every, segment in (
        ("days", DAY, None),
        ("one window", days * DAY, None),
        ("hours", HOUR, None),
        ("days of a segment", DAY, ("plan", "free")),
    ):
        times = [
            seconds_of(lambda: question(root, shape, Span(START, end, every), segment))  # noqa: B023
            for _ in range(rounds if every > HOUR else 1)
        ]
        found.append(f"{what} {statistics.median(times) * 1000:.0f} ms")
    ((_, whole),) = PerformanceWindows(root).read(LOG, 1, "live", Span(START, end, days * DAY), shape)
    told = ", ".join(f"{one.name} {one.value:.4f}" for one in metrics(whole) if not one.of and one.value)
    return f"{days} days with all metrics: {', '.join(found)}\n{whole.labelled:,} labelled: {told}"


def reports(root: Path, kind: str, days: int, rounds: int) -> str:
    """The 90-day reports."""
    server = Server(root, LOG, schema(kind))
    try:
        return reported(server, schema(kind), START, days, rounds)
    finally:
        server.store.close()


def question(root: Path, shape: Shape, span: Span, segment: tuple[str, str] | None) -> int:
    windows = PerformanceWindows(root).read(LOG, 1, "live", span, shape, segment)
    return sum(len(metrics(summary)) for _, summary in windows)


def seconds_of(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.monitoring.performance")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--late", type=int, default=1_000_000)
    parser.add_argument("--kind", choices=sorted(OUTPUTS), default="two")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--step", choices=["count", "late", "ask", "report"], help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        print(step(given))
        return
    with tempfile.TemporaryDirectory() as place:
        written(Path(place), given)
        print(f"{given.kind}: {given.rows:,} predictions of {given.days} days")
        for one in ("count", "late", "ask", "report"):
            command = [sys.executable, "-m", "benchmarks.monitoring.performance", *sys.argv[1:]]
            subprocess.run([*command, "--step", one, "--root", place], check=True)
        size = sum(path.stat().st_size for path in (Path(place) / LOG / NAME).glob("*.day"))
        print(f"size: {size / given.days / 1024:,.0f} KiB a day")


def step(given: argparse.Namespace) -> str:
    if given.step == "count":
        said = counted(given.root, given.kind)
    elif given.step == "late":
        said = late(given.root, given.kind)
    elif given.step == "report":
        said = reports(given.root, given.kind, given.days, given.rounds)
    else:
        said = asked(given.root, given.kind, given.days, given.rounds)
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return f"{said}\n  (largest resident memory {int(peak) / 1024:.0f} MiB)"


if __name__ == "__main__":
    main()
