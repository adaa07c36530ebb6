"""Takes one person's rows out of a log of very many: ``python -m benchmarks.erasure --rows 1000000``.

Times are CPU seconds of this process (user and system), so that they mean the same on a busy machine.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from konan import clock, ids
from konan.erasure import rows
from konan.erasure.subjects import Subject, digest_of
from konan.predictions import table
from konan.predictions.columns import MOMENT, SYSTEM
from konan.predictions.table import LogTable

_KEY = b"k" * 32
_PART = 50_000


def part(first: int, count: int, people: int) -> pa.Table:
    """Rows of a log with five numbers and the person each is about."""
    random = np.random.default_rng(first)
    made = ids.IdSource().take(count)
    at = np.full(count, clock.now_ns() // 1000)
    columns: dict[str, object] = {
        "id": made,
        "request_id": made,
        "at": pa.array(at).cast(MOMENT),
        "day": pa.array((at // 86_400_000_000).astype(np.int32)).cast(pa.date32()),
        "version": pa.array(np.ones(count, np.int32)),
        "latency_us": pa.array(np.full(count, 300)),
        "output": [f'{{"value":{number}}}' for number in random.random(count)],
    }
    known = {name: columns.get(name, pa.nulls(count, SYSTEM.field(name).type)) for name in SYSTEM.names}
    numbers = {f"n_x{index}": random.random(count) for index in range(5)}
    who = [f"person-{number}" for number in random.integers(0, people, count)]
    return pa.table({**known, **numbers, "x_who": who})


def main() -> None:
    """Make the log, erase one person of it, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--people", type=int, default=50_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "log"
        for first in range(0, given.rows, _PART):
            LogTable(log).append(part(first, min(_PART, given.rows - first), given.people), {0: first + 1})
        size = sum(file.bytes for file in table.snapshot(log).files)
        began, wall = time.process_time(), time.monotonic()
        subject = Subject(_KEY, digest_of(_KEY, "person-17"))
        found = rows.predictions(log, frozenset({"who"}), subject, clock.now_ns() // 1000 + 1_000_000)
        looked = time.process_time() - began
        writing = LogTable(log)
        written = writing.delete_rows(set(found.ids))
        writing.purge()
        spent, waited = time.process_time() - began, time.monotonic() - wall
    print(f"rows of the log            {given.rows:>14,}  in {size:,} bytes")
    print(f"rows of the person         {len(found.ids):>14,}")
    print(f"CPU seconds to find them   {looked:>14.2f}")
    print(f"CPU seconds in all         {spent:>14.2f}  ({waited:.2f} s by the clock)")
    print(f"bytes written again        {written:>14,}")


if __name__ == "__main__":
    main()
