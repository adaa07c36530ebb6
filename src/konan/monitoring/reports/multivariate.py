"""Multivariate drift on demand: it reads rows, hence in a process of its own that gives way to predictions.

The service finds the version and its given rows; the child (``python -m
konan.monitoring.reports.multivariate``: a `Task` on standard input, `Told` on standard output, both as
MessagePack) draws rows of the log and of the given file, and has a classifier tell them apart.
"""

import asyncio
import math
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from konan import ending, priority
from konan.errors import Conflict, DataInvalid, KonanError, NotFound, NotReady
from konan.monitoring.reports.query import Query, Slice, rfc3339
from konan.packaging import layout as places
from konan.packaging.child import Limits, run
from konan.packaging.learn import ENVIRONMENT, without_pandas
from konan.packaging.uploads import Upload
from konan.ports import Blobs, Store
from konan.predictions.flusher import Flusher
from konan.records.access import Principal
from konan.records.deployments import Version
from konan.records.monitoring import ColumnPart, MultivariateDrift, Segment, Verdict
from konan.records.schema import Schema
from konan.records.upload import TableFormat

if TYPE_CHECKING:
    from konan.monitoring.drift.multivariate import Domain

ALPHA = 0.01
"""Share of quiet windows that may be told as drift."""

LEAST = 0.55
"""An area that is smaller does not matter."""

WIDE = 0.1
"""Where the interval reaches further above chance than this, there may be drift that matters."""

_GIVEN = 200_000
"""Rows of the given file that are read."""

_WITHIN = 120.0
_MEMORY = 8 * 1024**3
_NAMED = 3


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What to compare.

    Attributes:
        log: directory of the deployment's log.
        version: number of the version.
        schema: of the version.
        reference: `konan.monitoring.reference.reference.Reference` as bytes.
        given: file with the rows that were given at deploy.
        form: how it is written.
        start: of the window, seconds since 1970-01-01 UTC.
        end: likewise.
        segment: only rows of this slice; None is all.
    """

    log: str
    version: int
    schema: Schema
    reference: bytes
    given: str
    form: TableFormat
    start: int
    end: int
    segment: Slice | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it.

    Attributes:
        rows: of the window that were found.
        auc: see `konan.monitoring.drift.multivariate.Domain`.
        low: likewise.
        high: likewise.
        p_value: likewise.
        columns: likewise.
        used: rows of the reference and of the window that were drawn.
    """

    rows: int
    auc: float | None
    low: float
    high: float
    p_value: float | None
    columns: tuple[tuple[str, float], ...]
    used: tuple[int, int]


class Multivariate:
    """Makes such reports, one at a time.

    Args:
        store: the metadata.
        blobs: where given rows and references are kept.
        flusher: puts what waits into the tables.
        directory: where the logs are.
        scratch: where files may lie for a while.
    """

    def __init__(self, store: Store, blobs: Blobs, flusher: Flusher, directory: Path, scratch: Path) -> None:
        self._store = store
        self._blobs = blobs
        self._flusher = flusher
        self._directory = directory
        self._scratch = scratch
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self, caller: Principal, name: str, asked: Query) -> MultivariateDrift:
        """Whether the rows of a window can be told from the reference.

        Args:
            caller: who asks.
            name: of the deployment.
            asked: the window as a whole; how it is parted counts nothing.

        Raises:
            NotFound: the caller sees no such deployment or version.
            NotReady: no version is live.
            Conflict: there are no rows to compare with, and there will be none.
            DeadlineExceeded: it took too long.
        """
        version, uuid = await asyncio.to_thread(self._version, caller, name, asked.version)
        async with self._one_at_a_time:
            await asyncio.to_thread(self._flush, uuid)
            with tempfile.TemporaryDirectory(dir=self._scratch, prefix=places.MAKING) as scratch:
                task, source = await asyncio.to_thread(self._task, version, uuid, asked, Path(scratch))
                told = await compare(task, _WITHIN)
        return _report(version, asked, told, source)

    def _version(self, caller: Principal, name: str, number: int | None) -> tuple[Version, str]:
        deployment = self._store.deployment(caller, name)
        wanted = number or deployment.live_version
        if wanted is None:
            raise NotReady("The deployment has no live version yet.")
        return self._store.version(caller, name, wanted), deployment.uuid

    def _flush(self, uuid: str) -> None:
        if any(place.run.rows for place in self._flusher.tail(uuid).places):
            self._flusher.flush(uuid)

    def _task(self, version: Version, uuid: str, asked: Query, scratch: Path) -> tuple[Task, str]:
        """What the child is told, with the given rows laid out; and what these are."""
        if version.schema is None or not version.reference.profile:
            raise _nothing_given()
        upload = msgspec.json.decode(self._blobs.read(version.upload), type=Upload)
        given = upload.manifest.data or upload.manifest.holdout
        if given is None:
            raise _nothing_given()
        file = scratch / Path(given.path).name
        try:
            self._blobs.copy_to(upload.digest(given.path), file)
        except NotFound:
            raise Conflict("The rows given at deploy are not kept any more.") from None
        task = Task(
            log=str(self._directory / uuid),
            version=version.version,
            schema=version.schema,
            reference=self._blobs.read(version.reference.profile),
            given=str(file),
            form=given.format,
            start=asked.start,
            end=asked.end,
            segment=asked.segment,
        )
        return task, "data" if upload.manifest.data else "holdout"


