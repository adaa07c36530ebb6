"""A version that was taken in becomes one that can run: environment, schema, certificate, package.

Every step starts from blobs, so a build that was killed begins again and ends the same. Reading the data and
the model's file goes on beside the building of the environment and the loading of the model.
"""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from konan.config import Paths, Settings
from konan.errors import DeadlineExceeded, GateFailed, KonanError, ModelFileInvalid
from konan.packaging import flavors, givenrows, layout, mlmodel, private
from konan.packaging.certify import Proof, certify
from konan.packaging.child import Limits, run
from konan.packaging.environment import Environments, Lock
from konan.packaging.features import Chosen, Roles, choose
from konan.packaging.golden import Golden, golden
from konan.packaging.learn import Request, Survey, survey
from konan.packaging.reading import Reading
from konan.packaging.starting import described, piped, ready
from konan.packaging.trial import ModelRaised, StartWorker, tried
from konan.packaging.uploads import Upload
from konan.ports import Blobs, DeploymentStore
from konan.records.access import Principal
from konan.records.deployments import DatasetFile, Failure, FileDigest, Version
from konan.records.routes import WorkerSpec
from konan.records.upload import Table, UploadManifest

_READING_SECONDS = 60.0
_READING_MEMORY = 8 * 1024**3
_MOST_IMPORTS = 500
_TRIED = "Konan tries the model on given rows, on nulls and on unseen categories; it may raise on some."
"""Said in the model's log, so that nobody takes what follows for errors of callers."""

_OURS = f"{sys.version_info.major}.{sys.version_info.minor}"


Warm = Callable[[WorkerSpec], Awaitable[None]]
"""Has workers load a model that is still on trial, so that they are ready when it has passed."""


@dataclass(slots=True)
class _Work:
    """What is being built, and the step it is at."""

    caller: Principal
    version: Version
    upload: Upload
    warm: Warm
    step: str = "package"

    @property
    def manifest(self) -> UploadManifest:
        return self.upload.manifest


@dataclass(frozen=True, slots=True)
class _Study:
    """What reading the files of an upload showed."""

    data: Survey | None
    holdout: Survey | None
    reading: Reading


