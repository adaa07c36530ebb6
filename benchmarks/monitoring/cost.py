"""What drift costs: processor time beside peers, memory of a large table, a question for 90 days."""

import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.monitoring import asking, ours, windows
from benchmarks.monitoring.profiles import table_of
from konan.monitoring.drift.comparison import drift
from konan.monitoring.profiles.profile import Profile

ROWS = 100_000
ROUNDS = 5
DAYS = 90
METHODS = ("jensen_shannon", "wasserstein", "kolmogorov_smirnov")


def table(rows: int) -> Iterator[tuple[object, ...]]:
    """What, and what it takes.

    Args:
        rows: of the large table.
    """
    usual, now = (_features(ROWS, seed) for seed in (1, 2))
    yield "what", "processor time", "times ours"
    counted, judged, fitted = _ours(usual, now)
    own = counted + judged
    yield f"Konan: profile of {ROWS:,} x 20 rows, and drift", f"{counted:.3f} + {judged:.3f} s", 1
    yield "Konan: reference of as many rows, once", f"{fitted:.3f} s", round(fitted / own, 1)
    found = asking.of_windows("evidently", usual, [now])
    yield (
        "Evidently: preset on drift, as a dict, without HTML",
        f"{found['cpu']:.2f} s",
        round(found["cpu"] / own, 1),
    )
    for method in METHODS:
        found = asking.of_windows("nannyml", usual, [now], "0", method)
        yield f"NannyML: {method}, fit and calculate", f"{found['cpu']:.2f} s", round(found["cpu"] / own, 1)
    took, more = streamed(rows)
    yield (
        f"Konan: {rows:,} x 20 rows, streamed; {more:.0f} MiB more memory than for the first 100,000",
        f"{took:.1f} s",
        "",
    )
    yield from _asked()


def _features(rows: int, seed: int) -> pa.Table:
    found = table_of(rows, 0, seed)
    return found.rename_columns([name.removeprefix("features.") for name in found.column_names])


def _ours(usual: pa.Table, now: pa.Table) -> tuple[float, float, float]:
    """Medians: to count a window, to compare it, to make the reference."""
    taken: tuple[list[float], ...] = ([], [], [])
    for _ in range(ROUNDS):
        marks = [time.process_time()]
        reference = ours.reference(usual)
        marks.append(time.process_time())
        profile = Profile.of(reference.layout, ours.named(now))
        marks.append(time.process_time())
        drift(reference.profile, profile, reference.layout)
        marks.append(time.process_time())
        for kept, took in zip(taken, np.diff(marks), strict=True):
            kept.append(float(took))
    fitted, counted, judged = map(statistics.median, taken)
    return counted, judged, fitted


def streamed(rows: int) -> tuple[float, float]:
    """Processor time to count rows that come 100,000 at a time, and mebibytes that memory grew by."""
    reference = ours.reference(_features(ROWS, 3))
    total = Profile.of(reference.layout, ours.named(_features(ROWS, 4)))
    before, took = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0.0
    for batch in range(rows // ROWS):
        now = ours.named(_features(ROWS, 10 + batch))
        begun = time.process_time()
        total = total.merge(Profile.of(reference.layout, now))
        took += time.process_time() - begun
    return took, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def _asked() -> Iterator[tuple[object, ...]]:
    with tempfile.TemporaryDirectory() as place:
        world = windows.World(Path(place))
        for day in range(DAYS):
            world.commit(windows.rows_of(day * 24, 2400, 1000 + day, 24))
        windows.grown(world)
        for told in windows.asking(Path(place), DAYS, 7):
            what, _, took = told.rpartition(" ms")[0].rpartition(" ")
            yield f"Konan: {DAYS} days of 240 million rows a day, by {what}", f"{took} ms", ""
