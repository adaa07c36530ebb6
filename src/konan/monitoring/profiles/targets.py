"""Counts the truth of a day's rows, which comes later than they and may be revised.

When truths came, those of the whole day are counted anew; else those of new rows are added. A truth is one of
a prediction, and counts for the copies that challengers answered too.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from konan.monitoring.profiles.cells import NumericCells
from konan.monitoring.profiles.counting import Counting, name_of
from konan.monitoring.profiles.days import Day, Key
from konan.monitoring.profiles.profile import TARGET
from konan.predictions.table import File

_READ = ["id", "observed_at", "arrival", "label", "value"]


def count(counting: Counting, day: int, files: Sequence[File], truths: Sequence[File], into: Day) -> int:
    """Have the targets of all rows of a day counted that have one.

    Args:
        counting: knows what is counted.
        day: days since 1970-01-01 UTC.
        files: of the log, of that day.
        truths: of the truths' table, of that day and of the day before.
        into: the profiles of that day.

    Returns:
        How many rows were looked at.
    """
    known, names = {name_of(one.path) for one in truths}, {name_of(one.path) for one in files}
    if into.truths != known or not into.seen <= names:
        into.seen = set()
        for key in [one for one in into.found if one.of_truth]:
            del into.found[key]
    left = [one for one in files if name_of(one.path) not in into.seen] if truths else []
    for file in left:
        _count_file(counting, day, file, truths, into)
    into.truths, into.seen = known, names if truths else set()
    return sum(one.rows for one in left)


def _count_file(counting: Counting, day: int, file: File, truths: Sequence[File], into: Day) -> None:
    for version, rows in counting.rows(file.path, ("mirrors",)):
        layout, _ = counting.version(version)
        if TARGET not in layout.positions:
            continue
        cells = layout.cells(TARGET)
        about = pc.coalesce(rows["mirrors"], rows["id"])
        known = _current(truths, about)
        places = pc.index_in(about, value_set=known["id"].combine_chunks())
        there = pc.is_valid(places)
        if not pc.any(there).as_py():
            continue
        column = known["value" if isinstance(cells, NumericCells) else "label"].take(places.filter(there))
        codes, size = cells.assign(column).astype(np.int64), len(cells.labels)
        for segment, values, groups in counting.groups(version, rows.filter(there), day):
            counts = np.bincount(groups * size + codes, minlength=len(values) * size)
            for (role, hour, value), vector in zip(values, counts.reshape(-1, size), strict=True):
                into.add(Key(version, role, segment, value, of_truth=True), hour, vector)


def _current(truths: Sequence[File], about: pa.ChunkedArray) -> pa.Table:
    """The revisions that count among those of some predictions."""
    ends = pc.min_max(about).as_py()
    first, last = ends["min"], ends["max"]
    parts = [
        part
        for file in truths
        if first <= file.last and file.first <= last
        for part in _within(file.path, first, last)
    ]
    if not parts:
        return pa.table({name: pa.nulls(0, pa.string()) for name in _READ})
    rows = pa.concat_tables(parts)
    rows = rows.sort_by([("id", "ascending"), ("observed_at", "ascending"), ("arrival", "ascending")])
    ids = rows["id"].combine_chunks()
    return rows.filter(pa.concat_arrays([pc.not_equal(ids[:-1], ids[1:]), pa.array([True])]))


def _within(path: str, first: str, last: str) -> list[pa.Table]:
    reader = pq.ParquetFile(path)
    found = []
    for group in range(reader.num_row_groups):
        stats = reader.metadata.row_group(group).column(reader.schema_arrow.get_field_index("id")).statistics
        if stats is None or not stats.has_min_max or (first <= stats.max and stats.min <= last):
            rows = reader.read_row_group(group, columns=_READ, use_threads=False)
            inside = pc.and_(pc.greater_equal(rows["id"], first), pc.less_equal(rows["id"], last))
            found.append(rows.filter(inside))
    return [rows for rows in found if rows.num_rows]
