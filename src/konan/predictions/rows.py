"""Entries of the journal become rows of the prediction log: typed columns, one row per prediction."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import chain, pairwise
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pa_json

from konan.journal.entry import Entry
from konan.predictions import schemas
from konan.predictions.columns import MOMENT, SYSTEM, TYPES, Column, columns
from konan.predictions.orders import Cells
from konan.records.schema import Schema, class_text

Schemas = schemas.Schemas

_DAY_MS = 86_400_000
_PLAIN = frozenset("nibs")
"""Letters of columns whose JSON Arrow reads as it stands."""

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def table_of(entries: Sequence[Entry], schemas: Schemas) -> pa.Table:
    """The rows of some entries of one deployment, in the order of their ids.

    Args:
        entries: at least one.
        schemas: what the versions take.

    Returns:
        A table with the columns of `SYSTEM` and those of the versions' features and declared columns.
    """
    by_version: dict[int, list[Entry]] = {}
    for entry in entries:
        by_version.setdefault(entry.version, []).append(entry)
    parts = [_of_version(part, schemas(part[0].deployment, version)) for version, part in by_version.items()]
    return ordered(parts)


def ordered(parts: Sequence[pa.Table]) -> pa.Table:
    """Tables as one, in the order of the ids.

    Args:
        parts: at least one; columns that one lacks are empty there.
    """
    whole = pa.concat_tables(parts, promote_options="default")
    ids = whole["id"].to_pylist()
    if all(first <= second for first, second in pairwise(ids)):
        return whole
    return whole.take(pa.array(sorted(range(len(ids)), key=ids.__getitem__)))


def by_day(given: Sequence[Cells]) -> pa.Table:
    """Rows that are given as columns, with the day of their ids behind these, in the order of the ids.

    Args:
        given: one of them is called ``id``; rows of one id stay in their order.
    """
    found: dict[str, pa.Array] = {}
    for name, kind, cells in given:
        found[name] = pa.array(cells, MOMENT if kind == str(MOMENT) else pa.type_for_alias(kind))
        if name == "id":
            days: dict[str, int] = {}
            for one in cells:
                if one[:13] not in days:  # its time
                    days[one[:13]] = day_of(one)
            found["day"] = pa.array([days[one[:13]] for one in cells], pa.int32()).cast(pa.date32())
    return ordered([pa.table(found)])


def rejections_of(entries: Sequence[Entry]) -> pa.Table:
    """The rejected requests among one deployment's, a row each, in the order of their ids.

    Returns:
        A table with the columns ``id`` (of the request), ``at``, ``day``, ``version`` (0 if it reached none),
        ``role``, ``key_id``, ``status``, ``latency_us``, ``code``, ``body`` (its beginning), ``body_bytes``.
    """
    ordered = sorted(entries, key=lambda entry: entry.request_id)
    days = [day_of(entry.request_id) for entry in ordered]
    return pa.table(
        {
            "id": pa.array([entry.request_id for entry in ordered], pa.string()),
            "at": pa.array([entry.at_ns // 1000 for entry in ordered], pa.int64()).cast(MOMENT),
            "day": pa.array(days, pa.int32()).cast(pa.date32()),
            "version": pa.array([entry.version for entry in ordered], pa.int32()),
            "role": pa.array([entry.role for entry in ordered]),
            "key_id": pa.array([entry.key_id for entry in ordered]),
            "status": pa.array([entry.status for entry in ordered], pa.int32()),
            "latency_us": pa.array([entry.latency_us for entry in ordered], pa.int64()),
            "code": pa.array([entry.code for entry in ordered]),
            "body": pa.array([entry.body.decode(errors="replace") for entry in ordered]),
            "body_bytes": pa.array([entry.body_bytes for entry in ordered], pa.int64()),
        }
    )


def day_of(prediction_id: str) -> int:
    """The day of a prediction's id, as days since 1970-01-01 UTC.

    >>> day_of("019abcd0-0000-7000-8000-000000000000")
    20417

    Raises:
        ValueError: it is no such id.
    """
    return int(prediction_id[:8] + prediction_id[9:13], 16) // _DAY_MS


def originals(rows: pa.Table) -> list[str]:
    """The id of each row; of a copy, that of the prediction that it is a copy of.

    >>> originals(pa.table({"id": ["a", "b"], "mirrors": [None, "a"]}))
    ['a', 'a']
    """
    found: list[str] = original_ids(rows).to_pylist()
    return found


def original_ids(rows: pa.Table) -> pa.ChunkedArray:
    """The same as a column."""
    mirrors = rows["mirrors"]
    return rows["id"] if mirrors.null_count == len(mirrors) else pc.coalesce(mirrors, rows["id"])


def _of_version(entries: list[Entry], schema: Schema | None) -> pa.Table:
    counts = np.array([entry.rows for entry in entries])
    which = pa.array(np.repeat(np.arange(len(entries)), counts))
    fixed = pa.table(
        {
            "request_id": pa.array([entry.request_id for entry in entries]),
            "at": pa.array([entry.at_ns // 1000 for entry in entries], pa.int64()).cast(MOMENT),
            "version": pa.array([entry.version for entry in entries], pa.int32()),
            "role": pa.array([entry.role for entry in entries]),
            "key_id": pa.array([entry.key_id for entry in entries]),
            "status": pa.array([entry.status for entry in entries], pa.int32()),
            "latency_us": pa.array([entry.latency_us for entry in entries], pa.int64()),
        }
    ).take(which)
    ids = list(chain.from_iterable(entry.ids for entry in entries))
    found = {name: fixed[name] for name in fixed.column_names}
    found["id"] = pa.array(ids, pa.string())
    found["mirrors"] = pa.array(chain.from_iterable(map(_mirrors, entries)), pa.string())
    found["day"] = pa.array(np.fromiter(map(day_of, ids), np.int32, len(ids))).cast(pa.date32())
    found |= _outputs([output for entry in entries for output in entry.outputs])
    found |= _unread(entries, len(ids)) if schema is None else _features(entries, schema)
    extra = [name for name in found if name not in SYSTEM.names]
    return pa.table({name: found[name] for name in (*SYSTEM.names, *extra)})


def _mirrors(entry: Entry) -> Sequence[str | None]:
    return entry.mirrors or [None] * entry.rows


def _unread(entries: list[Entry], count: int) -> dict[str, pa.Array]:
    """The rows as JSON, when nobody knows their types any more."""
    decoded = ([_decode(entry.body)] if entry.single else _decode(entry.body) for entry in entries)
    texts = [_encode(row).decode() for row in chain.from_iterable(decoded)]
    return {"row": pa.array(texts, pa.string(), size=count)}


def _features(entries: list[Entry], schema: Schema) -> dict[str, pa.Array]:
    wanted = columns(schema)
    table = _read(entries, wanted)
    if table is not None:
        read = {column.physical: table[column.name].combine_chunks() for column in wanted}
        return {"row": pa.nulls(table.num_rows, pa.string()), **read}
    cells = _cells(entries, [column.name for column in wanted])
    found = {"row": pa.nulls(len(cells[0]) if cells else 0, pa.string())}
    for column, values in zip(wanted, cells, strict=True):
        found[column.physical] = pa.array(_converted(values, column.letter), TYPES[column.letter])
    return found


def _read(entries: list[Entry], wanted: list[Column]) -> pa.Table | None:
    """The rows as Arrow reads them, several times cheaper; None if they are not plain enough for it."""
    plain = all(entry.single for entry in entries) and all(column.letter in _PLAIN for column in wanted)
    lines = b"\n".join([entry.body for entry in entries]) if plain and wanted else b""
    if lines.count(b"\n") != len(entries) - 1 or not lines:
        return None
    shape = pa.schema([(column.name, TYPES[column.letter]) for column in wanted])
    parse = pa_json.ParseOptions(explicit_schema=shape, unexpected_field_behavior="ignore")
    block = max(1 << 20, 2 * max(len(entry.body) for entry in entries))
    options = pa_json.ReadOptions(use_threads=False, block_size=block)
    try:
        table = pa_json.read_json(pa.BufferReader(lines), options, parse)
    except pa.ArrowInvalid:  # as 3.0 for an integer
        return None
    return table if table.num_rows == len(entries) else None


def _cells(entries: list[Entry], names: list[str]) -> list[tuple[Any, ...]]:
    """The values of each name, row after row; None where a row has none.

    row = msgspec.defstruct("Row", fields, rename={f"c{n}": one for n, one in enumerate(names)}, gc=False)
    """
    fields = [(f"c{number}", Any, None) for number in range(len(names))]
    row = msgspec.defstruct("Row", fields, rename={f"c{n}": name for n, name in enumerate(names)}, gc=False)
    many = msgspec.json.Decoder(list[row]).decode  # type: ignore[valid-type] # made above
    if all(entry.single for entry in entries):
        rows = many(b"[" + b",".join([entry.body for entry in entries]) + b"]")
    else:
        bodies = (b"[" + entry.body + b"]" if entry.single else entry.body for entry in entries)
        rows = list(chain.from_iterable(map(many, bodies)))
    return list(zip(*map(msgspec.structs.astuple, rows), strict=True))


def _converted(cells: Sequence[Any], letter: str) -> Iterable[Any]:
    if letter == "i":
        return [None if cell is None else int(cell) for cell in cells]
    if letter == "t":
        return [None if cell is None else moment(cell) for cell in cells]
    if letter == "x":
        return [None if cell is None else class_text(cell) for cell in cells]
    return cells


def moment(text: str) -> datetime | None:
    """An RFC 3339 text as a moment; one without an offset counts as UTC, digits beyond microseconds are cut.

    >>> moment("2026-11-23T12:00:00+02:00").isoformat()
    '2026-11-23T10:00:00+00:00'
    """
    try:
        found = datetime.fromisoformat(text.upper())
    except ValueError:  # as a leap second
        return None
    if found.tzinfo is None:
        return found.replace(tzinfo=UTC)
    try:
        return found.astimezone(UTC)
    except OverflowError:
        return None


class _Output(msgspec.Struct, gc=False):
    """The parts of an output that have columns; other parts are passed over."""

    label: Any = None
    value: Any = None
    probabilities: Any = None


def _outputs(texts: list[bytes]) -> dict[str, pa.Array]:
    cells = [_told(output) for output in _decoded(texts)]
    return {
        "label": pa.array([cell[0] for cell in cells], pa.string()),
        "value": pa.array([cell[1] for cell in cells], pa.float64()),
        "probability": pa.array([cell[2] for cell in cells], pa.float64()),
        "output": pa.array(texts, pa.binary()).cast(pa.string()),
    }


def _decoded(texts: list[bytes]) -> Iterable[_Output]:
    whole = b"[" + b",".join(texts) + b"]"
    try:
        return msgspec.json.decode(whole, type=list[_Output])
    except msgspec.ValidationError:  # a model that answers something else than objects
        return (
            msgspec.convert(one, _Output) if isinstance(one, dict) else _Output() for one in _decode(whole)
        )


def _told(output: _Output) -> tuple[str | None, float | None, float | None]:
    label, shares = output.label, output.probabilities
    text = class_text(label) if isinstance(label, str | bool | int | float) else None
    share = shares.get(text) if isinstance(shares, dict) else None
    return text, _number(output.value), _number(share)


def _number(value: object) -> float | None:
    if type(value) is float:
        return value
    known = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if known and isinstance(value, int) else None
