"""Has the rows of live versions counted by their references, and gives those a reference that are learning.

A version that is learning gets its reference once enough of its live rows have their ground truth. These are
read by a child process (``python -m konan.monitoring.reference.learning``: a `Task` on standard input, a
`Summary` on standard output, both as MessagePack), for that needs Arrow. It is asked only when new truths
are in the tables, so a version whose truth never comes costs a look at a folder.
"""

import asyncio
import contextlib
import logging
import math
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from konan import ending, priority
from konan.errors import KonanError
from konan.groundtruth.revisions import SUFFIX
from konan.monitoring.profiles import FOLDER, LAYOUT
from konan.monitoring.profiles.layout_child import Item, lay
from konan.monitoring.reference.summary import Summary
from konan.packaging.child import Limits, run
from konan.packaging.learn import ENVIRONMENT, without_pandas
from konan.ports import Blobs
from konan.records.deployments import Deployment, Reference, Version
from konan.records.schema import Schema

ROWS = 1000
"""So many rows with their truth make a reference."""

_WITHIN = 600.0
_PAUSE = 10.0
_AT_ONCE = 100
_MEMORY = 8 * 1024**3
logger = logging.getLogger(__name__)

Note = Callable[[Deployment, Version, Reference], Awaitable[None]]
"""Keeps a reference with its version."""

Follow = Callable[[str], None]
"""Has what is in the tables of a deployment, by its uuid, counted where it is not; may take a while."""


class Versions(Protocol):
    """Knows all versions (`konan.ports.DeploymentStore`)."""

    def platform_versions(self) -> list[tuple[Deployment, Version]]:
        """Every version of every project that is not failed, with its deployment."""
        ...


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What to learn from.

    Attributes:
        directory: where the logs are.
        deployment: uuid.
        version: number of the version.
        schema: of the version.
        before: what is known already, `konan.monitoring.reference.reference.Reference` as bytes; or empty.
        rows: how many rows with their truth it takes.
    """

    directory: str
    deployment: str
    version: int
    schema: Schema
    before: bytes = b""
    rows: int = ROWS


class Learning:
    """Watches the live versions.

    Args:
        store: the metadata.
        blobs: where references are kept.
        directory: where the logs are.
        note: keeps a reference with its version.
        follow: has tables counted.
    """

    def __init__(self, store: Versions, blobs: Blobs, directory: Path, note: Note, follow: Follow) -> None:
        self._store = store
        self._blobs = blobs
        self._directory = directory
        self._note = note
        self._follow = follow
        self._laid: dict[str, str] = {}
        self._seen: dict[str, frozenset[str]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Learn in the background until `close`."""
        self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        """End; what is being read is read again after the next start."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def anew(self, deployment: Deployment, versions: Sequence[Version]) -> None:
        """Count live rows by the references as they are now, and let go of the cells of those before.

        Raises:
            KonanError: the rows could not be counted.
        """
        profiles = self._directory / deployment.uuid / FOLDER
        for version in versions:
            self._laid.pop(version.uuid, None)
            await asyncio.to_thread((profiles / f"{version.version}{LAYOUT}").unlink, missing_ok=True)
        await self._lay([(deployment, one) for one in versions if one.version == deployment.live_version])
        if await asyncio.to_thread(profiles.is_dir):
            await asyncio.to_thread(self._follow, deployment.uuid)

    async def step(self) -> int:
        """Learn what can be learnt now; returns how many versions have got their reference."""
        known = await asyncio.to_thread(self._store.platform_versions)
        live = [(owner, version) for owner, version in known if version.version == owner.live_version]
        for start in range(0, len(live), _AT_ONCE):
            try:
                await self._lay(live[start : start + _AT_ONCE])
            except KonanError as error:
                logger.warning("rows wait to be counted", extra={"reason": error.message})
        learnt = 0
        for deployment, version in live:
            if version.reference.source != "learning":
                continue
            commits = await asyncio.to_thread(self._commits, deployment)
            if not commits or commits == self._seen.get(version.uuid):
                continue
            try:
                learnt += await self._learn(deployment, version)
                self._seen[version.uuid] = commits
            except KonanError as error:
                where = {"version": version.uuid, "code": error.code, "reason": error.message}
                logger.warning("a version could not learn its reference", extra=where)
        return learnt

    async def _lay(self, versions: list[tuple[Deployment, Version]]) -> None:
        """Have rows counted by references that are new."""
        due = [
            (deployment, version)
            for deployment, version in versions
            if version.reference.profile and version.reference.profile != self._laid.get(version.uuid)
        ]
        if not due:
            return
        items = [
            Item(owner.uuid, one.version, await asyncio.to_thread(self._blobs.read, one.reference.profile))
            for owner, one in due
        ]
        for (deployment, version), new in zip(due, await lay(self._directory, items), strict=True):
            if new:
                await asyncio.to_thread(self._follow, deployment.uuid)
            self._laid[version.uuid] = version.reference.profile

    async def _learn(self, deployment: Deployment, version: Version) -> int:
        if version.schema is None or version.schema.output.kind == "other":
            return 0
        known = version.reference.profile
        task = Task(
            directory=str(self._directory),
            deployment=deployment.uuid,
            version=version.version,
            schema=version.schema,
            before=await asyncio.to_thread(self._blobs.read, known) if known else b"",
        )
        found = await learn(task, _WITHIN)
        if not found.reference:
            return 0
        digest, _ = await asyncio.to_thread(self._blobs.put, iter([found.reference]))
        made = msgspec.structs.replace(
            version.reference, source="live", rows=task.rows, inputs=found.rows, profile=digest
        )
        await self._note(deployment, version, made)
        return 1

    def _commits(self, deployment: Deployment) -> frozenset[str]:
        """The commits of the truths' table, by which it is seen whether there is anything new."""
        log = self._directory / (deployment.uuid + SUFFIX) / "table" / "_delta_log"
        try:
            return frozenset(path.name for path in log.iterdir())
        except FileNotFoundError:
            return frozenset()

    async def _work(self) -> None:
        while True:
            try:
                await self.step()
            except Exception:
                logger.exception("references could not be learnt")
            await asyncio.sleep(_PAUSE)


