"""Processor time of hiding private columns, beside reading the same body: ``python -m benchmarks.privacy``.

Each figure is the median of interleaved rounds, in microseconds of this process's processor time per row.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable

from konan.records.schema import Feature, Privacy, Schema
from konan.serving.privacy import Cover
from konan.serving.validation import Validator

ROW = {f"f{n}": n * 1.25 for n in range(8)} | {"name": "Anna Muster", "customer": "C-17"}
CASES: dict[str, dict[str, Privacy]] = {
    "one masked": {"name": "mask"},
    "one hashed": {"customer": "hash"},
    "one dropped": {"f1": "drop"},
    "one masked, two hashed, one dropped": {"name": "mask", "customer": "hash", "f2": "hash", "f1": "drop"},
}


def schema(privacy: dict[str, Privacy]) -> Schema:
    return Schema(
        features=tuple(
            Feature(
                name=name,
                type="string" if isinstance(value, str) else "number",
                privacy=privacy.get(name, "keep"),
            )
            for name, value in ROW.items()
        )
    )


def measured(work: Callable[[bytes], object], body: bytes, calls: int) -> float:
    began = time.process_time()
    for _ in range(calls):
        work(body)
    return (time.process_time() - began) / calls * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.privacy", description=__doc__)
    parser.add_argument(
        "--full", action="store_true", help="seven rounds of 20,000 calls, not three of 2,000"
    )
    rounds, calls = (7, 20_000) if parser.parse_args().full else (3, 2_000)
    works: dict[str, Callable[[bytes], object]] = {
        "read and checked": Validator(schema({}), rows=1000, depth=64).parse
    }
    works |= {name: Cover(schema(privacy), b"k" * 32).rows for name, privacy in CASES.items()}
    for rows in (1, 100):
        body = json.dumps(ROW if rows == 1 else [ROW] * rows).encode()
        found: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(rounds):
            for name, work in works.items():
                found[name].append(measured(work, body, max(1, calls // rows)) / rows)
        print(f"bodies of {rows} rows with {len(ROW)} columns")
        for name, times in found.items():
            print(f"  {name:<38} {statistics.median(times):6.2f} us a row")


if __name__ == "__main__":
    main()
