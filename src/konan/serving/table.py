"""The deployments that a gateway serves: one snapshot of routes, compiled.

A new snapshot replaces the old one at once. What did not change is kept: a version's queue and its links to
workers live on under its uuid, and a version that has gone still answers what it was given.
"""

import asyncio
import logging
import socket
from collections.abc import Callable

import msgspec

from konan.access import secret
from konan.config import Settings
from konan.errors import KonanError, NotFound, NotReady
from konan.records.access import Principal
from konan.records.routes import Route, RouteVersion, Snapshot
from konan.serving.dispatch import Dispatcher
from konan.serving.metrics import Metrics, Series
from konan.serving.outputs import OutputCodec
from konan.serving.privacy import cover_of
from konan.serving.validation import Validator

_log = logging.getLogger(__name__)

Hung = Callable[[str, int], None]
"""Told the uuid of a version and the number of its worker that hangs."""


class ServedVersion:
    """One version, ready to answer.

    Args:
        route: its deployment.
        version: itself.
        settings: limits of bodies.
        dispatcher: its queue.
        series: its counters.
        key: under which its private values are hashed.

    Raises:
        KonanError: its schema cannot be compiled.
    """

    __slots__ = (
        "_in_many",
        "_in_one",
        "cover",
        "deadline",
        "deployment",
        "deployment_uuid",
        "dispatcher",
        "durable",
        "number",
        "project",
        "series",
        "uuid",
        "validator",
        "version",
    )

    def __init__(
        self,
        route: Route,
        version: RouteVersion,
        settings: Settings,
        dispatcher: Dispatcher,
        series: Series,
        key: bytes,
    ) -> None:
        self.version = version
        self.uuid = version.uuid
        self.number = version.number
        self.project = route.project
        self.deployment = route.name
        self.deployment_uuid = route.deployment
        self.durable = route.durability == "durable"
        self.deadline = version.deadline
        self.dispatcher = dispatcher
        self.series = series
        self.validator = Validator(version.schema, rows=settings.rows, depth=settings.json_depth)
        self.cover = cover_of(version.schema, key)
        name = msgspec.json.encode(route.name)
        self._in_one = b'","deployment":%b,"version":%d,"output":' % (name, version.number)
        self._in_many = b'","version":%d,"output":' % version.number

    def is_as(self, route: Route, version: RouteVersion) -> bool:
        """Whether it was made of just these."""
        durable = route.durability == "durable"
        return (self.version, self.deployment, self.durable) == (version, route.name, durable)

    def answer(self, ids: list[str], outputs: list[bytes], *, single: bool) -> bytes:
        """The body of an answer.

        Args:
            ids: prediction ids, one per row.
            outputs: JSON texts, one per row.
            single: whether the request was one object and not an array.
        """
        if single:
            return b'{"id":"%b%b%b}' % (ids[0].encode(), self._in_one, outputs[0])
        middle = self._in_many
        rows = [
            b'{"id":"%b%b%b}' % (row_id.encode(), middle, out)
            for row_id, out in zip(ids, outputs, strict=True)
        ]
        return b'{"predictions":[%b]}' % b",".join(rows)


class _Deployed:
    """One deployment: its uuid, its versions by number, and the one that answers."""

    __slots__ = ("live", "uuid", "versions")

    def __init__(self, uuid: str, live: ServedVersion | None, versions: dict[int, ServedVersion]) -> None:
        self.uuid = uuid
        self.live = live
        self.versions = versions


