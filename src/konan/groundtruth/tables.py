"""Revisions as rows of a Delta table beside the prediction log, a table per deployment.

A row lies in the partition of its prediction's day, so a look-up opens the files of the days it asks for.
"""

from collections.abc import Collection, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from konan.groundtruth.revisions import Revision
from konan.predictions import lookup, table
from konan.predictions.columns import MOMENT

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
"""The column of each field of a revision."""


def revisions_in(directory: Path, ids: Collection[str]) -> Iterator[Revision]:
    """The revisions of some predictions that are in a table.

    Args:
        directory: of the table.
        ids: of the predictions.
    """
    for rows in lookup.rows_of(table.snapshot(directory).files, ids, _READ):
        columns = [rows[name] for name in _READ]
        columns[1] = columns[1].cast(pa.int64())
        yield from map(Revision, *(column.to_pylist() for column in columns))


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
