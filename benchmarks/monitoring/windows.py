"""What live profiles cost: counting at a commit, asking for 90 days, their size, and the memory of counting.

Run ``python -m benchmarks.monitoring.windows [--days 90] [--rows 2400] [--rounds 7]``. Rows have 20 features
(16 numbers, 4 texts), a label and a score. They are written into a table as the flusher writes them, first a
commit a day, then larger and smaller ones; timed is what follows from a commit, from merging files, and when
all is counted again.
The question for 90 days is asked of these profiles, and of the same with every count 100,000 times as large.
All times are processor time of this process (user and system, all threads); each is the median of the rounds.
"""

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from konan.monitoring.profiles.histogram import fit_category, fit_numeric
from konan.monitoring.profiles.live import LiveProfiles
from konan.monitoring.profiles.profile import FEATURES, LABEL, SCORE, Layout
from konan.monitoring.profiles.store import NAME, Store
from konan.monitoring.profiles.windows import DAY, HOUR, Span, Windows
from konan.predictions import table
from konan.predictions.columns import MOMENT
from konan.predictions.following import tell
from konan.predictions.table import LogTable
from konan.predictions.tidying import tidy
from konan.records.schema import Feature, Output, Schema

LOG = "01890000-0000-7000-8000-00000000000a"
NUMBERS, TEXTS = 16, 4
TIMES = 100_000
START = 20_513 * DAY
PLANS = ("free", "small", "large", "own")


def schema(*, segments: bool) -> Schema:
    return Schema(
        features=(
            *(Feature(name=f"n{number}", type="number") for number in range(NUMBERS)),
            *(Feature(name=f"s{number}", type="string") for number in range(TEXTS)),
        ),
        output=Output(kind="classifier", classes=("no", "yes"), probabilities=True),
        extra=("plan",),
        segments=("plan",) if segments else (),
    )


def layout_of(rows: pa.Table) -> Layout:
    numbers = [fit_numeric(f"{FEATURES}n{n}", rows[f"n_n{n}"].to_numpy()) for n in range(NUMBERS)]
    texts = [fit_category(f"{FEATURES}s{n}", rows[f"s_s{n}"].to_pylist()) for n in range(TEXTS)]
    label = fit_category(LABEL, rows["label"].to_pylist())
    return Layout((*numbers, *texts, label, fit_numeric(SCORE, rows["probability"].to_numpy())))


