"""Entries of the journal become rows of the prediction log: typed columns, one row per prediction."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import chain, pairwise
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from konan.journal.entry import Entry
from konan.predictions.columns import MOMENT, SYSTEM, TYPES, columns
from konan.records.schema import Schema, class_text

Schemas = Callable[[str, int], Schema | None]
"""The schema of a version, by its deployment's uuid and its number; None when there is no such version."""

_DAY_MS = 86_400_000
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
    whole = pa.concat_tables(parts, promote_options="default")
    ids = whole["id"].to_pylist()
    if all(first <= second for first, second in pairwise(ids)):
        return whole
    return whole.take(pa.array(sorted(range(len(ids)), key=ids.__getitem__)))


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
    found: list[str] = pc.coalesce(rows["mirrors"], rows["id"]).to_pylist()
    return found


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
    rows = list(chain.from_iterable(map(_rows, entries)))
    found |= _features(rows, schema)
    extra = [name for name in found if name not in SYSTEM.names]
    return pa.table({name: found[name] for name in (*SYSTEM.names, *extra)})


def _mirrors(entry: Entry) -> Sequence[str | None]:
    return entry.mirrors or [None] * entry.rows


def _rows(entry: Entry) -> list[dict[str, Any]]:
    decoded = _decode(entry.body)
    return [decoded] if entry.single else decoded


def _features(rows: list[dict[str, Any]], schema: Schema | None) -> dict[str, pa.Array]:
    if schema is None:
        return {"row": pa.array([_encode(row).decode() for row in rows], pa.string())}
    found = {"row": pa.nulls(len(rows), pa.string())}
    for column in columns(schema):
        name = column.name
        cells = [row.get(name) for row in rows]
        found[column.physical] = pa.array(_converted(cells, column.letter), TYPES[column.letter])
    return found


def _converted(cells: list[Any], letter: str) -> Iterable[Any]:
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


def _outputs(texts: list[bytes]) -> dict[str, pa.Array]:
    decoded = _decode(b"[" + b",".join(texts) + b"]")
    cells = [_told(output) for output in decoded]
    return {
        "label": pa.array([cell[0] for cell in cells], pa.string()),
        "value": pa.array([cell[1] for cell in cells], pa.float64()),
        "probability": pa.array([cell[2] for cell in cells], pa.float64()),
        "output": pa.array([text.decode() for text in texts], pa.string()),
    }


def _told(output: Any) -> tuple[str | None, float | None, float | None]:
    if not isinstance(output, dict):
        return None, None, None
    label, value = output.get("label"), output.get("value")
    text = class_text(label) if isinstance(label, str | bool | int | float) else None
    shares = output.get("probabilities")
    share = shares.get(text) if isinstance(shares, dict) else None
    return text, _number(value), _number(share)


def _number(value: object) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if known and isinstance(value, int | float) else None
