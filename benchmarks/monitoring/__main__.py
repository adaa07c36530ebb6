"""Measure monitoring beside its peers: ``python -m benchmarks.monitoring [PART ...] [--full]``.

Parts: ``cost``, ``silence``, ``faults``, ``real``, ``errors``. Each prints tables of Markdown with its
command and sizes.
All times are processor time (user and system, of all threads of the process), for machines are shared.
Windows, repetitions and bootstraps are few unless ``--full``; each may be set alone. Peers run in an
environment of their own, which is made once; real data are fetched once from the package index.
"""

import argparse
import sys
from collections.abc import Callable, Iterator

from benchmarks.monitoring import asking, cost, faults, real, silence
from benchmarks.monitoring.simulate import show

PARTS = ("cost", "silence", "faults", "real", "errors")


def main() -> None:
    """Measure what is asked for."""
    given = _options()
    asking.prepare()
    print(f"python -m benchmarks.monitoring {' '.join(sys.argv[1:])}".strip())
    for name in given.parts or PARTS:
        for what, rows in _tables(given)[name]():
            print(f"\n{what}\n")
            show(rows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.monitoring", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []])
    parser.add_argument(
        "--full", action="store_true", help="1,000 windows, 100 of peers, 200 bootstraps, 10 million rows"
    )
    parser.add_argument("--windows", type=int, help="of ours without drift, for each size (20)")
    parser.add_argument("--peer-windows", type=int, help="of theirs (5)")
    parser.add_argument(
        "--looks", type=int, help="windows that alarms look at, of a tenth as many references (50)"
    )
    parser.add_argument("--bootstraps", type=int, help="quiet streams to calibrate detectors on (20)")
    parser.add_argument("--rows", type=int, help="of the large table (1,000,000)")
    given = parser.parse_args()
    few = {"windows": 20, "peer_windows": 5, "looks": 50, "bootstraps": 20, "rows": 1_000_000}
    many = {"windows": 1000, "peer_windows": 100, "looks": 365, "bootstraps": 200, "rows": 10_000_000}
    for name, size in (many if given.full else few).items():
        if getattr(given, name) is None:
            setattr(given, name, size)
    return given


Tables = Iterator[tuple[str, Iterator[tuple[object, ...]]]]


def _tables(given: argparse.Namespace) -> dict[str, Callable[[], Tables]]:
    return {
        "cost": lambda: _cost(given),
        "silence": lambda: _silence(given),
        "faults": lambda: iter([("**Faults**, one window of 1,000 rows beside 5,000", faults.table())]),
        "real": lambda: _real(given),
        "errors": lambda: _errors(given),
    }


def _cost(given: argparse.Namespace) -> Tables:
    yield "**Cost**, processor time", cost.table(given.rows)


def _silence(given: argparse.Namespace) -> Tables:
    yield (
        "**Silence**, 20 features, reference of 10,000 rows",
        silence.tables(given.windows, given.peer_windows),
    )
    yield "**Alarms that look at every window**", silence.alarms(max(given.looks // 10, 2), given.looks)
    yield "**A forest on fresh rows**", silence.forest(min(given.windows, 100), given.peer_windows)


def _real(given: argparse.Namespace) -> Tables:
    yield "**Employment 2016-2018 beside 2015, shuffled**", real.employment(given.peer_windows)
    for name in real.STREAMS:
        yield f"**{name}: inputs**", real.inputs(name)


def _errors(given: argparse.Namespace) -> Tables:
    for name in real.STREAMS:
        yield f"**{name}: errors**, {given.bootstraps} bootstraps", real.errors(name, given.bootstraps)


if __name__ == "__main__":
    main()