def rows_of(hour: int, count: int, seed: int, hours: int = 1) -> pa.Table:
    """The rows of some hours of a day, in the columns of the log."""
    rng = np.random.default_rng(seed)
    times = START * 1000 + hour * HOUR * 1000 + np.sort(rng.integers(0, hours * HOUR * 1000, count))
    texts = [f"{time:012x}" for time in times.tolist()]
    ids = [f"{one[:8]}-{one[8:]}-7000-8000-{seed:04x}{n:08x}" for n, one in enumerate(texts)]
    shares = rng.random(count).round(4)
    labels = np.where(shares > 0.5, "yes", "no").tolist()
    outputs = [
        json.dumps({"label": label, "probabilities": {"no": 1 - share, "yes": share}})
        for label, share in zip(labels, shares.tolist(), strict=True)
    ]
    found: dict[str, Any] = {
        "id": pa.array(ids),
        "request_id": pa.array(ids),
        "at": pa.array(times * 1000).cast(MOMENT),
        "day": pa.repeat(pa.scalar((START // HOUR + hour) // 24, pa.int32()), count).cast(pa.date32()),
        "version": pa.repeat(pa.scalar(1, pa.int32()), count),
        "role": pa.repeat("live", count),
        "mirrors": pa.nulls(count, pa.string()),
        "label": pa.array(labels),
        "value": pa.nulls(count, pa.float64()),
        "probability": pa.array(np.maximum(shares, 1 - shares)),
        "output": pa.array(outputs),
        "x_plan": pa.array(rng.choice(PLANS, count)),
    }
    found |= {f"n_n{n}": pa.array(rng.normal(n, 3, count)) for n in range(NUMBERS)}
    found |= {f"s_s{n}": pa.array([f"c{one}" for one in rng.zipf(1.6, count) % 60]) for n in range(TEXTS)}
    return pa.table(found)


def seconds_of(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


class World:
    """A log with a table and profiles."""

    def __init__(self, root: Path, *, segments: bool = False) -> None:
        self.root = root
        wanted = schema(segments=segments)
        self.follower = LiveProfiles(root, lambda _, __: wanted, rows=10**12)
        self.store = Store(root / LOG)
        self.store.layouts.put(1, layout_of(rows_of(0, 20_000, 1)))
        self.log = LogTable(root / LOG)
        self.sequence = 0

    def commit(self, rows: pa.Table) -> float:
        """Put rows into the table; processor seconds of what follows."""
        self.sequence += 1
        self.log.append(rows, {0: self.sequence})
        return self.follow()

    def follow(self) -> float:
        """Processor seconds of what follows from a table as it is."""
        return seconds_of(lambda: tell(self.follower, LOG, self.log.now))

    def forget(self) -> None:
        """Have all counted again."""
        for path in (self.root / LOG / NAME).glob("[0-9]*.day"):
            path.unlink()
        self.store.forget()

    def size(self) -> int:
        """Bytes of all profiles."""
        return sum(path.stat().st_size for path in (self.root / LOG / NAME).glob("*.day"))


def asking(root: Path, days: int, rounds: int, segment: tuple[str, str] | None = None) -> list[str]:
    """The 90-day questions, by day, by hour, and as one window."""
    found, end = [], START + days * DAY
    for what, every in (("days", DAY), ("hours", HOUR), ("one window", days * DAY)):
        times = [
            seconds_of(lambda: Windows(root).read(LOG, 1, "live", Span(START, end, every), segment))  # noqa: B023
            for _ in range(rounds)
        ]
        found.append(f"{what} {statistics.median(times) * 1000:.1f} ms")
    return found


def grown(world: World) -> None:
    """Make every count as large as of very much traffic."""
    for day in world.store.index().days:
        profiles = world.store.day(day)
        for hours in profiles.found.values():
            for hour in hours:
                hours[hour] = hours[hour] * TIMES
        world.store.put(day, profiles)


def measured(root: Path, days: int, daily: int, rounds: int, *, segments: bool) -> None:
    world = World(root, segments=segments)
    hourly, hours = daily // 24, days * 24
    for day in range(days):
        world.commit(rows_of(day * 24, daily, 1000 + day, 24))
    costs = [world.commit(rows_of(hours + n, hourly, 500 + n)) for n in range(rounds)]
    big = [world.commit(rows_of(hours + n, 50_000, n)) / 50_000 for n in range(rounds)]
    small = [world.commit(rows_of(hours + n, 1, 100 + n)) for n in range(rounds)]
    print(f"{'with a segment column of four values' if segments else 'without segments'}")
    print(f"  a commit of {hourly:,} rows: {statistics.median(costs) / hourly * 1e6:.2f} us a row")
    print(f"  a commit of 50,000 rows: {statistics.median(big) * 1e6:.2f} us a row")
    print(f"  a commit of one row: {statistics.median(small) * 1000:.1f} ms")
    merging = seconds_of(lambda: tidy(root / LOG, 0))
    world.log = LogTable(root / LOG)
    print(f"  after merging files (which itself took {merging:.1f} s): {world.follow() * 1000:.0f} ms")
    total = sum(file.rows for file in table.snapshot(root / LOG).files)
    world.forget()
    print(f"  all {total:,} rows counted again: {world.follow() / total * 1e6:.2f} us a row")
    print(f"  size: {world.size() / (days * 24):,.0f} bytes an hour of {hourly:,} rows")
    print(f"  {days} days: {', '.join(asking(root, days, rounds))}")
    if segments:
        print(f"  of one segment: {', '.join(asking(root, days, rounds, ('plan', 'free')))}")
    grown(world)
    print(f"  with {TIMES:,} times the rows: {', '.join(asking(root, days, rounds))}")
    print(f"  size then: {world.size() / (days * 24):,.0f} bytes an hour")


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.monitoring.windows")
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--rows", type=int, default=2_400, help="rows a day")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    for segments in (False, True):
        with tempfile.TemporaryDirectory() as place:
            measured(Path(place), given.days, given.rows, given.rounds, segments=segments)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"largest resident memory, with making the rows: {peak:.0f} MiB")


if __name__ == "__main__":
    main()
