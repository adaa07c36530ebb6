"""Revisions as rows of a Delta table beside the prediction log, a table per deployment.

A row lies in the partition of its prediction's day, so a look-up opens the files of the days it asks for.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from konan.groundtruth.revisions import Revision
from konan.predictions import table
from konan.predictions.columns import MOMENT
from konan.predictions.rows import day_of
from konan.predictions.table import File

SUFFIX = "-truth"
"""Behind a deployment's uuid: the name of its table."""

COLUMNS = pa.schema(
    [
        ("id", pa.string()),
        ("day", pa.date32()),
        ("observed_at", MOMENT),
        ("received_at", MOMENT),
        ("arrival", pa.int64()),
        ("target", pa.string()),
        ("label", pa.string()),
        ("value", pa.float64()),
        ("key", pa.string()),
        ("key_id", pa.string()),
    ]
)
"""Columns of every table; ``target`` is JSON, ``arrival`` orders what was observed at one moment."""

_READ = ("id", "observed_at", "arrival", "target", "label", "value", "key", "key_id")


def rows_of(revisions: Sequence[Revision]) -> pa.Table:
    """Revisions as a table with `COLUMNS`, in the order of their predictions' ids."""
    ordered = sorted(revisions, key=lambda one: (one.id, one.arrival))
    arrivals = np.fromiter((one.arrival for one in ordered), np.int64, len(ordered))
    days = np.fromiter((day_of(one.id) for one in ordered), np.int32, len(ordered))
    return pa.table(
        {
            "id": pa.array([one.id for one in ordered], pa.string()),
            "day": pa.array(days).cast(pa.date32()),
            "observed_at": pa.array([one.observed for one in ordered], pa.int64()).cast(MOMENT),
            "received_at": pa.array(arrivals // 1000).cast(MOMENT),
            "arrival": pa.array(arrivals),
            "target": pa.array([one.target for one in ordered], pa.string()),
            "label": pa.array([one.label for one in ordered], pa.string()),
            "value": pa.array([one.value for one in ordered], pa.float64()),
            "key": pa.array([one.key for one in ordered], pa.string()),
            "key_id": pa.array([one.key_id for one in ordered], pa.string()),
        },
        schema=COLUMNS,
    )


def revisions_in(directory: Path, ids: Sequence[str]) -> Iterator[Revision]:
    """The revisions of some predictions that are in a table.

    Args:
        directory: of the table.
        ids: of the predictions, in order.
    """
    for file in table.snapshot(directory).files:
        for found in _found(file, ids[bisect_left(ids, file.first) : bisect_right(ids, file.last)]):
            columns = (found[name] for name in _READ)
            plain = (
                column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
                for column in columns
            )
            yield from map(Revision, *(column.to_pylist() for column in plain))


def _found(file: File, ids: Sequence[str]) -> Iterator[pa.Table]:
    """The rows of a file that are about some predictions."""
    if not ids:
        return
    reader = pq.ParquetFile(file.path)
    for index in range(reader.num_row_groups):
        position = reader.schema_arrow.get_field_index("id")
        stats = reader.metadata.row_group(index).column(position).statistics
        first, last = (stats.min, stats.max) if stats and stats.has_min_max else (file.first, file.last)
        some = ids[bisect_left(ids, first) : bisect_right(ids, last)]
        if some:
            rows = reader.read_row_group(index, columns=list(_READ))
            yield rows.filter(pc.is_in(rows["id"], pa.array(some, pa.string())))


def counting(directory: Path, first: int, last: int) -> pa.Table:
    """The revisions that count, of all predictions of some days, in the order of their ids.

    Args:
        directory: of the table.
        first: first day, days since 1970-01-01 UTC.
        last: last day.
    """
    names = [name for name in COLUMNS.names if name != "day"]
    files = [file for file in table.snapshot(directory).files if first <= file.day <= last]
    parts = [pq.ParquetFile(file.path).read(columns=names) for file in files]
    days = [pa.repeat(pa.scalar(file.day, pa.int32()).cast(pa.date32()), file.rows) for file in files]
    rows = pa.concat_tables(
        [part.append_column("day", day) for part, day in zip(parts, days, strict=True)]
        or [COLUMNS.empty_table()]
    ).select(COLUMNS.names)
    rows = rows.sort_by([("id", "ascending"), ("observed_at", "ascending"), ("arrival", "ascending")])
    if not rows.num_rows:
        return rows
    ids = rows["id"].combine_chunks()
    newest = pa.concat_arrays([pc.not_equal(ids[:-1], ids[1:]), pa.array([True])])
    return rows.filter(newest)
