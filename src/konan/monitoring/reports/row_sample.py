"""Draws rows of a window out of the log, in bounded memory: for what profiles cannot tell."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from konan.monitoring.profiles.log_rows import Logged
from konan.monitoring.profiles.segments import named
from konan.monitoring.reports.query import DAY, Slice
from konan.predictions import table
from konan.predictions.filters import SHOWN_ROLES

READ = 1_000_000
"""So many rows are read; of more, parts of files are drawn."""

_FIXED = ("id", "version", "role")


class Wanted(NamedTuple):
    """Rows of a version that callers got.

    Attributes:
        version: number of the version.
        start: seconds since 1970-01-01 UTC.
        end: likewise; the rows lie before.
        segment: only rows of this slice; None is all.
    """

    version: int
    start: int
    end: int
    segment: Slice | None = None


class Sample(NamedTuple):
    """Rows that were drawn.

    Attributes:
        rows: under the names that layouts give columns.
        found: how many rows they were drawn from.
    """

    rows: pa.Table
    found: int


def sampled(log: Path, wanted: Wanted, logged: Logged, most: int, *, seed: int = 0) -> Sample:
    """Rows of a window, each as likely as any other among those that are read.

    Args:
        log: directory of the log.
        wanted: which rows.
        logged: how they are seen.
        most: so many are drawn at most.
        seed: the same one draws the same rows of the same files.
    """
    draw = np.random.default_rng(seed)
    kept, keys, found = list[pa.Table](), list[np.ndarray[tuple[int], np.dtype[np.float64]]](), 0
    for rows in _read(log, wanted, logged, draw):
        found += rows.num_rows
        kept.append(logged(rows))
        keys.append(draw.random(rows.num_rows))
        if sum(len(one) for one in keys) > 4 * most:
            rows_left, keys_left = _smallest(kept, keys, most)
            kept, keys = [rows_left], [keys_left]
    if not found:
        return Sample(pa.table({}), 0)
    return Sample(_smallest(kept, keys, most)[0], found)


def _smallest(
    kept: list[pa.Table], keys: "list[np.ndarray[tuple[int], np.dtype[np.float64]]]", most: int
) -> "tuple[pa.Table, np.ndarray[tuple[int], np.dtype[np.float64]]]":
    """The rows with the smallest keys, in their order."""
    all_keys = np.concatenate(keys)
    order = np.sort(np.argsort(all_keys, kind="stable")[:most])
    return pa.concat_tables(kept).take(pa.array(order)).combine_chunks(), all_keys[order]


def _read(log: Path, wanted: Wanted, logged: Logged, draw: np.random.Generator) -> Iterator[pa.Table]:
    """The wanted rows of groups of rows in a random order, until enough were read."""
    first, last = wanted.start // DAY, (wanted.end - 1) // DAY
    files = [one for one in table.snapshot(log).files if first <= one.day <= last]
    readers = [pq.ParquetFile(one.path) for one in sorted(files, key=lambda one: one.first)]
    groups = [(reader, group) for reader in readers for group in range(reader.num_row_groups)]
    seen = 0
    for at in draw.permutation(len(groups)).tolist():
        if seen >= READ:
            return
        reader, group = groups[at]
        seen += reader.metadata.row_group(group).num_rows
        there = set(reader.schema_arrow.names)
        segment = logged.segments.get(wanted.segment.column, "") if wanted.segment else ""
        names = {*_FIXED, *(name for name in {*logged.needed, segment} if name in there)}
        rows = reader.read_row_group(group, columns=sorted(names), use_threads=False)
        rows = rows.filter(_fitting(rows, wanted, segment))
        if rows.num_rows:
            yield rows


def _fitting(rows: pa.Table, wanted: Wanted, segment: str) -> pa.ChunkedArray:
    shown = pc.and_(pc.equal(rows["version"], wanted.version), pc.is_in(rows["role"], pa.array(SHOWN_ROLES)))
    timely = pc.and_(
        pc.greater_equal(rows["id"], _first_id(wanted.start)), pc.less(rows["id"], _first_id(wanted.end))
    )
    fitting = pc.and_(shown, timely)
    if wanted.segment is None:
        return fitting
    if segment not in rows.column_names:
        return pc.and_(fitting, wanted.segment.value is None)
    if wanted.segment.value is None:
        return pc.and_(fitting, pc.is_null(rows[segment]))
    coded = pc.dictionary_encode(rows[segment].combine_chunks())
    own = [at for at, cell in enumerate(coded.dictionary.to_pylist()) if named(cell) == wanted.segment.value]
    return pc.and_(fitting, pc.is_in(coded.indices, pa.array(own, coded.indices.type)))


def _first_id(seconds: int) -> str:
    """What the ids of a moment or later are not less than.

    >>> _first_id(1764000000)
    '019ab697-e800'
    """
    digits = f"{seconds * 1000:012x}"
    return f"{digits[:8]}-{digits[8:]}"
