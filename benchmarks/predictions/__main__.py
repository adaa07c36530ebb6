"""Measure the prediction log: ``python -m benchmarks.predictions`` (``--full`` for full size)."""

import argparse
import platform
import sys
import tempfile
from pathlib import Path

from benchmarks.predictions import flushing, paging


def main() -> int:
    """Measure and print."""
    options = _options()
    print(f"Python {platform.python_version()}, {platform.system()}")
    with tempfile.TemporaryDirectory(prefix="konan-bench-", dir=options.dir) as name:
        if "busy" in options.parts:
            _print("one busy deployment", flushing.busy(Path(name) / "busy", options.rate, options.seconds))
        if "quiet" in options.parts:
            found = flushing.quiet(Path(name) / "quiet", options.deployments, options.quiet_seconds)
            _print("many quiet deployments", found)
        if "pages" in options.parts:
            _print("pages", paging.measure(Path(name) / "pages", options.rows, options.rounds))
    return 0


def _options() -> argparse.Namespace:
    full = "--full" in sys.argv
    parser = argparse.ArgumentParser(prog="python -m benchmarks.predictions", description=__doc__)
    parser.add_argument("--full", action="store_true", help="full sizes instead of small ones")
    parser.add_argument("--parts", default="busy,quiet,pages", help="which (busy,quiet,pages)")
    parser.add_argument("--rate", type=float, default=10_000, help="rows a second of the busy deployment")
    parser.add_argument("--seconds", type=float, default=60 if full else 10, help="how long it is busy")
    parser.add_argument("--deployments", type=int, default=1000 if full else 100, help="quiet deployments")
    parser.add_argument("--quiet-seconds", type=float, default=300 if full else 15, help="how long")
    parser.add_argument("--rows", type=int, default=10**7 if full else 10**6, help="rows to page through")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each page")
    parser.add_argument("--dir", default=None, help="where to work; else the system's temporary directory")
    return parser.parse_args()


def _print(title: str, lines: list[str]) -> None:
    print(f"\n{title}")
    for line in lines:
        print(f"  {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
