"""The steps of reading the prediction log: pages, one prediction, files and SQL."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, TypedDict
from urllib.parse import quote

import msgspec

from konan.client.answers import decode
from konan.client.steps import JSON, PAGE, Request, Steps, ask
from konan.errors import Invalid, MissingExtra, Usage
from konan.records.logged import LoggedPrediction

ARROW_HINT = "Install it with `pip install 'konan-mlops[server]'` or `pip install pyarrow`."


class Filters(TypedDict, total=False):
    """Which predictions; what is left out takes all.

    Attributes:
        since: earliest time, RFC 3339.
        until: the time before which it must lie, RFC 3339.
        version: number of the version.
        role: ``live``, ``canary``, ``challenger`` or ``all``; else what callers got.
        status: HTTP status.
        label: label as text.
        where: features and declared columns: a value, or ``(least, largest)`` with None for no bound.
        ground_truth: whether one is known.
        latency_from: least microseconds.
        latency_to: most microseconds.
    """

    since: str | None
    until: str | None
    version: int | None
    role: str | None
    status: int | None
    label: str | None
    where: Mapping[str, Any] | None
    ground_truth: bool | None
    latency_from: int | None
    latency_to: int | None


class SqlColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column of an answer, with its Arrow type."""

    name: str
    type: str


class SqlAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a query.

    Attributes:
        columns: of the rows.
        rows: a list of cells each.
        truncated: whether there were more rows.
    """

    columns: tuple[SqlColumn, ...]
    rows: list[list[Any]]
    truncated: bool


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A page of predictions.

    Attributes:
        predictions: newest first.
        next: cursor of the next page, or null.
    """

    predictions: list[LoggedPrediction]
    next: str | None


def page(name: str, filters: Filters, cursor: str | None, limit: int = PAGE) -> Steps[Part]:
    """A page of predictions, newest first, behind a cursor."""
    query = query_of(filters) | {"limit": min(limit, PAGE)}
    if cursor is not None:
        query["cursor"] = cursor
    return decode((yield from ask(Request("GET", _at(name), query=query))), Part)


def prediction(name: str, prediction_id: str) -> Steps[LoggedPrediction]:
    """One prediction by its id."""
    path = f"{_at(name)}/{quote(prediction_id, safe='')}"
    return decode((yield from ask(Request("GET", path))), LoggedPrediction)


def export(name: str, form: str, filters: Filters) -> Request:
    """The request for predictions as a file."""
    return Request("GET", f"{_at(name)}/export", query=query_of(filters) | {"format": form})


def form_of(path: Path) -> str:
    """How a file is written, by its suffix.

    >>> form_of(Path("log.CSV"))
    'csv'

    Raises:
        Usage: the suffix is not known.
    """
    form = path.suffix.lower().lstrip(".")
    if form not in {"csv", "jsonl", "parquet"}:
        raise Usage(f"{path.name} has no known suffix.", hint="Use .csv, .jsonl or .parquet.")
    return form


def sql(query: str, rows: int | None = None) -> Steps[SqlAnswer]:
    """The answer to a query."""
    return decode((yield from ask(_query("/v1/sql", query, rows))), SqlAnswer)


def sql_table(query: str, rows: int | None = None) -> Steps[Any]:
    """The answer to a query as a ``pyarrow.Table``."""
    arrow = pyarrow()
    answer = yield from ask(_query("/v1/sql/arrow", query, rows))
    return arrow.ipc.open_stream(answer.body).read_all()


def table(name: str, filters: Filters) -> Steps[Any]:
    """Predictions as a ``pyarrow.Table`` with a column per feature."""
    arrow = pyarrow()
    answer = yield from ask(export(name, "parquet", filters))
    return import_module("pyarrow.parquet").read_table(arrow.BufferReader(answer.body))


def pyarrow() -> Any:
    """The library pyarrow.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import_module("pyarrow.ipc")
        return import_module("pyarrow")
    except ImportError:
        raise MissingExtra("Tables need pyarrow.", hint=ARROW_HINT) from None


def query_of(filters: Filters) -> dict[str, str | int]:
    """Filters as parameters of a request.

    >>> query_of({"since": "2026-11-23T00:00:00Z", "ground_truth": False, "where": {"x": (1, None)}})
    {'from': '2026-11-23T00:00:00Z', 'ground_truth': 'false', 'where': '{"x":[1,null]}'}
    """
    found: dict[str, str | int] = {}
    for name, value in filters.items():
        if value is None:
            continue
        if name == "where":
            found[name] = msgspec.json.encode(value).decode()
        elif isinstance(value, bool):
            found[name] = "true" if value else "false"
        elif isinstance(value, str | int):
            found[{"since": "from", "until": "to"}.get(name, name)] = value
    return found


def _query(path: str, query: str, rows: int | None) -> Request:
    wanted: dict[str, Any] = {"query": query} | ({} if rows is None else {"rows": rows})
    return Request("POST", path, body=msgspec.json.encode(wanted), media_type=JSON)


def _at(name: str) -> str:
    if not name or name in {".", ".."}:
        raise Invalid("A deployment's name cannot be empty.")
    return f"/v1/deployments/{quote(name, safe='')}/predictions"
