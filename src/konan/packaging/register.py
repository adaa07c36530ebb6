"""Registration: an uploaded archive becomes a version that is certified and ready to run.

`Registrar` is what the control plane uses. It takes uploads in, has them built (see
`konan.packaging.building`), and answers for the files that workers start from. Going live is control's.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from konan import clock
from konan.config import Paths, Settings
from konan.errors import Conflict, Invalid, NotAllowed, NotFound
from konan.ids import is_name, new_uuid
from konan.packaging import erasing, givenrows, layout, private, sampling, uploads
from konan.packaging.beside import Beside, Result
from konan.packaging.building import Builder, Warm, digests
from konan.packaging.environment import Environments, read_lock
from konan.packaging.erasing import Person
from konan.packaging.golden import Row
from konan.packaging.reference import make_reference
from konan.packaging.trial import Form, StartWorker, Trial
from konan.packaging.uploads import Upload
from konan.ports import Blobs, DeploymentStore
from konan.records.access import Principal
from konan.records.deployments import Reference, Version
from konan.records.routes import WorkerSpec
from konan.records.schema import Privacy

Profiled = Callable[[Version, Reference], Awaitable[Reference]]
"""Completes a version's reference with what its inputs were (a `Profiler` of monitoring)."""


async def unprofiled(_: Version, scored: Reference) -> Reference:
    """Note nothing more."""
    return scored


_ALL = 1_000_000


class _About(msgspec.Struct, frozen=True):
    """What a worker needs of ``konan.json``."""

    loader: str
    options: dict[str, Any]
    model: tuple[str, ...]


