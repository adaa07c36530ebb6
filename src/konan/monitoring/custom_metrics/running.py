"""Has metrics of users run in a process that can reach nothing but the rows they are about (see `child`)."""

import sys
from pathlib import Path

import msgspec

from konan.errors import DeadlineExceeded, Invalid, KonanError
from konan.packaging.child import Limits, run
from konan.packaging.learn import ENVIRONMENT
from konan.records.measures import CustomMetric
from konan.records.schema import Schema

SECONDS = 60.0
ROWS = 500_000
"""So many rows are read for one order; of more, the newest of each window."""

MEMORY = 4 * 1024**3


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of one window.

    Attributes:
        version: number of the version that answered them.
        start: seconds since 1970-01-01 UTC.
        end: likewise; the rows lie before.
        column: segment column; empty is all rows.
        value: the segment; None is rows without a value.
    """

    version: int
    start: int
    end: int
    column: str = ""
    value: str | None = None


class Valued(msgspec.Struct, frozen=True):
    """What a metric says of one window.

    Attributes:
        value: null where it says nothing.
        low: lower end of its interval of 95 %; null where it has none.
        high: upper end.
        rows: labelled rows that it was given.
        note: why there is no value, or what it leaves out.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    rows: int = 0
    note: str = ""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What the process is told.

    Attributes:
        directory: where the logs are.
        deployment: uuid.
        schemas: of the versions, by their numbers as text.
        parts: the windows.
        metrics: to be asked about each; without a program it is one of
            `konan.monitoring.custom_metrics.ranking`.
        rows: most rows of a window.
        unsafe: whether it may run where the system has no sandbox.
    """

    directory: str
    deployment: str
    schemas: dict[str, Schema]
    parts: tuple[Part, ...]
    metrics: tuple[CustomMetric, ...]
    rows: int
    unsafe: bool


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the process says.

    Attributes:
        values: of each window what each metric says.
        refused: why a program is no metric; empty if all are.
    """

    values: tuple[tuple[Valued, ...], ...] = ()
    refused: str = ""


async def measured(order: Order) -> tuple[tuple[Valued, ...], ...]:
    """What metrics say of some windows.

    Args:
        order: the metrics and the windows; no windows only tries whether the programs are metrics.

    Returns:
        Of each window what each metric says.

    Raises:
        Invalid: a program is no metric.
        DeadlineExceeded: it took too much time or memory.
    """
    done = await run(
        [sys.executable, "-P", "-m", "konan.monitoring.custom_metrics.child"],
        Limits(SECONDS, memory=MEMORY, processor=int(SECONDS)),
        environment=ENVIRONMENT,
        directory=Path(order.directory),
        data=msgspec.json.encode(order),
    )
    if done.status < 0:
        raise DeadlineExceeded("The metric needed too much time or memory.", hint="Ask for fewer windows.")
    try:
        answer = msgspec.json.decode(done.output, type=Answer)
    except msgspec.DecodeError:
        error = KonanError("The metric could not be run.")
        error.add_note(done.talk)
        raise error from None
    if answer.refused:
        raise Invalid(answer.refused)
    return answer.values


def rows_of_each(parts: int) -> int:
    """How many rows each of some windows may have.

    >>> rows_of_each(1), rows_of_each(100)
    (500000, 5000)
    """
    return max(1000, ROWS // max(parts, 1))
