"""Workers of versions with real processes: they are linked, replaced, rested, recycled and ended."""

import asyncio
import os
import socket
import struct
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from konan.records.messages import AnyMessage, LinkAdded, LinkRemoved, Resting, WorkersChanged
from konan.records.routes import WorkerSpec
from konan.supervisor import memory
from konan.supervisor.fleet import Fleet
from konan.supervisor.workers import Rules
from konan.worker.frames import DONE, PREDICT, Frame, read, write

MODEL = """
import mmap, os, time

print("model loads")
kept = []


class Model:
    def predict(self, rows):
        x = rows[0]["x"]
        if x == 13:
            os.abort()
        if x == 14:
            time.sleep(1000)
        if x > 100:
            kept.append(mmap.mmap(-1, int(x) << 20))
        return [x for _ in rows]
"""

BROKEN = """
raise ValueError("the model is broken")
"""

Body = Callable[["Fleet", "Listener"], Awaitable[None]]
Check = Callable[[Body], None]


class Listener:
    """A gateway and control in one: keeps what it is told."""

    def __init__(self) -> None:
        self.links: dict[int, socket.socket] = {}
        self.messages: list[AnyMessage] = []
        self.changes: list[WorkersChanged] = []
        self._news = asyncio.Event()

    def send(self, message: AnyMessage, fds: Sequence[int] = ()) -> None:
        self.messages.append(message)
        if isinstance(message, LinkAdded):
            self.links[message.worker] = socket.socket(fileno=os.dup(fds[0]))
        self._news.set()

    def changed(self, change: WorkersChanged) -> None:
        self.changes.append(change)
        self._news.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def linked(self, count: int) -> int:
        """Wait for the n-th link; returns the number of its worker."""
        await self.until(lambda: len(self.links) >= count)
        return list(self.links)[count - 1]

    async def ask(self, worker: int, x: float) -> Frame | None:
        link = self.links[worker]
        try:
            await asyncio.to_thread(write, link, Frame(PREDICT, 1, struct.pack("<d", x), b""))
            return await asyncio.to_thread(read, link)
        except OSError:
            return None

    def close(self) -> None:
        for link in self.links.values():
            link.close()


@pytest.fixture
def spec(tmp_path: Path) -> WorkerSpec:
    package = tmp_path / "package"
    package.mkdir()
    (package / "model.py").write_text(MODEL)
    model: dict[str, object] = {
        "loader": "python",
        "files": ["model.py"],
        "options": {},
        "features": [["x", "number", "float64"]],
        "output": {"kind": "other", "probabilities": False, "label": "model"},
        "input": "frame",
    }
    return WorkerSpec(
        version_uuid="019af000-0000-7000-8000-000000000001",
        label="bikes v1",
        python=sys.executable,
        package=str(package),
        model=model,
        replicas=1,
        memory=4 << 30,
        files=64,
        file_bytes=1 << 20,
        threads=1,
        start_timeout=60.0,
        crashes=3,
    )


@pytest.fixture
def check(tmp_path: Path) -> Check:
    def start(body: Body) -> None:
        async def run() -> None:
            async with _fleet(tmp_path) as (fleet, listener):
                await body(fleet, listener)

        asyncio.run(run())

    return start


@asynccontextmanager
async def _fleet(logs: Path) -> AsyncIterator[tuple[Fleet, Listener]]:
    listener = Listener()
    rules = Rules(logs=logs, log_bytes=1 << 20, unsafe=True, drain=0.1)
    fleet = Fleet(rules, lambda: [listener], listener.changed)
    try:
        yield fleet, listener
    finally:
        pids = [int(process["pid"]) for process in fleet.processes()]
        await fleet.stop()
        listener.close()
        assert not any(memory.address_space(pid) for pid in pids)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_answered(answer: Frame | None) -> bool:
    return answer is not None and answer.kind == DONE


