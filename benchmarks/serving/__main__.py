"""Run the serving benchmark: ``python -m benchmarks.serving``, or ``make bench``.

Each round loads every server in turn, so that a change of the machine's speed meets all alike. All servers
run during a model's rounds, idle ones take no CPU. Needs Linux, two cores, ``wrk`` and ``taskset``.
"""

import argparse
import platform
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.serving import load, models, report, servers


def main() -> int:
    """Measure, print the tables, and write them to a file if asked."""
    options = _options()
    missing = [tool for tool in ("wrk", "taskset") if shutil.which(tool) is None]
    if missing:
        print(f"missing: {', '.join(missing)} (Debian: apt-get install wrk util-linux)", file=sys.stderr)
        return 2
    servers.prepare_peers()
    levels = [int(c) for c in options.connections.split(",")]
    with tempfile.TemporaryDirectory(prefix="konan-bench-") as name:
        wanted = [model for model in models.train(Path(name)) if model.name in options.models.split(",")]
        tables = [_measure(model, Path(name), levels, options) for model in wanted]
    text = "\n\n".join([_heading(options), *tables]) + "\n"
    print(text)
    if options.out:
        Path(options.out).write_text(text)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="interleaved rounds (7)")
    parser.add_argument("--seconds", type=int, default=3, help="seconds of load per server and round (3)")
    parser.add_argument("--connections", default="1,16,64", help="concurrency levels (1,16,64)")
    parser.add_argument("--models", default="lr,forest", help="lr, forest or both")
    parser.add_argument("--out", default="", help="write the tables to this file too")
    return parser.parse_args()


def _heading(options: argparse.Namespace) -> str:
    return (
        f"Python {platform.python_version()}, {platform.system()}, server on core 0, load on core 1, "
        f"{options.rounds} interleaved rounds of {options.seconds:g} s, medians. CPU is user and system time "
        "of the server's whole process tree per request, what it does after the load included; nothing is "
        "timed before the server rests. Konan: key check, schema, output check and the synced record before "
        "every answer, the untouched model in a sandboxed worker of its own. "
        "Peers: neither key nor log."
    )


def _measure(model: models.Trained, directory: Path, levels: list[int], options: argparse.Namespace) -> str:
    starters: list[servers.Starter] = [servers.konan, servers.empty_uvicorn, servers.fastapi, servers.mlflow]
    rounds: report.Rounds = {}
    with ExitStack() as stack:
        running = [stack.enter_context(start(model, directory)) for start in starters]
        scripts = {server.name: _script(server, model, directory) for server in running}
        for server in running:
            load.run(server.url, scripts[server.name], 16, 1, server.pid)
        for number in range(options.rounds):
            for connections in levels:
                for server in running:
                    lua = scripts[server.name]
                    figures = load.run(server.url, lua, connections, options.seconds, server.pid)
                    rounds.setdefault((server.name, connections), []).append(figures)
            print(f"{model.name}: round {number + 1} of {options.rounds}", file=sys.stderr)
        memory = {server.name: load.pss_bytes(server.pid) for server in running}
        cold = {server.name: server.cold_start_s for server in running}
    extra = "\n".join(
        f"- {name}: PSS of all processes {memory[name] / 2**20:.0f} MiB, cold start {cold[name]:.1f} s"
        for name in memory
    )
    tables = [report.table(model.name, rounds, levels), report.ratios(rounds, levels)]
    return "\n\n".join([*tables, report.every_round(rounds), extra])


def _script(server: servers.Server, model: models.Trained, directory: Path) -> Path:
    lua = directory / f"{server.name.replace(' ', '-')}-{model.name}.lua"
    bodies = models.tensor_bodies(model.rows) if server.tensor else models.named_bodies(model.rows)
    load.script(lua, bodies, server.headers)
    return lua


if __name__ == "__main__":
    raise SystemExit(main())
