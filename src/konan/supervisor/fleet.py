"""The workers of all versions: which shall run, and who hears of them."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from konan.adapters.processes import WorkerFailed
from konan.records.messages import AnyMessage, LinkAdded, LinkRemoved, Resting, WorkersChanged
from konan.records.routes import WorkerSpec
from konan.supervisor.workers import Rules, VersionWorkers


class Gateway(Protocol):
    """What the fleet needs of a gateway: it can be told something."""

    def send(self, message: AnyMessage, fds: Sequence[int] = ()) -> None:
        """Send a message and descriptors; dropped if the gateway has gone."""
        ...


class Fleet:
    """The workers of all versions.

    Args:
        rules: what holds for the workers of every version.
        gateways: the gateways that run now.
        tell_control: sends a change to control.
    """

    def __init__(
        self,
        rules: Rules,
        gateways: Callable[[], Sequence[Gateway]],
        tell_control: Callable[[WorkersChanged], None],
    ) -> None:
        self._rules = rules
        self._gateways = gateways
        self._tell_control = tell_control
        self._versions: dict[str, VersionWorkers] = {}
        self._leaving: dict[asyncio.Task[None], VersionWorkers] = {}

    def want(self, specs: tuple[WorkerSpec, ...]) -> None:
        """Make exactly these workers run; a spec that changed replaces the workers of its version."""
        wanted = {spec.version_uuid: spec for spec in specs}
        for uuid, version in list(self._versions.items()):
            spec = wanted.get(uuid)
            if spec != version.spec and (spec is None or not version.settle(spec)):
                del self._versions[uuid]
                self._leave(version)
        for uuid, spec in wanted.items():
            if uuid not in self._versions:
                self._versions[uuid] = VersionWorkers(spec, self, self._rules)

    def introduce(self, gateway: Gateway) -> None:
        """Link a gateway that has just started to every ready worker, and say which versions rest."""
        for version in self._versions.values():
            resting = version.resting()
            if resting.seconds:
                gateway.send(resting)
            for message, connect in version.links():
                _link(gateway, message, connect)

    def hung(self, version_uuid: str, worker: int) -> None:
        """End a worker that does not answer."""
        if version_uuid in self._versions:
            self._versions[version_uuid].kill(worker)

    def states(self) -> list[WorkersChanged]:
        """How the workers of every version are."""
        return [version.state() for version in self._versions.values()]

    def processes(self) -> list[dict[str, Any]]:
        """Name, process id and restarts of every worker."""
        return [process for version in self._versions.values() for process in version.processes()]

    async def stop(self) -> None:
        """End all workers; no gateway runs any more."""
        self.want(())
        for version in self._leaving.values():
            version.hurry()
        await asyncio.gather(*self._leaving)

    def to_gateways(self, message: LinkRemoved | Resting) -> None:
        """Tell every gateway."""
        for gateway in self._gateways():
            gateway.send(message)

    def link(self, message: LinkAdded, connect: Callable[[], socket.socket]) -> None:
        """Tell every gateway of a worker, each with a link of its own."""
        for gateway in self._gateways():
            _link(gateway, message, connect)

    def to_control(self, message: WorkersChanged) -> None:
        """Tell control, if it runs."""
        self._tell_control(message)

    def _leave(self, version: VersionWorkers) -> None:
        task = asyncio.create_task(version.stop())
        self._leaving[task] = version
        task.add_done_callback(self._leaving.pop)


def _link(gateway: Gateway, message: LinkAdded, connect: Callable[[], socket.socket]) -> None:
    try:
        link = connect()
    except WorkerFailed:  # the worker ended a moment ago; its keeper replaces it
        return
    with link:
        gateway.send(message, (link.fileno(),))
