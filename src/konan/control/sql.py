"""SQL over HTTP: an analyst's questions to the prediction log."""

import asyncio
import math
from collections.abc import Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from konan import clock
from konan.control.services import Services
from konan.control.table import Call, Nothing, Streamed, Table
from konan.errors import DeadlineExceeded, TooMany
from konan.records.access import Principal

if TYPE_CHECKING:  # with it comes Arrow, which is loaded when somebody asks
    from konan.predictions import query as queries

table = Table()
_MOST = 2
"""Queries at once; each may use much of the machine."""

_DEPLOYMENTS = 1000
_ROWS = 100_000
"""Most rows of an answer; what is more is left out, and that is told."""

_AS_IT_IS = (str, int, float, bool, datetime, date)
_slots = asyncio.BoundedSemaphore(_MOST)


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question.

    Attributes:
        query: one SELECT in DuckDB's SQL; each deployment is a table of its name, ``"NAME rejected"`` has
            its rejected requests.
        rows: most rows of the answer.
    """

    query: Annotated[str, msgspec.Meta(min_length=1, max_length=100_000)]
    rows: Annotated[int, msgspec.Meta(ge=1, le=_ROWS)] = _ROWS


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column of an answer, with its Arrow type."""

    name: str
    type: str


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer.

    Attributes:
        columns: of the rows.
        rows: a list of cells each.
        truncated: whether there were more rows.
    """

    columns: tuple[Column, ...]
    rows: list[list[Any]]
    truncated: bool


@table.route(
    "POST",
    "/v1/sql",
    permission="read",
    query=Nothing,
    request=Query,
    response=Answer,
    summary="Ask the prediction log in SQL; the deployments that the key reaches are the tables.",
    errors=(DeadlineExceeded, TooMany),
)
async def ask(call: Call[Nothing, Query]) -> Answer:
    """Answer a query in JSON."""
    result = await _result(call)
    return await asyncio.to_thread(_plain, result)


@table.route(
    "POST",
    "/v1/sql/arrow",
    permission="read",
    query=Nothing,
    request=Query,
    response=Streamed,
    media_type="application/vnd.apache.arrow.stream",
    summary="Ask the prediction log in SQL and get an Arrow stream.",
    errors=(DeadlineExceeded, TooMany),
)
async def ask_arrow(call: Call[Nothing, Query]) -> Streamed:
    """Answer a query as an Arrow stream."""
    result = await _result(call)
    return Streamed(iter([result.arrow]), "application/vnd.apache.arrow.stream")


async def _result(call: Call[Nothing, Query]) -> "queries.Result":
    from konan.predictions import query as queries

    services, asked = call.services, call.body
    if _slots.locked():
        raise TooMany("Too many queries run at once.", retry_after=1)
    async with _slots:
        found = await asyncio.to_thread(_sources, services, call.caller, asked.query)
        order = queries.Order(asked.query, found, asked.rows, queries.BYTES)
        return await queries.answer(order, services.paths.predictions)


def _sources(services: Services, caller: Principal, text: str) -> "list[queries.Source]":
    from konan.predictions import query as queries

    return queries.sources(services.predictions, dict(_deployments(services, caller)), text)


def _deployments(services: Services, caller: Principal) -> Iterator[tuple[str, str]]:
    """Names and uuids of all deployments that the caller sees."""
    after = ""
    while found := services.store.list_deployments(caller, _DEPLOYMENTS, after):
        yield from ((deployment.name, deployment.uuid) for deployment in found)
        after = found[-1].name


def _plain(result: "queries.Result") -> Answer:
    import pyarrow as pa

    rows = pa.ipc.open_stream(result.arrow).read_all()
    columns = tuple(Column(name=field.name, type=str(field.type)) for field in rows.schema)
    cells = [column.to_pylist() for column in rows.columns]
    return Answer(
        columns=columns,
        rows=[[_json(cell) for cell in row] for row in zip(*cells, strict=True)],
        truncated=result.truncated,
    )


def _json(cell: object) -> object:
    if isinstance(cell, list):
        return [_json(one) for one in cell]
    if isinstance(cell, dict):
        return {str(name): _json(one) for name, one in cell.items()}
    if isinstance(cell, datetime) and cell.tzinfo is not None:
        return clock.rfc3339(cell)
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    return cell if cell is None or isinstance(cell, _AS_IT_IS) else str(cell)