async def compare(task: Task, within: float) -> Told:
    """Whether rows can be told apart, found in a process of its own.

    Args:
        task: which rows.
        within: seconds it may take.

    Raises:
        DataInvalid: the rows cannot be read with the memory and time that this may use.
        DeadlineExceeded: it took too long.
    """
    done = await run(
        [sys.executable, "-P", "-m", "konan.monitoring.reports.multivariate"],
        Limits(within, memory=_MEMORY, processor=math.ceil(within)),
        environment=ENVIRONMENT,
        directory=Path(task.given).parent,
        data=msgspec.msgpack.encode(task),
    )
    if done.status:
        error = DataInvalid("The rows cannot be compared with the memory and time that this may use.")
        error.add_note(done.talk)
        raise error
    return msgspec.msgpack.decode(done.output, type=Told)


def compared(task: Task) -> Told:
    """The same, in this process.

    Raises:
        DataInvalid: the given rows cannot be read.
    """
    from konan.monitoring.drift.multivariate import MOST, codes, domain_classifier
    from konan.monitoring.profiles.log_rows import Logged
    from konan.monitoring.profiles.profile import Layout
    from konan.monitoring.reference import given_rows
    from konan.monitoring.reference.reference import Reference
    from konan.monitoring.reports.row_sample import Wanted, sampled
    from konan.packaging.tables import read_table

    known = Reference.from_bytes(task.reference).inputs
    own = f"features.{task.segment.column}" if task.segment else ""
    cells = known.layout.columns if known is not None else ()
    layout = Layout(tuple(one for one in cells if one.name != own))
    logged = Logged(layout, task.schema)
    table, _ = read_table(Path(task.given), task.form, _GIVEN)
    names, usual = codes(layout, given_rows.inputs(table, task.schema))
    wanted = Wanted(task.version, task.start, task.end, task.segment)
    sample = sampled(Path(task.log), wanted, logged, MOST)
    rows = sample.rows.select(names) if sample.found else sample.rows
    there, current = codes(layout, rows)
    found: Domain = domain_classifier(usual, current, names if there == names else ())
    return Told(
        rows=sample.found,
        auc=found.auc,
        low=found.low,
        high=found.high,
        p_value=found.p_value,
        columns=found.columns,
        used=found.rows,
    )


def _nothing_given() -> Conflict:
    return Conflict(
        "There are no rows to compare with.", hint="Deploy with --data or --holdout to give some."
    )


def _report(version: Version, asked: Query, told: Told, source: str) -> MultivariateDrift:
    segment = Segment(column=asked.segment.column, value=asked.segment.value) if asked.segment else None
    verdict = _verdict(told)
    some = told.auc is not None
    return MultivariateDrift(
        version=version.version,
        segment=segment,
        since=rfc3339(asked.start),
        until=rfc3339(asked.end),
        rows=told.rows,
        verdict=verdict,
        auc=told.auc,
        low=told.low if some else None,
        high=told.high if some else None,
        p_value=told.p_value,
        columns=tuple(ColumnPart(column=name, share=share) for name, share in told.columns if share > 0),
        used=told.used[1],
        usual_used=told.used[0],
        reference=source,
        reason=_reason(verdict, told),
    )


def _verdict(told: Told) -> Verdict:
    if not told.rows:
        return "no rows"
    if told.auc is None or told.p_value is None:
        return "too few rows"
    if told.p_value < ALPHA and told.auc >= LEAST:
        return "drift"
    return "too few rows" if told.high > 0.5 + WIDE else "stable"


def _reason(verdict: Verdict, told: Told) -> str:
    if verdict == "drift":
        names = ", ".join(name.removeprefix("features.") for name, _ in told.columns[:_NAMED])
        return f"Rows of the window can be told from rows of the reference, above all by {names}."
    if verdict == "stable":
        return "Rows of the window cannot be told from rows of the reference by enough to matter."
    if verdict == "too few rows":
        return f"{min(told.used):,} rows are too few to tell."
    return "There are no rows to compare."


def main() -> int:
    """Do the task on standard input; returns the exit code."""
    priority.give_way()
    without_pandas()
    task = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Task)
    try:
        told = compared(task)
    except KonanError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    sys.stdout.buffer.write(msgspec.msgpack.encode(told))
    return 0


if __name__ == "__main__":
    ending.at_once(main())
