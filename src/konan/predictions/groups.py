"""Reads as little of a Parquet file as answers a question: some columns of some of its row groups.

A call costs more than its rows. So columns that are looked through are read for many row groups at once, and
what the file's statistics tell is not read at all.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_THREADS = 2
_FEW = 4
"""So few calls are not worth a thread."""

_Item = TypeVar("_Item")
_Found = TypeVar("_Found")


class Rows(NamedTuple):
    """Some rows of a row group.

    Attributes:
        group: index of the row group.
        positions: of the rows in it, ascending, int64.
        ids: of the rows.
    """

    group: int
    positions: "np.ndarray[Any, np.dtype[np.int64]]"
    ids: pa.Array


class Groups:
    """The row groups of one file; any thread may ask.

    Args:
        path: of the file.

    Attributes:
        count: number of row groups.
        positions: of the columns, by their names.
    """

    def __init__(self, path: str) -> None:
        reader = pq.ParquetFile(path)
        self._path = path
        self._metadata = reader.metadata
        self._schema: pa.Schema = reader.schema_arrow
        self.count: int = reader.num_row_groups
        self.positions = {name: position for position, name in enumerate(self._schema.names)}

    def rows(self, group: int) -> int:
        """Number of rows of a row group."""
        found: int = self._metadata.row_group(group).num_rows
        return found

    def span(self, group: int, name: str) -> tuple[Any, Any] | None:
        """Bounds of a column's values in a row group, None if they are not known."""
        stats = self._metadata.row_group(group).column(self.positions[name]).statistics
        return (stats.min, stats.max) if stats is not None and stats.has_min_max else None

    def empty(self, group: int, name: str) -> bool:
        """Whether a column is known to be null in all rows of a row group."""
        part = self._metadata.row_group(group)
        stats = part.column(self.positions[name]).statistics
        return stats is not None and stats.has_null_count and stats.null_count == part.num_rows

    def coded(self, groups: Sequence[int], names: Sequence[str]) -> pa.Table:
        """Columns of row groups with texts coded by a dictionary, which is much faster to compare."""
        texts = [name for name in names if pa.types.is_string(self._schema.field(name).type)]

        def read(some: Sequence[int]) -> pa.Table:
            return self._reader(texts).read_row_groups(some, columns=list(names), use_threads=False)

        if len(groups) < _FEW:
            return read(groups)
        half = len(groups) // 2
        with ThreadPoolExecutor(_THREADS) as pool:
            return pa.concat_tables(pool.map(read, (groups[:half], groups[half:])))

    def read(self, group: int, names: Sequence[str]) -> pa.Table:
        """Columns of a row group."""
        return self._columns(group, names, pa.ChunkedArray.combine_chunks)

    def take(self, rows: Rows, names: Sequence[str]) -> pa.Table:
        """Columns of some rows, their ids first."""
        positions = pa.array(rows.positions)
        wanted = [name for name in names if name != "id"]
        found = self._columns(rows.group, wanted, lambda cells: cells.take(positions).combine_chunks())
        return pa.table({"id": rows.ids, **{name: found[name] for name in wanted}})

    def _columns(
        self, group: int, names: Sequence[str], some: Callable[[pa.ChunkedArray], pa.Array]
    ) -> pa.Table:
        """Some cells of columns, which are read one after the other: their memory is used again."""
        reader, found = self._reader(()), dict[str, pa.Array]()
        for name in names:
            cells = self._constant(group, name)
            if cells is None:
                cells = reader.read_row_group(group, columns=[name], use_threads=False)[name]
            found[name] = some(cells)
        return pa.table(found)

    def each(self, work: Callable[[_Item], _Found], items: Sequence[_Item]) -> list[_Found]:
        """What some work makes of each of some items, side by side if there are many."""
        if len(items) < _FEW:
            return [work(item) for item in items]
        with ThreadPoolExecutor(_THREADS) as pool:
            return list(pool.map(work, items))

    def _constant(self, group: int, name: str) -> pa.ChunkedArray | None:
        """The cells of a column that are all the same, as the statistics tell; else None."""
        kind = self._schema.field(name).type
        count = self.rows(group)
        if self.empty(group, name):
            return pa.chunked_array([pa.nulls(count, kind)])
        stats = self._metadata.row_group(group).column(self.positions[name]).statistics
        if pa.types.is_floating(kind) or stats is None or not stats.has_min_max:  # NaN is in no statistics
            return None
        if not stats.has_null_count or stats.null_count or stats.min != stats.max:
            return None
        return pa.chunked_array([pa.repeat(pa.scalar(stats.min, kind), count)])

    def _reader(self, texts: Sequence[str]) -> pq.ParquetFile:
        return pq.ParquetFile(
            self._path, metadata=self._metadata, read_dictionary=list(texts), memory_map=True
        )


def look_up(path: str, prediction_id: str) -> pa.Table | None:
    """The row with an id in a file, None if there is none."""
    groups = Groups(path)
    for group in range(groups.count):
        first, last = groups.span(group, "id") or ("", prediction_id)
        if first <= prediction_id <= last:
            ids = groups.read(group, ["id"])["id"]
            at = pc.index(ids, prediction_id).as_py()
            if at >= 0:
                found = Rows(group, np.array([at]), pa.array([prediction_id]))
                return groups.take(found, list(groups.positions))
    return None