async def learn(task: Task, within: float) -> Summary:
    """The reference that live rows make; an empty one while they are too few.

    Args:
        task: what to learn from.
        within: seconds it may take.

    Raises:
        KonanError: the log could not be read.
        DeadlineExceeded: it took too long.
    """
    done = await run(
        [sys.executable, "-P", "-m", "konan.monitoring.reference.learning"],
        Limits(within, memory=_MEMORY, processor=math.ceil(within)),
        environment=ENVIRONMENT,
        directory=Path(task.directory),
        data=msgspec.msgpack.encode(task),
    )
    if done.status:
        last = (done.talk.strip().splitlines() or [""])[-1].partition(":")[0]
        raise KonanError(f"The log could not be read for a reference ({last or done.status}).")
    return msgspec.msgpack.decode(done.output, type=Summary)


def learned(task: Task) -> Summary:
    """The same, in this process."""
    from konan.monitoring.reference import reference
    from konan.monitoring.reference.labelled_rows import labelled

    before = reference.Reference.from_bytes(task.before) if task.before else None
    rows = labelled(Path(task.directory), task.deployment, task.version, task.schema, task.rows)
    made = reference.learned(before, task.schema, rows, task.rows)
    if made is None or made.inputs is None:
        return Summary(0, b"")
    return Summary(made.inputs.profile.rows, made.to_bytes())


def main() -> int:
    """Do the task on standard input; returns the exit code."""
    priority.give_way()
    without_pandas()
    task = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Task)
    sys.stdout.buffer.write(msgspec.msgpack.encode(learned(task)))
    return 0


if __name__ == "__main__":
    ending.at_once(main())
