"""Keeps gateways and workers in step with the store, and brings new versions up.

The snapshot always goes out before workers are asked for: gateways know a version before its workers are
linked, and have let go of a version before its workers end.
"""

import asyncio
import contextlib
import functools
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import msgspec

from konan import clock
from konan.access.grants import Grants
from konan.config import Paths, Settings
from konan.control import world
from konan.control.readiness import Readiness
from konan.control.upkeep import Given, Upkeep
from konan.errors import Conflict, DeadlineExceeded, GateFailed, KonanError, NotReady, StorageFull
from konan.ports import Runtime, Store
from konan.records.access import Principal, platform
from konan.records.deployments import Deployment, Failure, Reference, Version
from konan.records.ledger import Action
from konan.records.routes import Snapshot, Workers, WorkerSpec

_BUILDS_AT_ONCE = 2
_PUBLISH_WITHIN = 1.0
_WARM_SECONDS = 600.0
_RETRY_SECONDS = 1.0
_REBUILD_SECONDS = 10.0
_PASSING = (GateFailed, DeadlineExceeded, StorageFull)
"""Why an environment cannot be built now, as on a restored server while the index is away."""

_log = logging.getLogger(__name__)


class Builder(Given, Protocol):
    """What makes versions ready to run (`konan.packaging.register.Registrar`)."""

    async def build(
        self, caller: Principal, version: Version, warm: Callable[[WorkerSpec], Awaitable[None]]
    ) -> Version:
        """Build and certify; the version it returns is ``failed`` when that did not work out."""
        ...

    def materialise(self, version: Version) -> object:
        """Lay out the version's package and environment on this machine, if they are not there."""
        ...

    def worker_spec(self, version: Version) -> WorkerSpec:
        """The workers that shall run for it."""
        ...