class Table:
    """Finds the version that answers, and hands links to the queues they belong to.

    Args:
        settings: limits.
        metrics: makes the counters of each version.
        on_hung: told of workers that hang.
        server_secret: of `konan.access.secret`.
    """

    def __init__(self, settings: Settings, metrics: Metrics, on_hung: Hung, server_secret: bytes) -> None:
        self._settings = settings
        self._metrics = metrics
        self._on_hung = on_hung
        self._secret = server_secret
        self._loop = asyncio.get_running_loop()
        self._deployed: dict[tuple[str, str], _Deployed] = {}
        self._served: dict[str, ServedVersion] = {}
        self._early: dict[tuple[str, int], socket.socket] = {}

    def take(self, snapshot: Snapshot) -> None:
        """Serve a snapshot from now on."""
        served: dict[str, ServedVersion] = {}
        deployed: dict[tuple[str, str], _Deployed] = {}
        for route in snapshot.routes:
            versions = {}
            for version in route.versions:
                compiled = self._compiled(route, version)
                if compiled is not None:
                    versions[version.number] = served[version.uuid] = compiled
            live = versions.get(route.live) if route.live is not None else None
            deployed[route.project, route.name] = _Deployed(route.deployment, live, versions)
        gone = self._served.keys() - served.keys()
        for uuid in gone:
            retired = self._served[uuid]
            self._loop.call_later(retired.deadline, retired.dispatcher.close)
        self._served, self._deployed = served, deployed
        self._adopt_links()

    def find(self, caller: Principal, name: str, number: int | None) -> ServedVersion:
        """The version that answers a caller.

        Args:
            caller: who asks; sees only its project and, if it is limited, its deployments.
            name: name of the deployment.
            number: a version by number, or null for the live one.

        Raises:
            NotFound: no such deployment or version, or not for this caller.
            NotReady: the deployment has no live version.
        """
        deployed = self._deployed.get((caller.project, name))
        if deployed is None or not caller.sees(name):
            raise NotFound("There is no such deployment.")
        if number is None:
            if deployed.live is None:
                raise NotReady("The deployment has no live version yet.", retry_after=1)
            return deployed.live
        version = deployed.versions.get(number)
        if version is None:
            raise NotFound("The deployment has no such version.")
        return version

    def known(
        self, caller: Principal, name: str, number: int | None
    ) -> tuple[str, ServedVersion | None] | None:
        """Uuid of a deployment, and the version that would answer, if any; None if it is not there."""
        deployed = self._deployed.get((caller.project, name))
        if deployed is None or not caller.sees(name):
            return None
        return deployed.uuid, deployed.live if number is None else deployed.versions.get(number)

    def add_link(self, uuid: str, worker: int, link: socket.socket) -> None:
        """Use a worker's link, now or once its version is served."""
        version = self._served.get(uuid)
        if version is not None:
            version.dispatcher.add_link(worker, link)
            return
        self._drop_early(uuid, worker)
        self._early[uuid, worker] = link

    def remove_link(self, uuid: str, worker: int) -> None:
        """Send a worker nothing more."""
        self._drop_early(uuid, worker)
        version = self._served.get(uuid)
        if version is not None:
            version.dispatcher.remove_link(worker)

    def rest(self, uuid: str, seconds: float) -> None:
        """A version's breaker opened for so many seconds, or closed (0)."""
        version = self._served.get(uuid)
        if version is not None:
            version.dispatcher.rest(seconds)

    def queues(self) -> list[dict[str, str | int | float]]:
        """The queue of each version as plain values."""
        return [
            {
                "project": version.project,
                "deployment": version.deployment,
                "version": version.number,
                "workers": version.dispatcher.workers,
                "waiting_rows": version.dispatcher.waiting_rows,
                "frames": version.dispatcher.frames,
                "rows": version.dispatcher.rows,
                "model_seconds": version.dispatcher.model_nanoseconds / 1e9,
            }
            for version in self._served.values()
        ]

    def close(self) -> None:
        """Close all queues and links."""
        for version in self._served.values():
            version.dispatcher.close()
        for link in self._early.values():
            link.close()
        self._early.clear()

    def _compiled(self, route: Route, version: RouteVersion) -> ServedVersion | None:
        known = self._served.get(version.uuid)
        if known is not None and known.is_as(route, version):
            return known
        series = self._metrics.series(route.project, route.name, version.number)
        key = secret.of_project(self._secret, route.project)
        try:
            dispatcher = known.dispatcher if known is not None else self._queue(version)
            return ServedVersion(route, version, self._settings, dispatcher, series, key)
        except KonanError as error:
            _log.error("version cannot be served", extra={"version": version.uuid, "code": error.code})
            return None

    def _queue(self, version: RouteVersion) -> Dispatcher:
        render = OutputCodec(version.schema.output).render
        return Dispatcher(
            version,
            self._loop,
            lambda worker: self._on_hung(version.uuid, worker),
            render,
            self._metrics.all_wait,
        )

    def _adopt_links(self) -> None:
        for uuid, worker in [key for key in self._early if key[0] in self._served]:
            self._served[uuid].dispatcher.add_link(worker, self._early.pop((uuid, worker)))

    def _drop_early(self, uuid: str, worker: int) -> None:
        link = self._early.pop((uuid, worker), None)
        if link is not None:
            link.close()
