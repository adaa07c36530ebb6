"""The running platform: control, gateways and workers, restarted when they die and drained at the end."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

from konan import clock, config
from konan.config import Settings
from konan.errors import Invalid, KonanError, NotReady, by_code
from konan.records.messages import (
    AnyMessage,
    ControlDown,
    Failed,
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
from konan.supervisor.reachable import Reachable
from konan.supervisor.restarts import Backoff
from konan.supervisor.standing import standing
from konan.supervisor.workers import Rules

START_TIMEOUT = 60.0
"""Seconds within which control and the gateways must serve at the first start."""

TELL = 3.0
"""Seconds between two reports of the processes to control, and between two looks at the log files."""

CONTROL_DRAIN = 10.0
_LAST_WORDS = 1.0
_WELL = 1.0
"""Seconds of serving after which a gateway or control is well: it is then missed, not broken."""

_log = logging.getLogger(__name__)


class Tree:
    """All processes of one server.

    Args:
        settings: of this server; the number of gateways is settled.
        listener: the listening TCP socket, which the gateways share; closed by `stop`.
        lock: descriptor that gateways and control hold, so that a new supervisor waits for their end.
        place: where the server's address and owner key are written.

    Attributes:
        trouble: why control cannot be started; None while it can.
    """

    def __init__(self, settings: Settings, *, listener: socket.socket, lock: int, place: Reachable) -> None:
        self._settings = settings
        self._paths = config.paths(settings)
        self._listener = listener
        self._lock = lock
        self._place = place
        self.trouble: KonanError | None = None
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

    async def start(self, at: datetime) -> None:
        """Start everything; returns when the gateways serve.

        What an earlier start has left on disk is served at once, while control starts or if it cannot.
        Otherwise control comes first.

        Args:
            at: the present.

        Raises:
            NotReady: a gateway did not start; the log file that says why is named.
            KonanError: control was needed first and did not start; what it says.
        """
        self._tasks.append(asyncio.create_task(self._look_around()))
        found = standing(self._paths, at)
        if found is None:
            self._begin("control", self._start_control)
            await self._control_served()
        else:
            self._place.keep(found.key)
            self._fleet.want(found.workers)
        for index in range(self._settings.gateways):
            self._begin(f"gateway-{index}", partial(self._start_gateway, index))
        if found is not None:
            self._begin("control", self._start_control)
        for index in range(self._settings.gateways):
            await self._served(f"gateway-{index}", partial(self._gateways.get, index))

    async def control_settled(self) -> None:
        """Wait until control serves, or it is known why it does not."""
        try:
            await self._control_served()
        except KonanError as error:
            self._in_trouble(error)

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
        child = await self._child("control", ["konan.wiring"], ())
        self._control = child
        for state in self._fleet.states():
            child.send(state)
        return child

    async def _start_gateway(self, index: int) -> Child:
        arguments = ["konan.serving", "--index", str(index), "--listen-fd", str(self._listener.fileno())]
        child = await self._child(f"gateway-{index}", arguments, (self._listener.fileno(),))
        self._gateways[index] = child
        self._fleet.introduce(child)
        if self.trouble is not None:
            child.send(_told(self.trouble))
        return child

    async def _child(self, name: str, arguments: list[str], inherit: tuple[int, ...]) -> Child:
        log = self._paths.logs / f"{name}.log"
        return await children.start(
            arguments, settings=self._settings, log=log, inherit=(self._lock, *inherit)
        )

    def _begin(self, name: str, begin: Callable[[], Awaitable[Child]]) -> None:
        self._tasks.append(asyncio.create_task(self._keep(name, begin)))

    async def _keep(self, name: str, begin: Callable[[], Awaitable[Child]]) -> None:
        """Start a child again whenever it ends."""
        backoff = Backoff(well=_WELL)
        while not self._draining:
            child = await begin()
            self._report()
            listening = asyncio.create_task(self._listen(name, child))
            try:
                code = await child.process.wait()
                await asyncio.wait([listening], timeout=_LAST_WORDS)
            finally:
                child.kill()
                self._gone(child)
                listening.cancel()
                child.close()
            self._report()
            if not self._draining:
                _log.error("process ended", extra={"child": name, "code": code})
                self._restarts[name] = self._restarts.get(name, 0) + 1
                await asyncio.sleep(backoff.crashed(child.served))

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
            self._serves(child, message)
        elif isinstance(message, Failed):
            self._in_trouble(by_code().get(message.code, KonanError)(message.message, hint=message.hint))
        elif isinstance(message, WantWorkers):
            self._fleet.want(message.workers)
        elif isinstance(message, SnapshotChanged):
            self._generation = message.generation
            self._to_gateways(message)
            self._report()
        elif isinstance(message, SnapshotTaken | Stats):
            self._to_control(message)
        elif isinstance(message, WorkerHung):
            self._fleet.hung(message.version_uuid, message.worker)

    def _serves(self, child: Child, message: Ready) -> None:
        if message.name == "control":
            self.trouble = None
            self._to_gateways(ControlDown(reason=""))
            try:
                self._place.keep(message.key)
            except KonanError as error:
                self._in_trouble(error)
        child.serves()

    def _in_trouble(self, error: KonanError) -> None:
        self.trouble = error
        self._to_gateways(_told(error))

    def _to_gateways(self, message: AnyMessage) -> None:
        for gateway in self._gateways.values():
            gateway.send(message)

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

    async def _control_served(self) -> None:
        try:
            await self._served("control", lambda: self._control)
        except NotReady as error:
            raise self.trouble or error from None
        if self.trouble is not None:
            raise self.trouble

    async def _served(self, name: str, child: Callable[[], Child | None]) -> None:
        deadline = clock.monotonic() + START_TIMEOUT
        while clock.monotonic() < deadline and not self._restarts.get(name):
            present = child()
            if present is not None and present.ready.is_set():
                return
            await asyncio.sleep(0.01)
        raise NotReady(f"{name} did not start.", hint=f"Look at {self._paths.logs / name}.log.")


def _told(trouble: KonanError) -> ControlDown:
    """What callers with a key are told of control.

    >>> _told(NotReady("It is full.", hint="Make room.")).reason
    'It is full. Make room.'
    """
    return ControlDown(reason=f"{trouble.message} {trouble.hint}".strip())