class Fleet:
    """What runs, as it follows from the store.

    Args:
        store: the metadata.
        runtime: where workers run.
        builder: makes versions ready to run.
        settings: of this server.
        paths: where it keeps its things.
        warm_seconds: for how long the workers of a superseded version are kept.
    """

    def __init__(
        self,
        *,
        store: Store,
        runtime: Runtime,
        builder: Builder,
        settings: Settings,
        paths: Paths,
        warm_seconds: float = _WARM_SECONDS,
    ) -> None:
        self._store = store
        self._runtime = runtime
        self._builder = builder
        self._settings = settings
        self._paths = paths
        self._warm_seconds = warm_seconds
        self._grants = Grants([])
        self._generation = 0
        self._rows: list[world.Row] = []
        self._specs: dict[str, WorkerSpec] = {}
        self._starting: set[str] = set()
        self._warming: dict[str, WorkerSpec] = {}
        self._kept: Workers | None = None
        self._rebuild_at = 0.0
        self._warm: dict[str, float] = {}
        self._readiness = Readiness()
        self._snapshot_lock = asyncio.Lock()
        self._world_lock = asyncio.Lock()
        self._switch_lock = asyncio.Lock()
        self._builds = asyncio.Semaphore(_BUILDS_AT_ONCE)
        self._upkeep = Upkeep(store, builder, self._switch_lock)
        self._promoting: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def grants(self) -> Grants:
        """The keys that are valid now."""
        return self._grants

    @property
    def generation(self) -> int:
        """Number of the snapshot that was written last."""
        return self._generation

    @property
    def sandbox(self) -> dict[str, object]:
        """Level and layers that the last worker reported; empty while none has."""
        return self._readiness.sandbox()

    async def start(self) -> None:
        """Publish what is live, start its workers, and go on with versions that were being built."""
        self._spawn(self._readiness.follow(self._runtime.changes()))
        await self.refresh()
        for deployment, version in self._rows:
            if version.state == "building":
                self.bring_up(platform(deployment.project), version)
            elif version.state == "live":
                self._spawn(self._upkeep.refer(platform(deployment.project), version))
        self._spawn(self._upkeep.forget_left())

    async def stop(self) -> None:
        """End the background work; versions that are being built go on at the next start."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def bring_up(self, caller: Principal, version: Version) -> None:
        """Build a version in the background, start its workers, and make it live."""
        self._spawn(self._bring_up(caller, version))

    def still(self) -> AbstractAsyncContextManager[None]:
        """Change no version and read no rows given at deploy; see `Upkeep.still`."""
        return self._upkeep.still()

    async def rows_changed(self) -> None:
        """Publish versions of which rows were erased, and make anew what these are compared with."""
        await self.refresh()
        for deployment, version in self._rows:
            if version.state == "live":
                self._spawn(self._upkeep.refer(platform(deployment.project), version))

    async def learnt(self, deployment: Deployment, version: Version, reference: Reference) -> None:
        """Keep what a version is compared with from now on, unless it changed meanwhile."""
        caller = platform(deployment.project)
        async with self._switch_lock:
            known = await asyncio.to_thread(self._store.version, caller, deployment.name, version.version)
            if known.reference == version.reference:
                changed = msgspec.structs.replace(known, reference=reference)
                await asyncio.to_thread(self._store.put_version, caller, changed)

    async def promote(
        self, caller: Principal, deployment: Deployment, version: Version, action: Action, why: str
    ) -> Deployment:
        """Have a version answer from now on; the one that did is kept warm, and ends what it has begun.

        Args:
            caller: who decides it.
            deployment: as the caller knows it; if another version is live by then, nothing changes.
            version: of it.
            action: what the ledger calls it.
            why: the caller's words.

        Returns:
            The deployment, when every gateway has heard of it.

        Raises:
            Conflict: the version cannot be live, is live, or another one is being made live.
            NotReady: its workers do not start; nothing has changed.
        """
        if version.state in {"building", "failed"}:
            raise Conflict(f"Version {version.version} is {version.state}; only what was ready can be live.")
        if version.version == deployment.live_version:
            raise Conflict(f"Version {version.version} is live already.")
        if deployment.uuid in self._promoting:
            raise Conflict("Another version is being made live.", hint="Try again when that is done.")
        self._promoting.add(deployment.uuid)
        try:
            await self._start(version)
            async with self._switch_lock:
                self._keep_warm(deployment)
                set_live = functools.partial(
                    self._store.set_live, instead_of=deployment.live_version, action=action, why=why
                )
                moved = await asyncio.to_thread(set_live, caller, version.deployment, version.version)
        finally:
            self._promoting.discard(deployment.uuid)
            self._starting.discard(version.uuid)
            await self.refresh()
        return moved

    async def keys_changed(self) -> None:
        """Make every gateway know the keys as they are now.

        Raises:
            StorageFull: the snapshot could not be written; it is tried again in the background.
        """
        await self._publish()

    async def refresh(self) -> None:
        """Make gateways and workers be as the store says."""
        async with self._world_lock:
            await self._publish()
            wanted = world.served(self._rows, self._also())
            specs = [spec for _, version in wanted if (spec := await self._spec(version)) is not None]
            self._specs = {spec.version_uuid: spec for spec in specs}
            self._readiness.keep_only(self._specs)
            await self._want()

    def labels(self, caller: Principal) -> frozenset[str]:
        """What the workers that exist for a caller are called, as ``bikes v3``."""
        return frozenset(
            self._specs[version.uuid].label
            for deployment, version in self._rows
            if deployment.project == caller.project
            and caller.sees(deployment.name)
            and version.uuid in self._specs
        )

    def state_of(self, deployment: Deployment, newest: Version | None) -> str:
        """How a deployment is: ``ready``, ``degraded``, ``building`` or ``failed``.

        Args:
            deployment: as the store has it.
            newest: its newest version, if it has any; looked at while none is live.
        """
        if deployment.live_version is None:
            return "failed" if newest is not None and newest.state == "failed" else "building"
        ready = any(
            self._readiness.ready(version.uuid)
            for owner, version in self._rows
            if owner.uuid == deployment.uuid and version.version == deployment.live_version
        )
        return "ready" if ready else "degraded"

    async def _publish(self) -> None:
        async with self._snapshot_lock:
            deployments = await asyncio.to_thread(self._store.platform_deployments)
            self._rows = await asyncio.to_thread(self._store.platform_versions)
            grants = await asyncio.to_thread(self._store.platform_grants)
            self._grants = Grants(grants)
            try:
                generation = await asyncio.to_thread(self._store.next_generation)
                snapshot = Snapshot(
                    generation=generation,
                    keys=world.valid(grants, clock.now().timestamp()),
                    routes=world.routes(deployments, self._rows, self._also(), self._settings),
                )
                await asyncio.to_thread(world.write, snapshot, self._paths.snapshot)
            except KonanError:
                self._later(_RETRY_SECONDS)
                raise
            self._generation = generation
        try:
            await self._runtime.publish(generation, _PUBLISH_WITHIN)
        except NotReady:
            _log.warning("a gateway has not taken the snapshot", extra={"generation": generation})

    def _also(self) -> Collection[str]:
        present = clock.monotonic()
        self._warm = {uuid: until for uuid, until in self._warm.items() if until > present}
        return self._starting | set(self._warm)

    async def _spec(self, version: Version) -> WorkerSpec | None:
        if version.uuid in self._specs:
            return self._specs[version.uuid]
        try:
            await asyncio.to_thread(self._builder.materialise, version)
            return self._builder.worker_spec(version)
        except KonanError as error:
            where = {"version": version.uuid, "code": error.code, "reason": error.message}
            _log.error("a version cannot run", extra=where)
            if isinstance(error, _PASSING) and clock.monotonic() >= self._rebuild_at:
                self._rebuild_at = clock.monotonic() + _REBUILD_SECONDS
                self._later(_REBUILD_SECONDS)
            return None

    async def _bring_up(self, caller: Principal, version: Version) -> None:
        try:
            async with self._builds:
                version = await self._builder.build(caller, version, self._warm_up)
            if version.state == "failed":
                await self._cool_down(version)
                await self._upkeep.forget(caller, version)
            if version.state != "failed":
                version = msgspec.structs.replace(version, step="start")
                await asyncio.to_thread(self._store.put_version, caller, version)
                await self._start(version)
                await self._switch(caller, version)
                self._spawn(self._upkeep.refer(caller, version))
        except KonanError as error:
            await self._failed(caller, version, error)
        except Exception:  # noqa: BLE001 - one version's fault must not end the others
            _log.exception("a version could not be brought up", extra={"version": version.uuid})
            await self._failed(caller, version, KonanError("The server failed to bring the version up."))

    async def _want(self) -> None:
        """Ask for the workers of what is served, and for those that only load a model until it is."""
        for uuid in self._specs:
            self._warming.pop(uuid, None)
        await self._runtime.want((*self._specs.values(), *self._warming.values()))
        await self._keep(Workers(workers=tuple(self._specs.values())))

    async def _keep(self, workers: Workers) -> None:
        """Keep on disk which workers shall run, so that the next start need not wait for control."""
        if workers == self._kept:
            return
        try:
            await asyncio.to_thread(world.write, workers, self._paths.workers)
            self._kept = workers
        except KonanError as error:
            _log.warning("the workers could not be noted", extra={"reason": error.message})

    async def _warm_up(self, spec: WorkerSpec) -> None:
        async with self._world_lock:
            self._warming[spec.version_uuid] = spec
            await self._want()

    async def _cool_down(self, version: Version) -> None:
        async with self._world_lock:
            if self._warming.pop(version.uuid, None) is not None:
                await self._want()

    async def _start(self, version: Version) -> None:
        self._starting.add(version.uuid)
        await self.refresh()
        replicas = self._settings.replicas
        await self._readiness.until_ready(version.uuid, replicas, self._settings.worker_start_timeout)

    async def _switch(self, caller: Principal, version: Version) -> None:
        async with self._switch_lock:
            deployment = await asyncio.to_thread(self._store.deployment, caller, version.deployment)
            old = deployment.live_version
            if old is not None and old > version.version:
                # A newer version was faster; what is live never goes back by itself.
                passed = msgspec.structs.replace(version, state="disabled", step="")
                await asyncio.to_thread(self._store.put_version, caller, passed)
            else:
                self._keep_warm(deployment)
                done = msgspec.structs.replace(version, step="")
                await asyncio.to_thread(self._store.put_version, caller, done)
                await asyncio.to_thread(self._store.set_live, caller, version.deployment, version.version)
            self._starting.discard(version.uuid)
        await self.refresh()

    def _keep_warm(self, deployment: Deployment) -> None:
        for owner, version in self._rows:
            if owner.uuid == deployment.uuid and version.state == "live":
                self._warm[version.uuid] = clock.monotonic() + self._warm_seconds
                self._later(self._warm_seconds)

    async def _failed(self, caller: Principal, version: Version, error: KonanError) -> None:
        self._starting.discard(version.uuid)
        self._warming.pop(version.uuid, None)
        try:
            known = await asyncio.to_thread(self._store.version, caller, version.deployment, version.version)
            failure = Failure(
                step=known.step or "start",
                code=error.code,
                message=error.message,
                hint=error.hint,
                traceback=self._readiness.traceback(version.uuid),
            )
            failed = msgspec.structs.replace(known, state="failed", step="", failure=failure)
            await asyncio.to_thread(self._store.put_version, caller, failed)
            await self._upkeep.forget(caller, failed)
            await self.refresh()
        except KonanError as second:
            where = {"version": version.uuid, "code": second.code, "reason": second.message}
            _log.error("a failed version could not be recorded", extra=where)

    def _later(self, seconds: float) -> None:
        async def refresh() -> None:
            await asyncio.sleep(seconds)
            with contextlib.suppress(KonanError):
                await self.refresh()

        self._spawn(refresh())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("background work failed", exc_info=error)
