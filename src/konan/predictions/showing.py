"""Rows of the log as records: features under their own names, only those that the row's version has."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa

from konan import clock
from konan.predictions.columns import Column, columns, shown
from konan.predictions.rows import Schemas
from konan.records.logged import LoggedPrediction

_PLAIN = ("id", "version", "role", "mirrors", "status", "latency_us", "key_id", "request_id")
_decode = msgspec.json.Decoder().decode


def records(
    rows: pa.Table, deployment: str, schemas: Schemas, truths: Mapping[str, object]
) -> list[LoggedPrediction]:
    """Rows as records, in their order.

    Args:
        rows: with the columns of the log.
        deployment: uuid.
        schemas: what versions take.
        truths: ground truth by prediction id; that of a prediction counts for its copies.
    """
    present = shown(rows.column_names)
    return [
        LoggedPrediction(
            at=clock.rfc3339(row["at"]),
            output=msgspec.Raw(row["output"].encode()),
            ground_truth=truths.get(row["mirrors"] or row["id"]),
            features=_features(row, present, _wanted(deployment, row["version"], schemas)),
            declared=_declared(row, present, _wanted(deployment, row["version"], schemas)),
            **{name: row[name] for name in _PLAIN},
        )
        for row in rows.to_pylist()
    ]


def _wanted(deployment: str, version: int, schemas: Schemas) -> set[Column] | None:
    schema = schemas(deployment, version)
    return None if schema is None else set(columns(schema))


def _features(
    row: dict[str, Any], present: Mapping[str, Column], wanted: set[Column] | None
) -> dict[str, Any]:
    if wanted is None and row.get("row"):
        decoded: dict[str, Any] = _decode(row["row"])
        return decoded
    return {
        column.name: _plain(row[name])
        for name, column in present.items()
        if column.letter != "x" and (column in wanted if wanted is not None else row[name] is not None)
    }


def _declared(
    row: dict[str, Any], present: Mapping[str, Column], wanted: set[Column] | None
) -> dict[str, str | None]:
    return {
        column.name: row[name]
        for name, column in present.items()
        if column.letter == "x" and (wanted is None or column in wanted)
    }


def _plain(cell: object) -> object:
    return clock.rfc3339(cell) if isinstance(cell, datetime) else cell