def test_a_wanted_worker_is_linked_and_answers_and_an_unwanted_one_ends(
    check: Check, spec: WorkerSpec, tmp_path: Path
) -> None:
    async def body(fleet: Fleet, listener: Listener) -> None:
        fleet.want((spec,))
        worker = await listener.linked(1)
        assert is_answered(await listener.ask(worker, 1.0))
        (state,) = fleet.states()
        assert (state.ready, state.resting, state.failure) == (1, False, None)
        assert state.sandbox is not None
        assert listener.changes[-1] == state
        (process,) = fleet.processes()
        assert process["restarts"] == 0
        fleet.want((spec,))
        fleet.want(())
        assert fleet.states() == []
        gone = LinkRemoved(version_uuid=spec.version_uuid, worker=worker)
        await listener.until(lambda: gone in listener.messages)
        assert await asyncio.to_thread(listener.links[worker].recv, 1) == b""
        assert len(listener.links) == 1

    check(body)
    assert "model loads" in (tmp_path / f"{spec.version_uuid}.log").read_text()


def test_a_crashed_worker_is_replaced_and_the_other_goes_on(check: Check, spec: WorkerSpec) -> None:
    async def body(fleet: Fleet, listener: Listener) -> None:
        fleet.want((msgspec.structs.replace(spec, replicas=2),))
        other, crashing = await listener.linked(1), await listener.linked(2)
        assert await listener.ask(crashing, 13.0) is None
        assert is_answered(await listener.ask(other, 1.0))
        assert is_answered(await listener.ask(await listener.linked(3), 1.0))
        (state,) = fleet.states()
        assert state.ready == 2
        assert fleet.processes()[0]["restarts"] == 1

    check(body)


def test_a_hung_worker_is_killed_and_replaced(check: Check, spec: WorkerSpec) -> None:
    async def body(fleet: Fleet, listener: Listener) -> None:
        fleet.want((spec,))
        worker = await listener.linked(1)
        waiting = asyncio.create_task(listener.ask(worker, 14.0))
        fleet.hung(spec.version_uuid, worker)
        fleet.hung(spec.version_uuid, 10_000)
        fleet.hung("unknown", worker)
        assert await waiting is None
        assert is_answered(await listener.ask(await listener.linked(2), 1.0))

    check(body)


def test_a_version_that_crashes_again_and_again_rests(check: Check, spec: WorkerSpec) -> None:
    async def body(fleet: Fleet, listener: Listener) -> None:
        fleet.want((msgspec.structs.replace(spec, crashes=2),))
        for count in (1, 2):
            assert await listener.ask(await listener.linked(count), 13.0) is None
        await listener.until(lambda: listener.changes[-1].resting)
        resting = [message for message in listener.messages if isinstance(message, Resting)][-1]
        assert 29.0 < resting.seconds <= 30.0
        assert listener.changes[-1].ready == 0
        late = Listener()
        fleet.introduce(late)
        (told,) = late.messages
        assert isinstance(told, Resting)
        assert 0.0 < told.seconds <= 30.0

    check(body)


def test_a_model_that_does_not_load_is_reported_with_its_own_traceback(
    check: Check, spec: WorkerSpec
) -> None:
    (Path(spec.package) / "model.py").write_text(BROKEN)

    async def body(fleet: Fleet, listener: Listener) -> None:
        fleet.want((spec,))
        await listener.until(lambda: bool(listener.changes))
        failure = listener.changes[0].failure
        assert failure is not None
        assert failure["message"] == "the model is broken"
        assert "ValueError" in failure["traceback"]
        await listener.until(lambda: listener.changes[-1].resting)
        assert not listener.links

    check(body)


def test_a_gateway_that_starts_later_is_linked_to_what_is_ready(check: Check, spec: WorkerSpec) -> None:
    async def body(fleet: Fleet, listener: Listener) -> None:
        fleet.want((spec,))
        worker = await listener.linked(1)
        late = Listener()
        fleet.introduce(late)
        assert is_answered(await late.ask(worker, 1.0))
        assert is_answered(await listener.ask(worker, 1.0))
        late.close()

    check(body)


