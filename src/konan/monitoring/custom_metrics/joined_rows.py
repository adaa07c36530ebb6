"""Reads rows with their truth, newest first, out of the tables: what metrics that are no sums are made of."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from konan.groundtruth.revisions import SUFFIX
from konan.groundtruth.tables import counting
from konan.monitoring.custom_metrics.running import Part
from konan.monitoring.profiles.segments import named
from konan.predictions import table
from konan.predictions.columns import TYPES, columns
from konan.predictions.filters import SHOWN_ROLES
from konan.records.schema import Schema

TRUTH, TRUE_LABEL, TRUE_VALUE = "truth", "true_label", "true_value"
"""Columns with the truth: as JSON, as the text of a class, as a number."""

_DAY = 86_400
_FIXED = ("id", "version", "role", "mirrors", "label", "value", "probability", "output")
_TRUTHS = ("target", "label", "value")


def joined(directory: Path, deployment: str, schema: Schema, part: Part, most: int) -> pa.Table:
    """The newest rows of a window that callers got and whose truth is known.

    Args:
        directory: where the logs are.
        deployment: uuid.
        schema: of the version.
        part: which rows.
        most: how many at most.

    Returns:
        ``id``, ``label``, ``value``, ``probability`` and ``output`` as in the log, `TRUTH`, `TRUE_LABEL`,
        `TRUE_VALUE`, and the log's columns of features; no column at all where there are no rows.
    """
    first, last = part.start // _DAY, (part.end - 1) // _DAY
    files = [one for one in table.snapshot(directory / deployment).files if first <= one.day <= last]
    physical = {one.name: one.physical for one in columns(schema)}
    found: list[pa.Table] = []
    for day in sorted({file.day for file in files}, reverse=True):
        truths = counting(directory / (deployment + SUFFIX), day - 1, day)
        if truths.num_rows:
            parts = (_rows(file.path, part, physical) for file in files if file.day == day)
            found += [_told(rows, truths) for several in parts for rows in several]
        if sum(one.num_rows for one in found) >= most:
            break
    if not found:
        return pa.table({})
    return pa.concat_tables(found).sort_by([("id", "descending")]).slice(0, most)


def _rows(path: str, part: Part, physical: Mapping[str, str]) -> Iterator[pa.Table]:
    """The rows of a window in a file, with all columns that they can have."""
    reader = pq.ParquetFile(path)
    there = set(reader.schema_arrow.names)
    names = [*_FIXED, *(name for name in physical.values() if name in there)]
    for group in range(reader.num_row_groups):
        rows = reader.read_row_group(group, columns=names, use_threads=False)
        rows = rows.filter(_wanted(rows, part, physical.get(part.column, "")))
        for name in physical.values():
            if name not in there:
                rows = rows.append_column(name, pa.nulls(rows.num_rows, TYPES[name[0]]))
        if rows.num_rows:
            yield rows


def _wanted(rows: pa.Table, part: Part, column: str) -> pa.ChunkedArray:
    """Which rows are of a window."""
    shown = pc.is_in(rows["role"], pa.array(SHOWN_ROLES))
    wanted = pc.and_(pc.equal(rows["version"], part.version), shown)
    ids = rows["id"]
    timely = pc.and_(pc.greater_equal(ids, _bound(part.start)), pc.less(ids, _bound(part.end)))
    wanted = pc.and_(wanted, timely)
    if not part.column:
        return wanted
    if column not in rows.column_names:
        return pc.and_(wanted, part.value is None)
    coded = pc.dictionary_encode(rows[column].combine_chunks())
    own = [at for at, cell in enumerate(coded.dictionary.to_pylist()) if named(cell) == part.value]
    of_segment = pc.is_in(coded.indices, pa.array(own, coded.indices.type))
    return pc.and_(wanted, pc.is_null(coded.indices) if part.value is None else of_segment)


def _told(rows: pa.Table, truths: pa.Table) -> pa.Table:
    """Those rows that have a truth, with it."""
    about = pc.coalesce(rows["mirrors"], rows["id"])
    places = pc.index_in(about, value_set=truths["id"].combine_chunks())
    there = pc.is_valid(places)
    kept, places = rows.filter(there), places.filter(there)
    for name, meant in zip(_TRUTHS, (TRUTH, TRUE_LABEL, TRUE_VALUE), strict=True):
        kept = kept.append_column(meant, truths[name].take(places))
    return kept.drop_columns(["version", "role", "mirrors"])


def _bound(seconds: int) -> str:
    """What ids of a moment or later are not less than.

    >>> _bound(1764000000)
    '019ab697-e800'
    """
    digits = f"{seconds * 1000:012x}"
    return f"{digits[:8]}-{digits[8:]}"
