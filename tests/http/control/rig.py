"""The application of control in this process: real store, real blobs, workers that only say they run."""

import asyncio
import io
import os
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec

from konan import clock, ids
from konan.access.permissions import NewKey, make_key
from konan.adapters.addresses import networks
from konan.adapters.apprise import Apprise
from konan.adapters.disk import DiskBlobs
from konan.adapters.sql import SqlStore, open_store, sqlite_url
from konan.adapters.webhook import Webhooks, secret_of
from konan.config import Paths, Settings
from konan.control import Fleet, Services, create_app
from konan.control.gate import Gate
from konan.control.given import GivenRows
from konan.control.services import Accepts
from konan.erasure.service import Erasures
from konan.errors import GateFailed, ModelFileInvalid, NotReady
from konan.groundtruth.groundtruth import JOURNAL, GroundTruth
from konan.groundtruth.keys import StoredKeyColumns
from konan.monitoring.alarms.monitor import AlarmMonitor
from konan.monitoring.alarms.notifications import Notifications
from konan.monitoring.explanation.explaining import Explaining
from konan.monitoring.operations.kpis import Kpis
from konan.monitoring.operations.on_demand import Operations
from konan.monitoring.operations.samples import FILE, Samples
from konan.monitoring.operations.sampling import Sampler
from konan.monitoring.profiles.completeness import Settled
from konan.monitoring.reference.learning import Learning
from konan.monitoring.reports.multivariate import Multivariate
from konan.monitoring.reports.on_demand import Reports
from konan.packaging.erasing import Person
from konan.packaging.golden import Row
from konan.packaging.trial import Trial
from konan.predictions.flusher import Rules
from konan.predictions.log import Predictions
from konan.predictions.schemas import StoredSchemas
from konan.records.access import SCOPES, Key, Principal
from konan.records.deployments import DatasetFile, Deployment, FileDigest, Reference, Version
from konan.records.explanations import BackgroundSource
from konan.records.messages import WorkersChanged
from konan.records.routes import Snapshot, WorkerSpec
from konan.records.schema import Feature, Output, Schema

T = TypeVar("T")
AT = "2026-11-23T12:00:00.000000Z"
SCHEMA = Schema(features=(Feature(name="x", type="number"),), output=Output(kind="regressor"))


class SaidWorkers:
    """A runtime whose workers do what a test says.

    Attributes:
        wanted: the labels that were asked for, each time.
        published: the generations.
        failure: why the next workers do not start, or None.
        deaf: whether gateways do not take snapshots.
    """

    def __init__(self) -> None:
        self.wanted: list[tuple[str, ...]] = []
        self.warming: list[tuple[str, ...]] = []
        self.published: list[int] = []
        self.failure: dict[str, str] | None = None
        self.deaf = False
        self.said: asyncio.Queue[WorkersChanged] = asyncio.Queue()
        self.counted: dict[int, dict[str, Any]] = {}
        self._running: set[str] = set()

    async def want(self, workers: tuple[WorkerSpec, ...]) -> None:
        warm = tuple(spec for spec in workers if not spec.warming)
        self.wanted.append(tuple(sorted(spec.label for spec in warm)))
        self.warming.append(tuple(spec.label for spec in workers if spec.warming))
        for spec in warm:
            if spec.version_uuid not in self._running:
                ready = 0 if self.failure else spec.replicas
                sandbox = {"level": "full"}
                self.say(spec.version_uuid, ready, failure=self.failure, sandbox=sandbox)
        self._running = {spec.version_uuid for spec in warm}

    def say(self, uuid: str, ready: int, **others: Any) -> None:
        self.said.put_nowait(WorkersChanged(version_uuid=uuid, ready=ready, **others))

    async def publish(self, generation: int, within: float) -> None:
        assert within <= 1
        self.published.append(generation)
        if self.deaf:
            raise NotReady("A gateway does not answer.")

    async def changes(self) -> AsyncIterator[WorkersChanged]:
        while True:
            yield await self.said.get()

    def processes(self) -> tuple[dict[str, Any], ...]:
        workers = self.wanted[-1] if self.wanted else ()
        names = ["control", "gateway-0", *(f"worker {label} #1" for label in workers)]
        return tuple({"name": name, "pid": os.getpid(), "restarts": 0} for name in names)

    def stats(self) -> dict[int, dict[str, Any]]:
        return self.counted


