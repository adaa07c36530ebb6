"""Throughput with the log and without: ``python -m benchmarks.durability`` (``--full`` for longer).

Three servers run the same model on core 0, the load on core 1: with the durable journal, with the buffered
one, and with gateways that keep nothing (`benchmarks.durability.gateway`). Each round loads all three,
beginning with another one. What the server does of its log while it is loaded counts, the flusher's work too.
Needs Linux, two cores, ``wrk`` and ``taskset``.
"""

import argparse
import os
import platform
import shutil
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.serving import load, models, report, servers

ARMS = ("durable", "buffered", "no log")
_ROOT = Path(__file__).parents[2]


def main() -> int:
    """Measure and print."""
    options = _options()
    missing = [tool for tool in ("wrk", "taskset") if shutil.which(tool) is None]
    if missing:
        print(f"missing: {', '.join(missing)} (Debian: apt-get install wrk util-linux)", file=sys.stderr)
        return 2
    os.environ["PYTHONPATH"] = str(_ROOT)  # where the gateway without a log is
    levels = [int(c) for c in options.connections.split(",")]
    print(
        f"Python {platform.python_version()}, {platform.system()}, server on core 0, load on core 1, "
        f"{options.rounds} interleaved rounds of {options.seconds:g} s"
    )
    with tempfile.TemporaryDirectory(prefix="konan-bench-", dir=options.dir) as name:
        model = next(model for model in models.train(Path(name)) if model.name == options.model)
        rounds = _measure(model, Path(name), levels, options)
    print(
        "\n\n".join(
            [report.table(model.name, rounds, levels), _shares(rounds, levels), report.every_round(rounds)]
        )
    )
    return 0


def _options() -> argparse.Namespace:
    full = "--full" in sys.argv
    parser = argparse.ArgumentParser(prog="python -m benchmarks.durability", description=__doc__)
    parser.add_argument("--full", action="store_true", help="7 rounds of 10 s instead of 3 of 3 s")
    parser.add_argument("--rounds", type=int, default=7 if full else 3, help="interleaved rounds")
    parser.add_argument(
        "--seconds", type=float, default=10 if full else 3, help="of load, per server and round"
    )
    parser.add_argument("--connections", default="16,64", help="concurrency levels (16,64)")
    parser.add_argument("--model", default="lr", choices=("lr", "forest"), help="which model is served (lr)")
    parser.add_argument("--dir", default=None, help="where to work; else the system's temporary directory")
    return parser.parse_args()


def _measure(
    model: models.Trained, directory: Path, levels: list[int], options: argparse.Namespace
) -> report.Rounds:
    unlogged = [sys.executable, "-m", "benchmarks.durability.unlogged"]
    starters = [
        partial(servers.konan, name=ARMS[0]),
        partial(servers.konan, name=ARMS[1], deployed=["--durability", "buffered"]),
        partial(servers.konan, name=ARMS[2], entry=unlogged),
    ]
    rounds: report.Rounds = {}
    with ExitStack() as stack:
        running = [stack.enter_context(start(model, directory)) for start in starters]
        scripts = {server.name: _script(server, model, directory) for server in running}
        for server in running:
            load.run(server.url, scripts[server.name], 16, 1, server.pid)
        for number in range(options.rounds):
            first = number % len(running)
            for connections in levels:
                for server in running[first:] + running[:first]:
                    figures = load.run(
                        server.url, scripts[server.name], connections, options.seconds, server.pid
                    )
                    rounds.setdefault((server.name, connections), []).append(figures)
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    return rounds


def _script(server: servers.Server, model: models.Trained, directory: Path) -> Path:
    lua = directory / f"{server.name.replace(' ', '-')}.lua"
    load.script(lua, models.named_bodies(model.rows), server.headers)
    return lua


def _shares(rounds: report.Rounds, levels: list[int]) -> str:
    """What each journal leaves of the throughput without one, round by round: the median and its range."""
    lines = ["| of the throughput without a log | " + " | ".join(f"c={c}" for c in levels) + " |"]
    lines.append("|---" * (len(levels) + 1) + "|")
    for name in ARMS[:2]:
        cells = []
        for c in levels:
            pairs = zip(rounds[name, c], rounds[ARMS[2], c], strict=True)
            shares = sorted(100 * ours.rps / theirs.rps for ours, theirs in pairs)
            cells.append(f"{median(shares):.0f} % ({shares[0]:.0f} to {shares[-1]:.0f})")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
