"""What a profile costs: processor time and memory of counting rows, of adding profiles, and their size.

Run ``python -m benchmarks.monitoring.profiles [--rounds 7]``. All times are processor time of this process
(user and system, all threads), because machines are shared; each figure is the median of the rounds, which
take turns.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from konan.monitoring.profiles.cells import Cells
from konan.monitoring.profiles.histogram import fit_numeric, known_categories
from konan.monitoring.profiles.profile import Layout, Profile, merged

ROWS = 100_000
FEATURES = 20
MILLIONS = 10
HOURS = 90 * 24


def table_of(rows: int, texts: int, seed: int) -> pa.Table:
    """Rows with 20 features, of which some are texts and one is mostly zero."""
    rng = np.random.default_rng(seed)
    found: dict[str, object] = {}
    for number in range(FEATURES - texts):
        found[f"features.n{number}"] = rng.normal(size=rows)
    if not texts:
        found["features.n0"] = np.where(rng.random(rows) < 0.7, 0.0, rng.exponential(size=rows))
    for number in range(texts):
        found[f"features.s{number}"] = pa.array([f"c{one}" for one in rng.zipf(1.6, rows) % 200])
    return pa.table(found)


def layout_of(table: pa.Table) -> Layout:
    cells: list[Cells] = []
    for name in table.column_names:
        if pa.types.is_floating(table[name].type):
            cells.append(fit_numeric(name, np.asarray(table[name])))
        else:
            counts: dict[str, int] = {}
            for text in table[name].to_pylist():
                counts[text] = counts.get(text, 0) + 1
            cells.append(known_categories(name, counts))
    return Layout(tuple(cells))


def seconds_of(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def in_parts(layout: Layout, table: pa.Table, size: int) -> Profile:
    starts = range(0, table.num_rows, size)
    return merged(layout, (Profile.of(layout, table.slice(start, size)) for start in starts))


def figures(rounds: int) -> dict[str, float]:
    numbers, mixed = (table_of(ROWS, texts, 1) for texts in (0, 5))
    layout, mixed_layout = layout_of(numbers), layout_of(mixed)
    hour = Profile.of(layout, numbers.slice(0, 1000))
    hours = [hour.to_bytes()] * HOURS
    works: dict[str, Callable[[], object]] = {
        "fit": lambda: layout_of(numbers),
        "numbers": lambda: Profile.of(layout, numbers),
        "mixed": lambda: Profile.of(mixed_layout, mixed),
        "by 1000": lambda: in_parts(layout, numbers, 1000),
        "by 100": lambda: in_parts(layout, numbers.slice(0, ROWS // 10), 100),
        "hours": lambda: merged(layout, map(Profile.from_bytes, hours)),
    }
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            taken[name].append(seconds_of(work))
    return {name: statistics.median(all_of_it) for name, all_of_it in taken.items()} | {
        "bytes": float(len(hours[0])),
    }


def grown(rows: int) -> tuple[float, float]:
    """Processor time of so many rows, a batch of 100,000 at a time, and mebibytes that memory grew by."""
    table = table_of(ROWS, 0, 2)
    layout = layout_of(table)
    total = Profile.of(layout, table)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.process_time()
    for _ in range(rows // ROWS):
        total = total.merge(Profile.of(layout, table))
    took = time.process_time() - begun
    return took, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    found = figures(given.rounds)
    took, more = grown(MILLIONS * 1_000_000)
    lines = [
        ("fit cells, 100,000 rows of 20 numbers", f"{found['fit']:.3f} s"),
        ("count 100,000 rows of 20 numbers", each(found["numbers"], ROWS)),
        ("count 100,000 rows of 15 numbers and 5 texts", each(found["mixed"], ROWS)),
        ("count them 1000 at a time", each(found["by 1000"], ROWS)),
        ("count 10,000 of them 100 at a time", each(found["by 100"], ROWS // 10)),
        (f"read and add {HOURS} hours of 20 numbers", f"{found['hours'] * 1000:.1f} ms"),
        ("a profile of 20 numbers", f"{found['bytes']:.0f} bytes"),
        (f"count {MILLIONS} million rows of 20 numbers", f"{took:.1f} s, {more:.0f} MiB more memory"),
    ]
    print("| what | processor time |\n|---|---|")
    for name, told in lines:
        print(f"| {name} | {told} |")


def each(seconds: float, rows: int) -> str:
    return f"{seconds:.3f} s, {seconds / rows * 1e6:.2f} us a row"


if __name__ == "__main__":
    main()