class _Shown(NamedTuple):
    """What loading and trying the model showed."""

    ready: dict[str, Any]
    study: _Study
    chosen: Chosen
    proof: Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """Builds versions.

    Attributes:
        store: the metadata.
        blobs: files.
        paths: where this server keeps its things.
        settings: of this server.
        environments: where environments are built.
        start: starts sandboxed workers.
    """

    store: DeploymentStore
    blobs: Blobs
    paths: Paths
    settings: Settings
    environments: Environments
    start: StartWorker

    async def build(self, caller: Principal, version: Version, warm: Warm) -> Version:
        """Build and certify a version; may be called again for one that was being built.

        Args:
            caller: on whose behalf.
            version: ``building``.
            warm: told which workers will be wanted, as soon as they can load the model.

        Returns:
            The version, still ``building`` at step ``start``, or ``failed`` with the reason; as stored.

        Raises:
            NotFound: its upload is gone.
        """
        if version.state != "building" or version.package:
            return version
        stored = await asyncio.to_thread(self.blobs.read, version.upload)
        work = _Work(caller, version, msgspec.json.decode(stored, type=Upload), warm)
        try:
            return await self._steps(work)
        except KonanError as error:
            layout.remove(self.place(version))
            return await self._failed(work, error)

    def place(self, version: Version) -> Path:
        """The directory of a version's package."""
        return self.paths.packages / version.uuid

    def spec(self, version: Version, lock: str, model: dict[str, Any]) -> WorkerSpec:
        """The workers of a version.

        Args:
            version: whose.
            lock: digest of its lock.
            model: how to load and call its model.
        """
        settings = self.settings
        return WorkerSpec(
            version_uuid=version.uuid,
            label=f"{version.deployment} v{version.version}",
            python=str(self.environments.python(lock)),
            package=str(self.place(version)),
            model=model,
            replicas=settings.replicas,
            memory=settings.worker_memory,
            files=settings.worker_files,
            file_bytes=settings.worker_file_bytes,
            threads=settings.threads,
            start_timeout=settings.worker_start_timeout,
            crashes=settings.worker_crashes,
        )

    async def _steps(self, work: _Work) -> Version:
        place = self.place(work.version)
        await asyncio.to_thread(layout.lay_out, place, work.upload.model_files(), self.blobs)
        with tempfile.TemporaryDirectory(dir=self.paths.uploads, prefix=layout.MAKING) as scratch:
            studying = asyncio.create_task(self._study(work.upload, Path(scratch), place))
            try:
                lock = await self._environment(work)
                shown = await self._shown(work, lock, studying)
            finally:
                await _ended(studying)
        return await self._finished(work, lock, shown)

    async def _environment(self, work: _Work) -> Lock:
        await self._enter(work, "environment")
        minor = ".".join((work.manifest.python or _OURS).split(".")[:2])
        lock = await self.environments.lock(work.manifest.requirements, minor)
        await asyncio.to_thread(self.blobs.put, iter([lock.text.encode()]))
        await self.environments.build(lock)
        return lock

    async def _shown(self, work: _Work, lock: Lock, studying: "asyncio.Task[_Study]") -> _Shown:
        """Load the model, then try it on the rows that were given."""
        await self._enter(work, "certificate")
        path = self.paths.logs / f"{work.version.uuid}.log"
        with piped(path, self.settings.log_bytes, _TRIED) as log:
            spec = self.spec(work.version, lock.digest, self._model(work))
            worker = self.start(spec, log=log, unsafe=self.settings.unsafe_models)
        await work.warm(msgspec.structs.replace(spec, warming=True))
        said = await ready(worker, self.settings.worker_start_timeout)
        try:
            about = described(said)
            work.step = "schema"
            study = await studying
            chosen = choose(about, study.data, _roles(work.manifest))
            rows = self._golden(work, study, chosen)
        except BaseException:
            worker.kill()
            await worker.wait()
            raise
        work.step = "certificate"
        proof = await tried(
            worker,
            self.settings.certify_timeout,
            lambda trial: certify(trial, about, chosen.features, rows),
        )
        return _Shown(said, study, chosen, proof)

    def _model(self, work: _Work) -> dict[str, Any]:
        manifest = work.manifest
        loader = flavors.named(manifest.flavor).loader
        return {
            "loader": loader,
            "files": list(manifest.model),
            "digests": digests(work.upload.model_files()),
            "options": manifest.options,
            "private": givenrows.is_private(work.version),
            "features": [],
        }

    def _golden(self, work: _Work, study: _Study, chosen: Chosen) -> Golden:
        if study.data is None:
            return Golden((), (), {})
        digest = work.upload.digest(work.manifest.expected) if work.manifest.expected else ""
        expected = self.blobs.read(digest) if digest else b""
        return golden(chosen.columns, study.data.sample, expected, study.data.rows)

    async def _study(self, upload: Upload, scratch: Path, place: Path) -> _Study:
        """Read the rows and the model's file, each in a process of its own."""
        manifest = upload.manifest
        data, holdout, reading = await asyncio.gather(
            self._survey(upload, manifest.data, scratch),
            self._survey(upload, manifest.holdout, scratch),
            read_model(place / _main_file(manifest)),
        )
        return _Study(data, holdout, reading)

    async def _survey(self, upload: Upload, table: Table | None, scratch: Path) -> Survey | None:
        if table is None:
            return None
        file = scratch / Path(table.path).name
        await asyncio.to_thread(self.blobs.copy_to, upload.digest(table.path), file)
        request = Request(path=str(file), format=table.format, most=self.settings.data_rows)
        return await survey(request, self.settings.certify_timeout)

    async def _finished(self, work: _Work, lock: Lock, shown: _Shown) -> Version:
        work.step = "package"
        version = _certified(work, lock, shown)
        texts = mlmodel.texts(contents(work.upload, lock.text, version))
        place = self.place(version)
        made = await asyncio.to_thread(self.kept, place, texts)
        about = next(file for file in made if file.path == "konan.json")
        files = (*work.upload.model_files(), *made)
        version = msgspec.structs.replace(version, package=about.sha256, files=files, step="start")
        await asyncio.to_thread(self.store.put_version, work.caller, version)
        return version

    def kept(self, place: Path, texts: dict[str, bytes]) -> list[FileDigest]:
        """Put the small files of a package into its directory and among the blobs."""
        layout.add(place, texts)
        kept = ((path, self.blobs.put(iter([text]))) for path, text in texts.items())
        return [FileDigest(path=path, sha256=digest, size=size) for path, (digest, size) in kept]

    async def _enter(self, work: _Work, step: str) -> None:
        work.step = step
        work.version = msgspec.structs.replace(work.version, step=step)
        await asyncio.to_thread(self.store.put_version, work.caller, work.version)

    async def _failed(self, work: _Work, error: KonanError) -> Version:
        cause = error.__cause__
        failure = Failure(
            step=work.step,
            code=error.code,
            message=error.message,
            hint=error.hint,
            traceback=cause.traceback if isinstance(cause, ModelRaised) else "",
        )
        version = msgspec.structs.replace(work.version, state="failed", step="", failure=failure)
        await asyncio.to_thread(self.store.put_version, work.caller, version)
        return version


