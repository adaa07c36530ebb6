"""SQL of users over the logs of their project, run in a process that can reach nothing else."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pyarrow as pa

from konan.errors import DeadlineExceeded, Invalid, KonanError
from konan.packaging.child import Limits, run
from konan.predictions import table
from konan.predictions.columns import SYSTEM, TYPES, labels, shown
from konan.predictions.log import Predictions

SECONDS = 60.0
BYTES = 64 * 1024 * 1024
"""Most bytes of an answer; what is more is left out, and that is told."""

_MEMORY = 8 * 1024**3
_LEFT_OUT = ("day", "row")
_RENAMED = {"at": "predicted_at"}
_TRUTH = ("ground_truth", "ground_truth (observed)", "ground_truth (of konan)")
"""Names of the column with the ground truth; the second and third if a feature has the first."""

REJECTED = " rejected"
"""Behind a deployment's name: its table of rejected requests."""


class Source(msgspec.Struct, frozen=True):
    """A table that a query can read.

    Attributes:
        name: in the query.
        files: Parquet files.
        columns: name in the files, Arrow type and name in the query of each column.
        truths: Parquet files of the ground truth of its rows.
        truth: name of the column with the ground truth; empty if there is none.
    """

    name: str
    files: list[str]
    columns: list[tuple[str, str, str]]
    truths: list[str] = []
    truth: str = ""


class Order(msgspec.Struct, frozen=True):
    """What the process is told.

    Attributes:
        query: the SQL text.
        sources: the tables.
        rows: most rows of the answer.
        bytes: most bytes of it.
    """

    query: str
    sources: list[Source]
    rows: int
    bytes: int


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the process says beside its answer.

    Attributes:
        truncated: whether rows were left out.
        error: why there is no answer; fit for the caller's eyes.
    """

    truncated: bool = False
    error: str = ""


class Result(msgspec.Struct, frozen=True):
    """An answer.

    Attributes:
        arrow: an Arrow IPC stream.
        truncated: whether rows were left out.
    """

    arrow: bytes
    truncated: bool


def sources(log: Predictions, deployments: Mapping[str, str], query: str) -> list[Source]:
    """The tables that a query may mean: those of the deployments whose names are in its text.

    What waits is put into the tables first.

    Args:
        log: the log.
        deployments: uuids by name, of those that the caller sees.
        query: the SQL text.
    """
    text = query.lower()
    found = []
    for name, uuid in deployments.items():
        if name in text:
            found.append(_source(log, name, uuid))
            if f"{name}{REJECTED}" in text:
                found.append(_source(log, f"{name}{REJECTED}", f"{uuid}-rejected"))
    return found


async def answer(order: Order, directory: Path) -> Result:
    """Run a query.

    Args:
        order: the query.
        directory: where the process works; it cannot read it.

    Raises:
        Invalid: the query is wrong, or asks for what is not there or not allowed.
        DeadlineExceeded: it took too long.
    """
    command = [sys.executable, "-P", "-m", "konan.predictions.query_child"]
    limits = Limits(SECONDS, memory=_MEMORY, processor=int(SECONDS) * 2)
    environment = {"LANG": "C.UTF-8", "PATH": os.defpath}
    done = await run(
        command, limits, environment=environment, directory=directory, data=msgspec.json.encode(order)
    )
    if done.status < 0:
        raise DeadlineExceeded("The query needed too much time or memory.", hint="Ask for less at once.")
    try:
        report = msgspec.json.decode(done.talk.rpartition("\n")[2], type=Report)
    except msgspec.DecodeError:
        raise KonanError("The query failed.") from None
    if report.error:
        raise Invalid(report.error)
    return Result(done.output, report.truncated)


def _source(log: Predictions, name: str, place: str) -> Source:
    log.flusher.flush(place)
    now = table.snapshot(log.directory / place)
    columns = [column for column in now.columns or SYSTEM.names if column not in _LEFT_OUT]
    rejected = name.endswith(REJECTED)
    known, label = shown_columns(columns, rejected=rejected)
    found = [(one, known[one], _RENAMED.get(one, label[one])) for one in columns]
    taken = {shown.lower() for _, _, shown in found}
    return Source(
        name=name,
        files=[file.path for file in now.files],
        columns=found,
        truths=[] if rejected else log.truths.files(place),
        truth="" if rejected else next(one for one in _TRUTH if one not in taken),
    )


def shown_columns(columns: list[str], *, rejected: bool) -> tuple[dict[str, str], dict[str, str]]:
    """Types and labels of a table's columns, by their names there."""
    if rejected:
        types = {"body_bytes": "int64"}
        system = {name: str(SYSTEM.field(name).type) for name in SYSTEM.names}
        return {name: types.get(name) or system.get(name, "string") for name in columns}, {
            n: n for n in columns
        }
    features = shown(columns)
    types = {
        name: str(TYPES[features[name].letter] if name in features else SYSTEM.field(name).type)
        for name in columns
    }
    return types, labels(columns)


def schema_of(source: Source) -> pa.Schema:
    """The columns of a table's files."""
    kinds = {"timestamp[us, tz=UTC]": pa.timestamp("us", "UTC"), "bool": pa.bool_(), "double": pa.float64()}
    return pa.schema([(name, kinds.get(kind) or pa.type_for_alias(kind)) for name, kind, _ in source.columns])
