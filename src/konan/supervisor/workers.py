"""Keeps the workers of one version running: starts, links, watches and replaces them, or lets it rest."""

import asyncio
import contextlib
import itertools
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from msgspec.structs import replace

from konan import clock
from konan.adapters.processes import WorkerFailed, WorkerProcess, start_worker
from konan.errors import KonanError
from konan.records.messages import LinkAdded, LinkRemoved, Resting, WorkersChanged
from konan.records.routes import WorkerSpec
from konan.supervisor import logfiles, memory
from konan.supervisor.restarts import Backoff, Breaker, is_full

PATIENCE = 1.0
"""Seconds that callers wait for the next start; when it is further off, they are told so at once."""

LOOK = 1.0
"""Seconds between two looks at a worker's memory."""

_log = logging.getLogger(__name__)
_numbers = itertools.count(1)


class Outside(Protocol):
    """Whom the workers of a version are for."""

    def to_gateways(self, message: LinkRemoved | Resting) -> None:
        """Tell every gateway."""
        ...

    def link(self, message: LinkAdded, connect: Callable[[], socket.socket]) -> None:
        """Tell every gateway of a worker, each with a link of its own."""
        ...

    def to_control(self, message: WorkersChanged) -> None:
        """Tell control, if it runs."""
        ...


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What holds for the workers of every version.

    Attributes:
        logs: directory of the log files.
        log_bytes: size at which a log file is turned over.
        unsafe: whether they may run without a sandbox where the system has none.
        drain: seconds that calls in flight get when a worker is given up.
    """

    logs: Path
    log_bytes: int
    unsafe: bool
    drain: float


@dataclass
class Running:
    """A worker that runs and is ready.

    Attributes:
        number: unique among all workers of this supervisor.
        process: its process.
        memory: bytes of address space it had when it was ready.
        since: when it was ready, on the monotonic clock.
    """

    number: int
    process: WorkerProcess
    memory: int
    since: float = field(default_factory=clock.monotonic)


class VersionWorkers:
    """The workers of one version, as many as its spec says.

    Args:
        spec: which workers.
        outside: the gateways and control.
        rules: what holds for all.
    """

    def __init__(self, spec: WorkerSpec, outside: Outside, rules: Rules) -> None:
        self.spec = spec
        self._outside = outside
        self._rules = rules
        self._running: dict[int, Running] = {}
        self._breaker = Breaker(limit=spec.crashes)
        self._failure: dict[str, str] | None = None
        self._sandbox: dict[str, Any] | None = None
        self._restarts = 0
        self._due = 0.0
        self._hurry = asyncio.Event()
        self._settled = asyncio.Event()
        if not spec.warming:
            self._settled.set()
        self._log = logfiles.PipedLog(rules.logs / f"{spec.version_uuid}.log", rules.log_bytes)
        self._slots = [asyncio.create_task(self._keep_one()) for _ in range(spec.replicas)]

    def settle(self, spec: WorkerSpec) -> bool:
        """Take over a spec that only says more of warming workers; False if it says something else."""
        warming = replace(spec, warming=True, model=self.spec.model)
        if not self.spec.warming or self.spec != warming:
            return False
        self.spec = spec
        self._settled.set()
        return True

    def state(self) -> WorkersChanged:
        """How they are now."""
        return WorkersChanged(
            version_uuid=self.spec.version_uuid,
            ready=len(self._running),
            resting=self._breaker.resting(clock.monotonic()) > 0,
            failure=self._failure,
            sandbox=self._sandbox,
        )

    def processes(self) -> list[dict[str, Any]]:
        """Name, process id and restarts of each; the restarts are those of the whole version."""
        return [
            {
                "name": f"worker {self.spec.label} #{worker.number}",
                "pid": worker.process.pid,
                "restarts": self._restarts,
            }
            for worker in self._running.values()
        ]

    def resting(self) -> Resting:
        """For how long nothing of the version can answer from now: it rests, or its next start is far off."""
        now = clock.monotonic()
        seconds = max(self._breaker.resting(now), 0.0 if self._running else self._due - now)
        return Resting(version_uuid=self.spec.version_uuid, seconds=max(0.0, seconds))

    def links(self) -> list[tuple[LinkAdded, Callable[[], socket.socket]]]:
        """Every ready worker, and how a gateway is linked to it."""
        return [(self._introduction(worker), worker.process.add_link) for worker in self._running.values()]

    def kill(self, number: int) -> None:
        """End a worker at once; it is replaced as if it had crashed."""
        if number in self._running:
            self._running[number].process.kill()

    def hurry(self) -> None:
        """No gateway runs any more, so that nothing can be in flight: a `stop` need not wait."""
        self._hurry.set()

    async def stop(self) -> None:
        """Start none any more, let all of them finish what they do, and end them."""
        for slot in self._slots:
            slot.cancel()
        await asyncio.gather(*self._slots, return_exceptions=True)
        leaving = list(self._running.values())
        self._running.clear()
        try:
            await asyncio.gather(*(self._retire(worker) for worker in leaving))
        finally:
            self._log.close()

    async def _keep_one(self) -> None:
        backoff = Backoff()
        worker = await self._start(backoff)
        while True:
            if await self._ended(worker):
                self._gone(worker)
                await self._crashed(backoff, ran=clock.monotonic() - worker.since)
                worker = await self._start(backoff)
            else:
                full, worker = worker, await self._start(backoff)
                self._running.pop(full.number, None)
                _log.info("worker recycled", extra=self._named(full.number))
                await self._retire(full)

    async def _start(self, backoff: Backoff) -> Running:
        """A ready worker, however often it takes."""
        while True:
            await asyncio.sleep(self._breaker.resting(clock.monotonic()))
            number = next(_numbers)
            try:
                return await self._ready(number)
            except WorkerFailed as error:
                self._failure = dict(error.failure)
            except (KonanError, OSError, TimeoutError) as error:
                self._failure = {"type": type(error).__name__, "message": str(error), "traceback": ""}
            _log.warning("worker did not start", extra=self._named(number))
            await self._crashed(backoff, ran=0.0)

    async def _crashed(self, backoff: Backoff, ran: float) -> None:
        """Note a crash after so many seconds of running, and wait until a new start is due."""
        self._restarts += 1
        wait, now = backoff.crashed(ran), clock.monotonic()
        rests = self._breaker.crashed(now) > 0
        self._due = now + wait
        resting = self.resting()
        if rests:
            _log.warning("version rests", extra=self._named(0) | {"seconds": resting.seconds})
        if rests or resting.seconds > PATIENCE:
            self._outside.to_gateways(resting)
        self._outside.to_control(self.state())
        await asyncio.sleep(wait)

    async def _ready(self, number: int) -> Running:
        spec = self.spec
        process = start_worker(spec, log=self._log.writer, unsafe=self._rules.unsafe)
        try:
            said = await process.ready(spec.start_timeout)
            if spec.warming:
                await self._until_settled(process)
                await process.configure(self.spec.model, spec.start_timeout)
        except BaseException:
            await _end(process)
            raise
        worker = Running(number=number, process=process, memory=memory.address_space(process.pid))
        self._sandbox, self._failure = said.get("sandbox"), None
        self._running[number] = worker
        _log.info("worker ready", extra=self._named(number))
        self._outside.link(self._introduction(worker), process.add_link)
        self._outside.to_gateways(Resting(version_uuid=self.spec.version_uuid, seconds=0.0))
        self._outside.to_control(self.state())
        return worker

    async def _until_settled(self, process: WorkerProcess) -> None:
        """Wait until it is known how to call the model, as long as the worker lives."""
        ending = asyncio.ensure_future(process.wait())
        settling = asyncio.ensure_future(self._settled.wait())
        try:
            await asyncio.wait([ending, settling], return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending.cancel()
            settling.cancel()

    async def _ended(self, worker: Running) -> bool:
        """Wait until a worker has ended (True) or its memory is full (False)."""
        ending = asyncio.ensure_future(worker.process.wait())
        try:
            while not (await asyncio.wait([ending], timeout=LOOK))[0]:
                taken = memory.address_space(worker.process.pid)
                if is_full(taken, worker.memory, self.spec.memory):
                    return False
            return True
        finally:
            ending.cancel()

    def _gone(self, worker: Running) -> None:
        self._running.pop(worker.number, None)
        _log.warning("worker ended", extra=self._named(worker.number) | {"code": worker.process.returncode})

    async def _retire(self, worker: Running) -> None:
        """Let a worker finish what it does, then end it.

        No call outlives the drain time, so after it nothing can be in flight.
        """
        gone = LinkRemoved(version_uuid=self.spec.version_uuid, worker=worker.number)
        self._outside.to_gateways(gone)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._rules.drain):
                    await self._hurry.wait()
        finally:
            await _end(worker.process)

    def _introduction(self, worker: Running) -> LinkAdded:
        return LinkAdded(version_uuid=self.spec.version_uuid, worker=worker.number)

    def _named(self, number: int) -> dict[str, object]:
        return {"version": self.spec.label, "version_uuid": self.spec.version_uuid, "worker": number}


async def _end(process: WorkerProcess) -> None:
    process.kill()
    await process.wait()