def test_a_leaking_worker_is_replaced_before_it_ends(check: Check, spec: WorkerSpec) -> None:
    async def body(fleet: Fleet, listener: Listener) -> None:
        fleet.want((msgspec.structs.replace(spec, memory=2 << 30),))
        worker = await listener.linked(1)
        size = memory.address_space(fleet.processes()[0]["pid"])
        leak = (2 << 30) - size
        assert is_answered(await listener.ask(worker, (leak >> 20) * 0.8))
        fresh = await listener.linked(2)
        gone = LinkRemoved(version_uuid=spec.version_uuid, worker=worker)
        await listener.until(lambda: gone in listener.messages)
        added = LinkAdded(version_uuid=spec.version_uuid, worker=fresh)
        assert listener.messages.index(added) < listener.messages.index(gone)
        assert is_answered(await listener.ask(fresh, 1.0))
        assert fleet.processes()[0]["restarts"] == 0

    check(body)


def test_a_changed_spec_replaces_the_workers(check: Check, spec: WorkerSpec) -> None:
    async def body(fleet: Fleet, listener: Listener) -> None:
        fleet.want((spec,))
        worker = await listener.linked(1)
        fleet.want((msgspec.structs.replace(spec, label="bikes v1 again"),))
        assert is_answered(await listener.ask(await listener.linked(2), 1.0))
        assert await asyncio.to_thread(listener.links[worker].recv, 1) == b""

    check(body)


def test_stopping_ends_workers_that_still_load(check: Check, spec: WorkerSpec, tmp_path: Path) -> None:
    (Path(spec.package) / "model.py").write_text('print("loads", flush=True)\nimport time\ntime.sleep(1000)')
    log = tmp_path / f"{spec.version_uuid}.log"

    async def body(fleet: Fleet, _: Listener) -> None:
        fleet.want((spec,))
        await asyncio.to_thread(until, lambda: log.exists() and "loads" in log.read_text())

    check(body)


def test_a_warming_worker_is_told_to_nobody_until_it_is_known_how_to_call_it(
    check: Check, spec: WorkerSpec
) -> None:
    unknown = {**spec.model, "features": []}
    warming = msgspec.structs.replace(spec, warming=True, model=unknown)

    async def body(fleet: Fleet, listener: Listener) -> None:
        fleet.want((warming,))
        fleet.want((warming,))
        (version,) = fleet._versions.values()
        assert (fleet.states()[0].ready, listener.links) == (0, {})
        fleet.want((spec,))
        assert list(fleet._versions.values()) == [version]
        worker = await listener.linked(1)
        assert is_answered(await listener.ask(worker, 2.0))
        assert fleet.states()[0].ready == 1

    check(body)


def test_a_warming_worker_that_is_not_wanted_after_all_ends(check: Check, spec: WorkerSpec) -> None:
    warming = msgspec.structs.replace(spec, warming=True)

    async def body(fleet: Fleet, listener: Listener) -> None:
        fleet.want((warming,))
        fleet.want(())
        fleet.want((msgspec.structs.replace(spec, version_uuid="019af000-0000-7000-8000-000000000002"),))
        await listener.linked(1)
        assert len(fleet.states()) == 1

    check(body)


def test_a_warming_worker_whose_spec_turns_out_to_be_another_is_replaced(
    check: Check, spec: WorkerSpec
) -> None:
    warming = msgspec.structs.replace(spec, warming=True, memory=3 << 30)

    async def body(fleet: Fleet, listener: Listener) -> None:
        fleet.want((warming,))
        fleet.want((spec,))
        worker = await listener.linked(1)
        assert is_answered(await listener.ask(worker, 2.0))

    check(body)