class Registrar:
    """Takes uploads in and makes them ready to run.

    Args:
        store: the metadata.
        blobs: where files are kept.
        paths: where this server keeps its things.
        settings: of this server.
        start_worker: starts sandboxed workers.
        profiled: completes references.
    """

    def __init__(
        self,
        store: DeploymentStore,
        blobs: Blobs,
        paths: Paths,
        settings: Settings,
        start_worker: StartWorker,
        profiled: Profiled = unprofiled,
    ) -> None:
        self._store = store
        self._profiled = profiled
        self._blobs = blobs
        self._paths = paths
        self._settings = settings
        self._accepting = threading.Condition()
        self._uploads = 0
        self._environments = Environments(paths.environments, settings.build_timeout)
        self._builder = Builder(
            store=store,
            blobs=blobs,
            paths=paths,
            settings=settings,
            environments=self._environments,
            start=start_worker,
        )

    def accept(self, caller: Principal, name: str, archive: Path) -> Version:
        """Take in an archive as a new version of a deployment, which is made if there is none.

        Blocks while files are copied. Nothing is kept of an archive that is refused.

        Args:
            caller: needs the scope ``deploy``, and ``model:upload-code`` for a model that runs code.
            name: of the deployment.
            archive: the uploaded file; it stays where it is.

        Returns:
            The version, ``building``.

        Raises:
            Invalid: the name cannot name a deployment, or columns are declared private that cannot be.
            NotAllowed: the caller lacks a scope.
            NotFound: the caller's key is limited to other deployments.
            MediaTypeUnsupported: the file is not a zip.
            BodyTooLarge: it holds too much.
            ModelFileInvalid: it is not what it says it is.
            StorageFull: there is no room.
        """
        if not caller.may("deploy"):
            raise NotAllowed("The key lacks the scope deploy.")
        if not is_name(name):
            raise Invalid(
                "A deployment's name has 1 to 63 lower-case letters, digits and inner hyphens.",
                hint="The word models and names like a UUID are reserved.",
            )
        if not caller.sees(name):
            raise NotFound("There is no such deployment.")
        with self._accepting:
            self._uploads += 1
        try:
            largest = self._settings.upload_bytes
            upload, digest = uploads.keep(caller, archive, self._blobs, largest, self._declared(caller, name))
            with self._accepting:
                return self._added(caller, name, upload, digest)
        finally:
            with self._accepting:
                self._uploads -= 1
                self._accepting.notify_all()

    def forget_rows(self, version: Version) -> Version:
        """Remove the rows given with a version that has private columns, when they are needed no more.

        Blocks while an upload is taken in, which may hold the same rows.
        """
        if not givenrows.is_due(version):
            return version
        with self._accepting:
            self._accepting.wait_for(lambda: not self._uploads)
            others = [other for _, other in self._store.platform_versions()]
            return givenrows.forget(self._blobs, version, others)

    async def without(self, version: Version, person: Person) -> Version:
        """A version without a person in the rows that it was given, and in what was learned of them."""
        return await erasing.without(self._builder, version, person)

    def remove_erased(self, erasure: str) -> None:
        """Remove what held the rows that an erasure took out.

        Blocks while an upload is taken in, which may hold the same rows.
        """
        with self._accepting:
            self._accepting.wait_for(lambda: not self._uploads)
            erasing.remove(self._blobs, self._every_version(), erasure)

    def _every_version(self) -> Iterator[Version]:
        for deployment in self._store.platform_deployments():
            caller = Principal(project=deployment.project, key_id="platform", scopes=frozenset({"admin"}))
            yield from self._store.list_versions(caller, deployment.name, _ALL)

    def _newest(self, caller: Principal, name: str) -> Version | None:
        try:
            newest = self._store.list_versions(caller, name, 1)
        except NotFound:
            return None
        return newest[0] if newest else None

    def _declared(self, caller: Principal, name: str) -> dict[str, Privacy]:
        """What the newest version of a deployment says of private columns."""
        newest = self._newest(caller, name)
        return newest.privacy if newest else {}

    def _added(self, caller: Principal, name: str, upload: Upload, digest: str) -> Version:
        """Note a version, one after the other, so that each inherits from the one before."""
        at = clock.rfc3339(clock.now())
        self._store.ensure_deployment(caller, name, new_uuid(), at)
        manifest = upload.manifest
        newest = self._newest(caller, name)
        before = newest.privacy if newest else {}
        days = manifest.retention_days
        if days is None and newest:
            days = newest.retention_days
        privacy = private.declared(before, manifest.privacy, key=manifest.key, subject=manifest.subject)
        version = Version(
            uuid=new_uuid(),
            deployment=name,
            version=0,
            state="building",
            created_at=at,
            flavor=manifest.flavor,
            rollout=manifest.rollout,
            durability=manifest.durability,
            step="package",
            upload=digest,
            privacy=privacy,
            retention_days=days,
            provenance={**manifest.provenance, "key_id": caller.key_id},
        )
        return self._store.add_version(caller, version)

    async def build(self, caller: Principal, version: Version, warm: Warm) -> Version:
        """Build and certify a version; may be called again for one that was being built.

        Args:
            caller: on whose behalf.
            version: ``building``.
            warm: told which workers will be wanted, as soon as they can load the model.

        Returns:
            The version as it is stored then: ``building`` at step ``start``, or ``failed`` with the reason.
        """
        return await self._builder.build(caller, version, warm)

    def materialise(self, version: Version) -> None:
        """Check every file of a version against its digest, and lay out anew what is missing or damaged.

        Blocks while files are read; when the environment is gone, until it is built again.

        Raises:
            NotFound: a file is gone from the blobs too.
            Conflict: a file is damaged there too.
        """
        place = self._builder.place(version)
        if not layout.is_whole(place, version.files):
            layout.lay_out(place, version.files, self._blobs)
        if not self._environments.exists(version.lock):
            lock = read_lock(self._blobs.read(version.lock).decode())
            # This thread has an event loop of its own; a build at the same time ends in the same place.
            fresh = Environments(self._paths.environments, self._settings.build_timeout)
            asyncio.run(fresh.build(lock))

    def worker_spec(self, version: Version) -> WorkerSpec:
        """The workers that shall run for a certified version.

        Raises:
            Conflict: the version is not certified.
        """
        if version.schema is None or version.certificate is None:
            raise Conflict("The version is not certified.")
        about = msgspec.json.decode(self._blobs.read(version.package), type=_About)
        form = Form(version.schema.features, version.schema.output, version.certificate.input)
        model = {
            "loader": about.loader,
            "files": list(about.model),
            "digests": digests(file for file in version.files if file.path in about.model),
            "options": about.options,
            "private": givenrows.is_private(version),
            **form.model(),
        }
        return self._builder.spec(version, version.lock, model)

    async def ask(self, version: Version, seconds: float, work: Callable[[Trial], Result]) -> Result:
        """Ask a certified version something beside its traffic (see `konan.packaging.beside`).

        Args:
            version: which.
            seconds: what a group of questions may take.
            work: asks, in a thread, and gives the result.

        Raises:
            GateFailed: the model could not be loaded, raised, died or did not answer in time.
        """
        await asyncio.to_thread(self.materialise, version)
        return await Beside(self._builder, self.worker_spec(version), "", seconds).ask(work)

    async def given_rows(self, version: Version, most: int) -> tuple[sampling.Source, list[Row]]:
        """Some of the rows that a version was given (see `konan.packaging.sampling.given_rows`)."""
        return await sampling.given_rows(self._builder, version, most)

    async def reference(self, version: Version) -> Reference:
        """What monitoring may compare a certified version with.

        It takes up to a minute, so ask for it when the version is live. The caller keeps it with the version.
        """
        scored = version.reference
        if not scored.predictions:
            scored = await make_reference(self._builder, self.worker_spec(version), version)
        return await self._profiled(version, scored)

    def sweep(self) -> None:
        """Remove what a crash has left; only while nothing is built."""
        self._environments.sweep()
        known = {version.uuid for _, version in self._store.platform_versions()}
        for left in (*self._paths.packages.iterdir(), *self._paths.uploads.glob(f"{layout.MAKING}*")):
            if left.name not in known:
                layout.remove(left)