class Drawer:
    """Takes a zip with one text in it as a model; the text says what becomes of it."""

    def __init__(self, store: SqlStore, blobs: DiskBlobs) -> None:
        self.store = store
        self.blobs = blobs
        self.hold: asyncio.Event | None = None
        self.hold_references: asyncio.Event | None = None
        self.schema = SCHEMA
        self.error: Exception | None = None
        self.broken: set[str] = set()
        self.referred: list[int] = []
        self.datasets: tuple[DatasetFile, ...] = ()

    def accept(self, caller: Principal, name: str, archive: Path) -> Version:
        if not zipfile.is_zipfile(archive):
            raise ModelFileInvalid("The upload is not a zip archive.")
        content = archive.read_bytes()
        digest, size = self.blobs.put(iter([content]))
        self.store.ensure_deployment(caller, name, ids.new_uuid(), clock.rfc3339(clock.now()))
        return self.store.add_version(
            caller,
            Version(
                uuid=ids.new_uuid(),
                deployment=name,
                version=0,
                state="building",
                created_at=AT,
                flavor="python",
                files=(FileDigest(path="model/a", sha256=digest, size=size),),
            ),
        )

    async def build(
        self, caller: Principal, version: Version, warm: Callable[[WorkerSpec], Awaitable[None]]
    ) -> Version:
        await warm(msgspec.structs.replace(self.worker_spec(version), warming=True))
        if self.error:
            raise self.error
        if self.hold:
            await self.hold.wait()
        built = msgspec.structs.replace(
            version, schema=self.schema, step="certificate", datasets=self.datasets
        )
        await asyncio.to_thread(self.store.put_version, caller, built)
        return built

    def forget_rows(self, version: Version) -> Version:
        return version

    async def without(self, version: Version, person: Person) -> Version:
        assert person.names
        return version

    def remove_erased(self, erasure: str) -> None:
        assert erasure

    async def ask(self, version: Version, seconds: float, work: Callable[[Trial], T]) -> T:
        assert seconds > 0
        raise GateFailed(f"Nothing answers {work} for version {version.version}.")

    async def given_rows(self, version: Version, most: int) -> tuple[BackgroundSource, list[Row]]:
        assert version.version
        assert most
        return "data", []

    async def reference(self, version: Version) -> Reference:
        self.referred.append(version.version)
        if self.hold_references:
            await self.hold_references.wait()
        return Reference(source="holdout", rows=3, predictions="0" * 64, inputs=3, profile="1" * 64)

    def materialise(self, version: Version) -> None:
        if version.uuid in self.broken:
            raise ModelFileInvalid("The package is damaged.")

    def worker_spec(self, version: Version) -> WorkerSpec:
        return WorkerSpec(
            version_uuid=version.uuid,
            label=f"{version.deployment} v{version.version}",
            python="python",
            package="package",
            model={},
            replicas=1,
            memory=1,
            files=1,
            file_bytes=1,
            threads=1,
            start_timeout=1,
            crashes=1,
        )


