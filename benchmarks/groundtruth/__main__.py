"""Measure ground truth on a whole platform: ``python -m benchmarks.groundtruth`` (``--full`` for 10^6 rows).

A log of predictions is laid into a server's data directory. Then `konan feedback` sends the truth for all of
them from a CSV file in the order of the log, and again in no order, where every part of the log must be
looked into for each request; and the predictions are read with their truth.
"""

import argparse
import contextlib
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from konan import config
from konan.client import Client
from konan.clock import now_ns
from konan.demo import server
from konan.groundtruth.revisions import SUFFIX
from konan.groundtruth.tables import counting
from konan.ids import IdSource
from konan.predictions import table
from konan.predictions.columns import MOMENT, SYSTEM
from konan.predictions.rows import day_of
from konan.predictions.table import LogTable

NAME = "doubled"
MODEL = """
class Model:
    def predict(self, rows):
        return [{"twice": 2 * row["x"]} for row in rows]
"""
_PREFIX = f"konan-truth-{os.getpid()}-"
"""Of the directory in which everything is, by which the server's processes are known."""

_COMMIT = 50_000
_TRANSACTION = 1 << 20
"""The log is told of a gateway that does not exist, so that real ones count from their own beginning."""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.groundtruth", description=__doc__)
    parser.add_argument("--full", action="store_true", help="10^6 rows instead of 10^5")
    parser.add_argument("--rows", type=int, default=None, help="how many rows")
    parser.add_argument("--shuffled", action="store_true", help="in no order first")
    parser.add_argument("--dir", default=None, help="where to work; else the system's temporary directory")
    options = parser.parse_args()
    rows = options.rows or (10**6 if options.full else 10**5)
    print(f"Python {platform.python_version()}, {platform.system()}; {rows:,} rows")
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=options.dir) as name:
        measure(Path(name), rows, shuffled=options.shuffled)
    return 0


def measure(folder: Path, rows: int, *, shuffled: bool) -> None:
    """Measure and print each step."""
    uuid = _deploy(folder)
    predictions = config.Paths(folder / "data").predictions
    ids = fill(predictions / uuid, rows)
    truth = folder / "truth.csv"
    lines = [f"{one},{number}\n" for number, one in enumerate(ids)]
    with server.own(folder, keep=False) as started:
        for title in ("in no order", "in the order of the log")[:: 1 if shuffled else -1]:
            ordered = lines if "log" in title else random.Random(7).sample(lines, rows)
            truth.write_text("prediction_id,target\n" + "".join(ordered))
            print(f"truth {title}: {_timed(lambda: _feedback(folder, truth))}", flush=True)
        with Client(started.url, started.key) as client:
            exported = folder / "log.parquet"
            took = _timed(lambda: client.export_predictions(NAME, exported))
            known = rows - pq.read_table(exported, columns=["ground_truth"])["ground_truth"].null_count
            print(f"predictions with their truth over HTTP (Parquet): {took}; {known:,} have one", flush=True)
    print(f"log and truth joined in memory: {_timed(lambda: _join(predictions, uuid, ids))}")


def _deploy(folder: Path) -> str:
    (folder / "model.py").write_text(MODEL)
    with server.own(folder, keep=False) as started, Client(started.url, started.key) as client:
        client.deploy(NAME, folder / "model.py", data=pa.table({"x": [1.0, 2.5, 3.5]}).to_pandas())
        return client.deployment(NAME).uuid


def fill(directory: Path, rows: int) -> list[str]:
    """A log of so many predictions, in commits of the usual size; their ids."""
    log, source, found = LogTable(directory), IdSource(), list[str]()
    for number in range(max(1, rows // _COMMIT)):
        ids = source.take(min(rows, _COMMIT))
        log.append(_rows(ids), {_TRANSACTION: number + 1})
        found += ids
    return found[:rows]


def _rows(ids: list[str]) -> pa.Table:
    count, x = len(ids), np.random.default_rng(7).random(len(ids))
    fixed = {
        "id": pa.array(ids),
        "request_id": pa.array(ids),
        "at": pa.array(np.full(count, now_ns() // 1000)).cast(MOMENT),
        "day": pa.array(np.full(count, day_of(ids[0]), np.int32)).cast(pa.date32()),
        "version": pa.array(np.full(count, 1, np.int32)),
        "role": pa.array(["live"] * count),
        "key_id": pa.array(["3vQB7B6MrGQZaxCu"] * count),
        "status": pa.array(np.full(count, 200, np.int32)),
        "latency_us": pa.array(np.full(count, 400)),
        "output": pa.array([json.dumps({"twice": 2 * one}) for one in x]),
    }
    columns = {name: fixed.get(name, pa.nulls(count, SYSTEM.field(name).type)) for name in SYSTEM.names}
    return pa.table({**columns, "n_x": pa.array(x)})


def _feedback(folder: Path, file: Path) -> str:
    done = subprocess.run(
        [
            "env",
            f"KONAN_HOME={folder}",
            sys.executable,
            "-m",
            "konan.cli.main",
            "feedback",
            NAME,
            file,
            "--json",
        ],
        capture_output=True,
        check=True,
    )
    told = json.loads(done.stdout)
    return ", ".join(f"{told[word]:,} {word}" for word in ("accepted", "duplicate", "refused"))


def _join(predictions: Path, uuid: str, ids: list[str]) -> str:
    days = day_of(min(ids)), day_of(max(ids))
    files = table.snapshot(predictions / uuid).files
    log = pa.concat_tables([pq.ParquetFile(file.path).read(columns=["id", "n_x"]) for file in files])
    truth = counting(predictions / f"{uuid}{SUFFIX}", *days).select(["id", "target"])
    return f"{log.join(truth, 'id', join_type='inner').num_rows:,} pairs"


def _timed(work: Callable[[], object]) -> str:
    began, used = time.perf_counter(), _processor()
    found = work()
    took, used = time.perf_counter() - began, _processor() - used
    return f"{took:.1f} s, {used:.1f} s of processors" + (f" ({found})" if isinstance(found, str) else "")


def _processor() -> float:
    """Processor seconds of this process, of those it has waited for, and of the server that runs here."""
    found = sum(os.times()[:4])
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if _PREFIX in f"{process.cwd()} {process.cmdline()}" and process.pid != os.getpid():
                times = process.cpu_times()
                found += times.user + times.system + times.children_user + times.children_system
    return found


if __name__ == "__main__":
    sys.exit(main())
