"""``kill -9`` of any process at random moments, many times, with retries: nothing acknowledged is ever lost.

It prints how many kills there were, how many predictions were acknowledged, and how long it took until the
next one was. Nobody waits for control: it too is killed while it starts. Workers never rest here, and tables
are written often, so that their writer is there to be killed.
"""

import asyncio
import contextlib
import http.client
import json
import os
import random
import secrets
import signal
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from msgspec import structs
from tests.faults.size import FULL, size
from tests.http.platform.load import Load
from tests.http.platform.server import PATIENCE, Server, eventually
from tests.unit.journal.journaling import entry

from konan.errors import KonanError
from konan.ids import IdSource
from konan.journal.entry import encode
from konan.journal.verify import verify
from konan.journal.writer import Writer

KILLS = size(30, 1000)
BEFORE = 1_000_000 if FULL else 20_000
PROCESSES = {
    "gateway": "-m konan.serving",
    "control": "-m konan.wiring",
    "writer": "--lock",
    "worker": "boot.py",
}
"""A word in the command line of each kind of process."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(6 * 3600 if FULL else 600)]


def fill(directory: Path, deployment: str) -> None:
    """Put many records into a journal, as if a server had run for long without writing its table."""
    ids = IdSource()

    def record(number: int) -> bytes:
        predicted = ids.take()
        return encode(
            structs.replace(entry(number), deployment=deployment, ids=predicted, outputs=[b'{"twice":2.0}'])
        )

    async def scenario() -> None:
        writer = Writer(directory, 32 * 1024 * 1024, asyncio.get_running_loop())
        for start in range(0, BEFORE, 2000):
            written: asyncio.Future[KonanError | None] = asyncio.get_running_loop().create_future()
            for number in range(start, start + 1999):
                writer.append(record(number), _fine)
            writer.append(record(start + 1999), written.set_result)
            assert await written is None
        writer.close()

    asyncio.run(scenario())


def _fine(error: KonanError | None) -> None:
    assert error is None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server whose journal is long already."""
    made = Server(tmp_path)
    made.configure(worker_crashes=1_000_000, flush_rows=10_000)
    made.start()
    try:
        made.deploy("twice")
        made.deploy("before")
        before = made.call("GET", "/v1/deployments/before")[1]["uuid"]
        made.stop()
        fill(made.data / "journal" / "0", before)
        made.start()
        yield made
    finally:
        made.stop()


class Retrier:
    """Sends each request with an Idempotency-Key until it is answered, twice, and compares the answers."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.answers: dict[str, str] = {}
        self.different: list[str] = []

    def __enter__(self) -> "Retrier":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            key = secrets.token_hex(8)
            first, second = self._answered(key), self._answered(key)
            if first and second:
                self.answers[key] = json.loads(first)["id"]
                if first != second:
                    self.different.append(key)

    def _answered(self, key: str) -> bytes:
        while not self._stop.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=PATIENCE)
            headers = {
                "Authorization": f"Bearer {self._server.profile['key']}",
                "Content-Type": "application/json",
                "Idempotency-Key": key,
            }
            try:
                connection.request("POST", "/v1/deployments/twice/predict", '{"x": 2.5}', headers)
                answer = connection.getresponse()
                body = answer.read()
                if answer.status == 200:
                    return body
            except (OSError, http.client.HTTPException):
                pass
            finally:
                connection.close()
            self._stop.wait(0.02)
        return b""


def victims(server: Server) -> list[tuple[str, int]]:
    """Name and id of each process that runs, also of those that are not ready; asked of the system."""
    assert server.process is not None
    supervisor = psutil.Process(server.process.pid)
    found = [("supervisor", supervisor.pid)]
    for process in supervisor.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            line = " ".join(process.cmdline())
            found += [(name, process.pid) for name, word in PROCESSES.items() if word in line]
            server.seen.add(process.pid)
    return found


def kill(server: Server, dice: random.Random) -> str:
    """Kill one of the processes, each kind as often as another; returns its kind."""
    there = victims(server)
    chosen = dice.choice(sorted({name for name, _ in there}))
    with contextlib.suppress(ProcessLookupError):
        os.kill(dice.choice([pid for name, pid in there if name == chosen]), signal.SIGKILL)
    return chosen


def test_nothing_that_was_acknowledged_is_lost(server: Server) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    dice, port = random.Random(seed), server.port
    away: dict[str, list[float]] = {}
    began_all = time.monotonic()
    with Load(server, "twice") as load, Retrier(server) as retrier:
        for _ in range(KILLS):
            time.sleep(dice.uniform(0.0, 0.3))
            name = kill(server, dice)
            if name == "supervisor":
                server.end()
                server.gone()
            began = time.monotonic()
            if name == "supervisor":
                server.launch(port=port)
            load.more(1)
            away.setdefault(name, []).append(time.monotonic() - began)
        eventually(lambda: server.call("GET", "/v1/system")[0] == 200, "control is back")
    took = time.monotonic() - began_all
    kept = server.logged("twice")
    acknowledged = {*load.acknowledged, *retrier.answers.values()}
    lost = acknowledged - set(kept)
    print(f"{KILLS} kills in {took:.0f} s, {len(acknowledged)} acknowledged, {len(lost)} lost")
    print(f"{len(retrier.answers)} of them asked for twice with one Idempotency-Key")
    for name, seconds in sorted(away.items()):
        middle, worst = statistics.median(seconds), max(seconds)
        print(f"{name}: {len(seconds)} kills, the next answer after {middle:.2f} s, at most {worst:.2f} s")
    assert not lost
    assert not retrier.different
    assert len(kept) == len(set(kept))
    assert not verify(server.data / "journal" / "0").damaged