class Rig:
    """One server and its callers."""

    def __init__(self, directory: Path, settings: Settings | None = None, warm: float = 600.0) -> None:
        self.registrar: Accepts | None = None
        self.runner = asyncio.Runner()
        self.settings = settings or Settings(body_bytes=10_000, upload_bytes=100_000, body_timeout=5)
        self.paths = Paths(directory)
        self.paths.make()
        self.store = open_store(sqlite_url(self.paths.database))
        for project in ("p1", "p2"):
            self.store.ensure_project(project, AT)
        self.runtime = SaidWorkers()
        self.drawer = Drawer(self.store, DiskBlobs(self.paths.blobs))
        self.warm = warm
        self.fleet, self.app = self.run(self._start())

    async def _start(self) -> tuple[Fleet, Gate]:
        fleet = Fleet(
            store=self.store,
            runtime=self.runtime,
            builder=self.drawer,
            settings=self.settings,
            paths=self.paths,
            warm_seconds=self.warm,
        )
        predictions = Predictions(
            self.paths.journal, self.paths.predictions, StoredSchemas(self.store), Rules()
        )
        self.truth = GroundTruth(
            self.paths.journal / JOURNAL, predictions, StoredKeyColumns(self.store, b"s" * 32)
        )
        self.truth.open()
        self.erasures = Erasures(self.store, self.paths, predictions, self.truth, 1)
        secret = b"s" * 32
        self.notifications = Notifications(
            self.store,
            {"webhook": Webhooks(secret, networks(self.settings.webhook_networks)), "apprise": Apprise([])},
            partial(secret_of, secret),
        )
        settled = Settled(predictions.flusher, self.settings.deadline)
        self.watching = AlarmMonitor(
            self.store, self.drawer.blobs, self.paths.predictions, settled, self.notifications
        )
        samples = Samples(self.paths.root / FILE)
        self.services = services = Services(
            settings=self.settings,
            paths=self.paths,
            store=self.store,
            registrar=self.registrar or self.drawer,
            runtime=self.runtime,
            predictions=predictions,
            truth=self.truth,
            erasures=self.erasures,
            reports=Reports(self.store, self.drawer.blobs, predictions, self.paths.predictions),
            multivariate=Multivariate(
                self.store,
                self.drawer.blobs,
                predictions.flusher,
                self.paths.predictions,
                self.paths.uploads,
            ),
            explaining=Explaining(self.store, predictions, self.drawer),
            operations=Operations(self.store, predictions, samples, self.paths.root, Kpis(self.store)),
            sampler=Sampler(self.runtime, dict, samples, self.paths.root),
            alarms=self.watching,
            notifications=self.notifications,
            learning=Learning(
                self.store, self.drawer.blobs, self.paths.predictions, fleet.learnt, settled.follow
            ),
            fleet=fleet,
            version="0.0",
            started_at=AT,
        )
        await fleet.start()
        self.erasures.start(GivenRows(self.store, services.registrar, fleet, services.learning))
        return fleet, create_app(services)

    def restart(self) -> None:
        """End control and start it again on the same data."""
        self.run(self.fleet.stop())
        self.run(self.erasures.close())
        self.run(self.truth.close())
        self.runtime = SaidWorkers()
        self.fleet, self.app = self.run(self._start())

    def close(self) -> None:
        self.run(self.fleet.stop())
        self.run(self.erasures.close())
        self.run(self.truth.close())
        self.runner.close()
        self.store.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def key(
        self, *scopes: str, project: str = "p1", days: int = 90, deployments: tuple[str, ...] = ()
    ) -> str:
        return self.made_key(*scopes, project=project, days=days, deployments=deployments)[1]

    def made_key(
        self, *scopes: str, project: str = "p1", days: int = 90, deployments: tuple[str, ...] = ()
    ) -> tuple[Key, str]:
        maker = Principal(project=project, key_id="test", scopes=frozenset(SCOPES))
        request = NewKey(name="k", scopes=scopes or SCOPES, deployments=deployments, expires_days=days)
        key, minted = make_key(maker, request, clock.now(), 90)
        self.store.add_key(maker, key, minted.digest)
        self.run(self.fleet.keys_changed())
        return key, minted.text

    def call(self, method: str, path: str, key: str | None = None, **others: Any) -> httpx.Response:
        headers = dict(others.pop("headers", {}))
        if key is not None:
            headers.setdefault("Authorization", f"Bearer {key}")
        return self.run(self._call(method, path, headers, others))

    async def _call(
        self, method: str, path: str, headers: dict[str, str], others: dict[str, Any]
    ) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app)  # type: ignore[arg-type] # Litestar types ASGI its own way
        async with httpx.AsyncClient(transport=transport, base_url="http://konan") as client:
            return await client.request(method, path, headers=headers, **others)

    def deploy(self, key: str, name: str = "bikes", content: bytes | None = None) -> httpx.Response:
        headers = {"Content-Type": "application/zip"}
        body = archive() if content is None else content
        return self.call("POST", f"/v1/deployments/{name}/versions", key, headers=headers, content=body)

    def until(self, good: Callable[[], bool], within: float = 20.0) -> None:
        """Let control work until something holds."""
        deadline = clock.monotonic() + within
        while not good():
            assert clock.monotonic() < deadline, "it did not come to hold"
            self.run(asyncio.sleep(0.002))

    def live(self, key: str, name: str = "bikes") -> Deployment:
        """Deploy, wait until the new version is live, and give the deployment."""
        number = self.deploy(key, name).json()["version"]
        path = f"/v1/deployments/{name}"
        self.until(lambda: self.call("GET", path, key).json().get("live_version") == number)
        self.until(lambda: self.call("GET", path, key).json()["state"] == "ready")
        return msgspec.convert(self.call("GET", path, key).json(), Deployment)

    def snapshot(self) -> Snapshot:
        return msgspec.json.decode(self.paths.snapshot.read_bytes(), type=Snapshot)


def archive(text: str = "model") -> bytes:
    """A zip with one member."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("model/a", text)
    return buffer.getvalue()
