"""Where the platform's memory is: ``python -m benchmarks.memory``.

Proportional set size (PSS) of each process with one model deployed, at rest, after load, and later still.
Needs Linux, two cores, ``wrk`` and ``taskset``.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.serving import load, models, servers

_CONNECTIONS = 64


class Part(NamedTuple):
    """The memory of one process.

    Attributes:
        name: what it is.
        pss: bytes; a page that several processes share counts for each in part.
        anonymous: those of them that no file holds.
        cpu: user and system seconds so far.
    """

    name: str
    pss: int
    anonymous: int
    cpu: float


def main() -> int:
    """Measure and print a table after each stretch."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="konan-memory-") as name:
        directory = Path(name)
        model = next(one for one in models.train(directory) if one.name == options.model)
        with servers.konan(model, directory) as server:
            lua = directory / "load.lua"
            load.script(lua, models.named_bodies(model.rows), server.headers)
            _show("deployed", server.pid)
            total = 0
            for _ in range(options.stretches):
                figures = load.run(server.url, lua, _CONNECTIONS, options.seconds, server.pid)
                total += round(figures.rps * options.seconds)
                _show(
                    f"after {total:,} requests ({figures.rps:,.0f}/s, {figures.cpu_us:.0f} us CPU each)",
                    server.pid,
                )
            time.sleep(options.rest)
            _show(f"{options.rest:g} s later", server.pid)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--model", default="lr", choices=["lr", "forest"], help="which one is deployed (lr)")
    parser.add_argument("--stretches", type=int, default=3, help="stretches of load (3)")
    parser.add_argument("--seconds", type=float, default=5, help="seconds of each (5)")
    parser.add_argument("--rest", type=float, default=60, help="seconds without load at the end (60)")
    return parser.parse_args()


def _show(title: str, pid: int) -> None:
    parts = list(_parts(pid))
    print(f"\n{title}: {sum(part.pss for part in parts) / 2**20:.0f} MiB")
    for part in parts:
        print(
            f"  {part.name:<40} {part.pss / 2**20:6.1f} MiB, {part.anonymous / 2**20:6.1f} of it its own; "
            f"{part.cpu:.1f} s CPU",
            flush=True,
        )


def _parts(pid: int) -> Iterator[Part]:
    root = psutil.Process(pid)
    for process in [root, *root.children(recursive=True)]:
        try:
            rolled = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
            times = process.cpu_times()
            command = process.cmdline()
        except (OSError, psutil.NoSuchProcess):
            continue
        sizes = {words[0]: int(words[1]) * 1024 for line in rolled[1:] if (words := line.split())}
        yield Part(_name(command), sizes["Pss:"], sizes["Pss_Anon:"], times.user + times.system)


def _name(command: list[str]) -> str:
    """The part of a command line that tells processes apart."""
    if "-m" in command:
        return " ".join(command[command.index("-m") + 1 :])[:40]
    return " ".join(Path(word).name for word in command[-2:])[:40]


if __name__ == "__main__":
    raise SystemExit(main())
