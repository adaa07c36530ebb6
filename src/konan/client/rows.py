"""Turns rows as people hold them (dictionaries, numpy values, tables) into JSON.

Values are told apart by what they can do: numpy and pandas are used only when the caller has them.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from konan.errors import DataInvalid

CHUNK_ROWS = 1000
CHUNK_BYTES = 512 * 1024
"""A request stays well below the server's default limits of rows and bytes."""

_MISSING_NAMES = frozenset({"NAType", "NaTType"})


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of many rows that fits one request.

    Attributes:
        body: JSON array of the rows.
        rows: how many.
        first: index of its first row among all rows.
    """

    body: bytes
    rows: int
    first: int


def each_row(things: Any) -> Iterator[Mapping[str, Any]]:
    """The rows of a mapping, a series, a table (pandas, polars, Arrow), or an iterable of any of these.

    Raises:
        DataInvalid: something in it is not a row.
    """
    if isinstance(things, Mapping):
        yield things
    elif (table := _table(things)) is not None:
        yield from table
    elif isinstance(things, Iterable) and not isinstance(things, str | bytes):
        for thing in things:
            yield from each_row(thing)
    else:
        raise DataInvalid(
            f"A row must be a mapping of feature names to values, not {type(things).__name__}.",
            hint='Give rows as {"feature": value}, or a table with named columns.',
        )


def _table(things: Any) -> Iterable[Mapping[str, Any]] | None:
    if hasattr(things, "to_dicts"):  # polars
        found: list[Mapping[str, Any]] = things.to_dicts()
    elif hasattr(things, "to_pylist"):  # Arrow
        found = things.to_pylist()
    elif hasattr(things, "to_dict"):  # pandas: a frame, or a series that is one row
        found = things.to_dict("records") if hasattr(things, "columns") else [things.to_dict()]
    else:
        return None
    return found


def encode_row(row: Any) -> bytes:
    """One row as a JSON object.

    >>> encode_row({"hour": 8, "weather": None, "temperature": float("nan")})
    b'{"hour":8,"weather":null,"temperature":null}'

    Raises:
        DataInvalid: a value has no JSON form, as infinity.
    """
    (only,) = each_row(row)
    return msgspec.json.encode({str(name): plain(value, str(name)) for name, value in only.items()})


def chunks(things: Any, rows: int = CHUNK_ROWS, size: int = CHUNK_BYTES) -> Iterator[Chunk]:
    """Cut rows into requests; reads only as many rows as it has to.

    Args:
        things: whatever `each_row` takes.
        rows: most rows of one request.
        size: bytes after which a request is full; a single larger row still travels alone.

    Raises:
        DataInvalid: something in it is not a row, or a value has no JSON form.
    """
    first, waiting, held = 0, list[bytes](), 0
    for row in each_row(things):
        encoded = encode_row(row)
        if waiting and (len(waiting) >= rows or held + len(encoded) > size):
            yield Chunk(b"[" + b",".join(waiting) + b"]", len(waiting), first)
            first, waiting, held = first + len(waiting), [], 0
        waiting.append(encoded)
        held += len(encoded) + 1
    if waiting:
        yield Chunk(b"[" + b",".join(waiting) + b"]", len(waiting), first)


def plain(value: Any, name: str = "") -> Any:
    """A value as JSON knows it: NaN and its like become ``None``, moments RFC 3339 text in UTC.

    A moment without a time zone is taken as UTC.

    >>> plain(datetime(2012, 1, 1, 8)), plain((1, True, "a"))
    ('2012-01-01T08:00:00Z', [1, True, 'a'])

    Raises:
        DataInvalid: the value has no JSON form.
    """
    if value is None or type(value) in {str, int, bool}:
        return value
    if isinstance(value, float):
        return _finite(float(value), name)
    if type(value).__name__ in _MISSING_NAMES:
        return None
    if isinstance(value, date):
        return _moment(value)
    return _converted(value, name)


def _converted(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return {str(key): plain(part, name) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part, name) for part in value]
    if isinstance(value, str | int):
        return str(value) if isinstance(value, str) else int(value)
    listed = _listed(value)
    if type(listed) is not type(value):
        return plain(listed, name)
    return _number(value, name)


def _listed(value: Any) -> Any:
    if type(value).__name__ == "datetime64":  # its tolist() may be a bare count of nanoseconds
        return value.astype("datetime64[us]").tolist()
    return value.tolist() if hasattr(value, "tolist") else value


def _number(value: Any, name: str) -> float | None:
    if hasattr(value, "__float__"):
        return _finite(float(value), name)
    raise DataInvalid(
        f"The value of {name or 'a feature'} is a {type(value).__name__}, which has no JSON form.",
        hint="Use numbers, text, booleans, moments or None.",
    )


def _finite(value: float, name: str) -> float | None:
    if math.isnan(value):
        return None
    if math.isinf(value):
        raise DataInvalid(
            f"The value of {name or 'a feature'} is infinite, which has no JSON form.",
            hint="Use None (NaN) for a missing value.",
        )
    return value


def _moment(value: date) -> str:
    moment = (
        value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)
    )
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")