def digests(files: Iterable[FileDigest]) -> dict[str, str]:
    """Digests by path, as a worker checks them before it loads anything."""
    return {file.path: file.sha256 for file in files}


async def read_model(path: Path) -> Reading:
    """What a model's file names, read in a process of its own and never loaded.

    A file that only this reader fails on is no reason to refuse a version: whether it loads is found out
    in the sandbox.

    Raises:
        ModelFileInvalid: it is not a model.
    """
    command = [sys.executable, "-P", "-m", "konan.packaging.imports", str(path)]
    limits = Limits(_READING_SECONDS, memory=_READING_MEMORY)
    nothing = Reading(format="")
    try:
        done = await run(command, limits, environment={"LANG": "C.UTF-8"}, directory=path.parent)
    except DeadlineExceeded:
        return nothing
    if done.status == 1 and done.talk.count("\n") == 1:
        raise ModelFileInvalid(done.talk.strip())
    return nothing if done.status else msgspec.json.decode(done.output, type=Reading)


async def _ended(task: "asyncio.Task[Any]") -> None:
    """Cancel what is no longer needed, and wait until it has let go of its files and processes."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _roles(manifest: UploadManifest) -> Roles:
    return Roles(manifest.target, _declared(manifest), manifest.constraints)


def _declared(manifest: UploadManifest) -> tuple[str, ...]:
    names = (manifest.key, manifest.subject, *manifest.segments)
    return tuple(dict.fromkeys(name for name in names if name))


def _main_file(manifest: UploadManifest) -> str:
    """The file to read, or the folder of a Python class."""
    return manifest.model[0] if len(manifest.model) == 1 else "model"


def _certified(work: _Work, lock: Lock, shown: _Shown) -> Version:
    """The version with all that is known of it but its package."""
    proof, study = shown.proof, shown.study
    names = {feature.name for feature in proof.schema.features}
    extra = tuple(name for name in _declared(work.manifest) if name not in names)
    certificate = msgspec.structs.replace(
        proof.certificate,
        memory_bytes=int(shown.ready["memory_bytes"]),
        load_seconds=float(shown.ready["load_seconds"]),
        sandbox=shown.ready["sandbox"],
        imports=study.reading.modules[:_MOST_IMPORTS],
    )
    schema = msgspec.structs.replace(
        proof.schema,
        extra=extra,
        key=work.manifest.key,
        subject=work.manifest.subject,
        segments=work.manifest.segments,
    )
    return msgspec.structs.replace(
        work.version,
        python=lock.python,
        lock=lock.digest,
        schema=private.private_schema(schema, work.version.privacy, work.manifest.privacy),
        certificate=certificate,
        datasets=_datasets(work.upload, study),
        warnings=(*shown.chosen.warnings, *proof.warnings),
    )


def _datasets(upload: Upload, study: _Study) -> tuple[DatasetFile, ...]:
    found = []
    tables = (("data", upload.manifest.data, study.data), ("holdout", upload.manifest.holdout, study.holdout))
    for role, table, shown in tables:
        if table is not None and shown is not None:
            columns = tuple(column.name for column in shown.columns)
            digest = upload.digest(table.path)
            found.append(DatasetFile(role=role, sha256=digest, rows=shown.rows, columns=columns))  # type: ignore[arg-type] # one of two
    return tuple(found)


def contents(upload: Upload, lock: str, version: Version) -> mlmodel.Contents:
    """What the package of a version is made of.

    Args:
        upload: what it was made from.
        lock: text of its locked requirements.
        version: certified.

    Raises:
        GateFailed: it is not.
    """
    if version.schema is None:
        raise GateFailed("The version has no schema.")
    manifest = upload.manifest
    return mlmodel.Contents(
        uuid=version.uuid,
        created_at=version.created_at,
        flavor=manifest.flavor,
        loader=flavors.named(manifest.flavor).loader,
        options=manifest.options,
        model=manifest.model,
        schema=version.schema,
        lock=lock,
        python=version.python,
        provenance=version.provenance,
        files=upload.model_files(),
    )
