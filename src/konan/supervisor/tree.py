"""The running platform: control, gateways and workers, restarted when they die and drained at the end."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from functools import partial

from konan import clock, config
from konan.config import Settings
from konan.errors import Invalid, NotReady
from konan.records.messages import (
    AnyMessage,
    Processes,
    Ready,
    SnapshotChanged,
    SnapshotTaken,
    Stats,
    WantWorkers,
    WorkerHung,
    WorkersChanged,
)
from konan.supervisor import children, logfiles
from konan.supervisor.children import Child
from konan.supervisor.fleet import Fleet
from konan.supervisor.restarts import Backoff
from konan.supervisor.workers import Rules

START_TIMEOUT = 60.0
"""Seconds within which control and the gateways must serve at the first start."""

TELL = 3.0
"""Seconds between two reports of the processes to control, and between two looks at the log files."""

CONTROL_DRAIN = 10.0

_log = logging.getLogger(__name__)


class Tree:
    """All processes of one server.

    Args:
        settings: of this server.
        listener: the listening TCP socket, which the gateways share; closed by `stop`.
        lock: descriptor that gateways and control hold, so that a new supervisor waits for their end.
        gateways: how many.
    """

    def __init__(self, settings: Settings, *, listener: socket.socket, lock: int, gateways: int) -> None:
        self._settings = settings
        self._paths = config.paths(settings)
        self._listener = listener
        self._lock = lock
        self._count = gateways
        self._control: Child | None = None
        self._gateways: dict[int, Child] = {}
        self._restarts: dict[str, int] = {}
        self._generation = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._draining = False
        rules = Rules(
            logs=self._paths.logs,
            log_bytes=settings.log_bytes,
            unsafe=settings.unsafe_models,
            drain=settings.deadline,
        )
        self._fleet = Fleet(rules, self._running_gateways, self._tell_control)

    async def start(self) -> None:
        """Start control, then the gateways; returns when all of them serve.

        Raises:
            NotReady: one did not; the log file that says why is named.
        """
        self._tasks.append(asyncio.create_task(self._keep("control", self._start_control)))
        self._tasks.append(asyncio.create_task(self._look_around()))
        await self._served("control", lambda: self._control)
        for index in range(self._count):
            keeping = self._keep(f"gateway-{index}", partial(self._start_gateway, index))
            self._tasks.append(asyncio.create_task(keeping))
        for index in range(self._count):
            await self._served(f"gateway-{index}", partial(self._gateways.get, index))

    async def stop(self) -> None:
        """Drain the gateways, then control, then end the workers."""
        self._draining = True
        within = self._settings.drain_timeout
        draining = [asyncio.create_task(gateway.drain(within)) for gateway in self._gateways.values()]
        self._listener.close()  # when the gateways have closed theirs, connections are refused, not kept
        await asyncio.gather(*draining)
        if self._control is not None:
            await self._control.drain(CONTROL_DRAIN)
        await self._fleet.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def kill(self) -> None:
        """End control and the gateways at once; `stop` then has nothing to wait for."""
        self._draining = True
        for child in [*self._gateways.values(), *([self._control] if self._control else [])]:
            child.kill()

    async def _start_control(self) -> Child:
        child = await self._child("control", ["konan.wiring", "control"], ())
        self._control = child
        for state in self._fleet.states():
            child.send(state)
        return child

    async def _start_gateway(self, index: int) -> Child:
        arguments = ["konan.serving", "--index", str(index), "--listen-fd", str(self._listener.fileno())]
        child = await self._child(f"gateway-{index}", arguments, (self._listener.fileno(),))
        self._gateways[index] = child
        self._fleet.introduce(child)
        return child

    async def _child(self, name: str, arguments: list[str], inherit: tuple[int, ...]) -> Child:
        log = self._paths.logs / f"{name}.log"
        return await children.start(
            arguments, settings=self._settings, log=log, inherit=(self._lock, *inherit)
        )

    async def _keep(self, name: str, begin: Callable[[], Awaitable[Child]]) -> None:
        """Start a child again whenever it ends."""
        backoff = Backoff()
        while not self._draining:
            child = await begin()
            self._report()
            listening = asyncio.create_task(self._listen(name, child))
            try:
                code = await child.process.wait()
            finally:
                child.kill()
                self._gone(child)
                listening.cancel()
                child.close()
            self._report()
            if not self._draining:
                _log.error("process ended", extra={"child": name, "code": code})
                self._restarts[name] = self._restarts.get(name, 0) + 1
                await asyncio.sleep(backoff.crashed(child.ran))

    def _gone(self, child: Child) -> None:
        if child is self._control:
            self._control = None
        self._gateways = {index: one for index, one in self._gateways.items() if one is not child}

    async def _listen(self, name: str, child: Child) -> None:
        try:
            while received := await child.receive():
                self._heard(child, received[0])
        except Invalid as error:
            _log.error("process is not understood", extra={"child": name, "reason": error.message})
        if not self._draining:
            child.kill()

    def _heard(self, child: Child, message: AnyMessage) -> None:
        if isinstance(message, Ready):
            child.ready.set()
        elif isinstance(message, WantWorkers):
            self._fleet.want(message.workers)
        elif isinstance(message, SnapshotChanged):
            self._generation = message.generation
            for gateway in self._gateways.values():
                gateway.send(message)
            self._report()
        elif isinstance(message, SnapshotTaken | Stats):
            self._to_control(message)
        elif isinstance(message, WorkerHung):
            self._fleet.hung(message.version_uuid, message.worker)

    def _running_gateways(self) -> list[Child]:
        return list(self._gateways.values())

    def _tell_control(self, change: WorkersChanged) -> None:
        self._to_control(change)
        self._report()

    def _to_control(self, message: AnyMessage) -> None:
        if self._control is not None:
            self._control.send(message)

    def _report(self) -> None:
        """Tell control which processes run."""
        named = {f"gateway-{index}": child for index, child in self._gateways.items()}
        if self._control is not None:
            named["control"] = self._control
        listed = [
            {"name": name, "pid": child.process.pid, "restarts": self._restarts.get(name, 0)}
            for name, child in sorted(named.items())
        ]
        self._to_control(
            Processes(
                processes=(*listed, *self._fleet.processes()),
                gateways=tuple(self._gateways),
                generation=self._generation,
            )
        )

    async def _look_around(self) -> None:
        while True:
            await asyncio.sleep(TELL)
            self._report()
            try:
                logfiles.turn_over_all(self._paths.logs, self._settings.log_bytes)
            except OSError as error:
                _log.warning("log files not turned over", extra={"reason": error.strerror})

    async def _served(self, name: str, child: Callable[[], Child | None]) -> None:
        deadline = clock.monotonic() + START_TIMEOUT
        while clock.monotonic() < deadline and not self._restarts.get(name):
            present = child()
            if present is not None and present.ready.is_set():
                return
            await asyncio.sleep(0.01)
        raise NotReady(f"{name} did not start.", hint=f"Look at {self._paths.logs / name}.log.")
