"""Measure backups: ``python -m benchmarks.backup`` (``--full`` for 4 GiB instead of 512 MiB).

A server with a data directory of some size is asked for predictions without pause, in turns with and without
a backup being made; printed are the backup's speed and the ratio of the two rates of predictions.
"""

import argparse
import http.client
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from konan.backup.reading import read
from konan.client import Client
from konan.demo import server

NAME = "doubled"
MODEL = """
class Model:
    def predict(self, rows):
        return [{"twice": 2 * row["x"]} for row in rows]
"""
_FILE = 16 * 1024 * 1024
_CONNECTIONS = 4
_ALONE = 5.0


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backup", description=__doc__)
    parser.add_argument("--full", action="store_true", help="4 GiB instead of 512 MiB")
    parser.add_argument("--mib", type=int, default=None, help="how many MiB")
    parser.add_argument("--turns", type=int, default=3, help="turns with and without a backup")
    parser.add_argument("--dir", default=None, help="where to work; else the system's temporary directory")
    options = parser.parse_args()
    size = (options.mib or (4096 if options.full else 512)) * 1024**2
    print(
        f"Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores; {size >> 20} MiB"
    )
    with tempfile.TemporaryDirectory(prefix="konan-bench-", dir=options.dir) as name:
        measure(Path(name), size, options.turns)
    return 0


class Load:
    """Asks for one prediction after the other on several connections, until it is left."""

    def __init__(self, url: str, key: str) -> None:
        self._url, self._key = url, key
        self._stop = threading.Event()
        self._counts = [0] * _CONNECTIONS
        self._threads = [threading.Thread(target=self._run, args=(at,)) for at in range(_CONNECTIONS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def rate_while(self, work: Callable[[], object]) -> float:
        """Predictions a second while something is done."""
        before, began = sum(self._counts), time.monotonic()
        work()
        return (sum(self._counts) - before) / (time.monotonic() - began)

    def _run(self, at: int) -> None:
        host = urlsplit(self._url)
        connection = http.client.HTTPConnection(str(host.hostname), host.port, timeout=60)
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        while not self._stop.is_set():
            connection.request("POST", f"/v1/deployments/{NAME}/predict", '{"x": 1.5}', headers)
            answer = connection.getresponse()
            answer.read()
            self._counts[at] += answer.status == 200
        connection.close()


def measure(root: Path, size: int, turns: int) -> None:
    """Make a server of a size and measure in turns."""
    (root / "model.py").write_text(MODEL)
    (root / "rows.csv").write_text("x\n1.0\n2.5\n3.5\n")
    archive = root / "konan.tar"
    ratios, speeds, checks = [], [], []
    with server.own(root, keep=False) as own, Client(own.url, own.key) as client:
        client.deploy(NAME, root / "model.py", data=root / "rows.csv")
        for number in range(size // _FILE):
            (root / "data" / f"ballast-{number}").write_bytes(os.urandom(_FILE))
        with Load(own.url, own.key) as load:
            for _ in range(turns):
                alone = load.rate_while(lambda: time.sleep(_ALONE))
                began = time.monotonic()
                ratios.append(load.rate_while(lambda: _back_up(root, archive)) / alone)
                speeds.append(archive.stat().st_size / (time.monotonic() - began) / 1e6)
                checks.append(_checked(archive))
                archive.unlink()
    print(f"backup under load: {_told(speeds)} MB/s, with its sync and the second reading")
    print(f"checking: {_told(checks)} MB per second of processor time")
    print(f"predictions during a backup: {_told(ratios)} of the rate without, in turns")


def _back_up(home: Path, archive: Path) -> None:
    """In a process of its own: the threads of the load would keep it from its turn."""
    konan = Path(sys.executable).with_name("konan")
    subprocess.run(["env", f"KONAN_HOME={home}", konan, "backup", str(archive), "--quiet"], check=True)


def _checked(archive: Path) -> float:
    began = time.process_time()
    with archive.open("rb") as file:
        found = read(file)
    return found.bytes / (time.process_time() - began) / 1e6


def _told(values: list[float]) -> str:
    return f"{statistics.median(values):.3g} (from {min(values):.3g} to {max(values):.3g})"


if __name__ == "__main__":
    sys.exit(main())
