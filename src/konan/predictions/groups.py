"""Reads as little of a Parquet file as answers a question: some columns of some of its row groups.

A call costs more than its rows. So columns that are looked through are read for many row groups at once, and
what the file's statistics tell is not read at all.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from konan.predictions.pages import Chunk, Unfamiliar

_THREADS = 2
_FEW = 4
"""So few rows are not worth a thread."""

_SINGLE = 8
"""So few rows of a row group are read from their pages; to read all of it takes as long as for some ten."""

_REMEMBERED = 16
"""So many files' heads are kept, of one or two megabytes for a million rows."""

_AS_THEY_ARE = {pa.bool_(), pa.int32(), pa.int64(), pa.float64()}
_Item = TypeVar("_Item")
_Found = TypeVar("_Found")


Positions = np.ndarray[Any, np.dtype[np.int64]]


class Rows(NamedTuple):
    """Some rows of a row group.

    Attributes:
        group: index of the row group.
        positions: of the rows in it, ascending, int64.
        ids: of the rows.
    """

    group: int
    positions: Positions
    ids: pa.Array


class Groups:
    """The row groups of one file, which never changes; any thread may ask. See `groups_of`.

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
        self._chunks = dict[tuple[int, str], Chunk]()

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

        half = len(groups) // 2
        return pa.concat_tables(_each(read, (groups[:half], groups[half:]) if half else (groups,)))

    def read(self, group: int, names: Sequence[str]) -> pa.Table:
        """Columns of a row group."""
        return self._columns(group, names, pa.ChunkedArray.combine_chunks)

    def each_of(self, found: Sequence[Rows], names: Sequence[str]) -> Iterator[tuple[Rows, pa.Table]]:
        """Some rows with their columns, row group by row group.

        Args:
            found: the rows; of their ids nothing is asked.
            names: of the columns.
        """
        parts = _parted(found)
        for part, table in zip(parts, _each(lambda part: self._some(part, names), parts), strict=True):
            begin = 0
            for rows in part:
                yield rows, table.slice(begin, len(rows.positions))
                begin += len(rows.positions)

    def take(self, found: Sequence[Rows], names: Sequence[str]) -> pa.Table:
        """Columns of some rows, their ids first.

        Args:
            found: the rows.
            names: of the columns.
        """
        wanted = [name for name in names if name != "id"]

        def read(part: Sequence[Rows]) -> pa.Table:
            ids = pa.chunked_array([rows.ids for rows in part])
            cells = self._some(part, wanted)
            return pa.table({"id": ids, **{name: cells[name] for name in wanted}})

        return pa.concat_tables(_each(read, _parted(found)))

    def _some(self, part: Sequence[Rows], names: Sequence[str]) -> pa.Table:
        """Columns of some rows: of few, or of one row group."""
        if len(part) > 1 or len(part[0].positions) <= _SINGLE:
            try:
                return self._singly(part, names)
            except Unfamiliar:
                return pa.concat_tables([self._chosen(rows, names) for rows in part])
        return self._chosen(part[0], names)

    def _chosen(self, rows: Rows, names: Sequence[str]) -> pa.Table:
        if len(rows.positions) == self.rows(rows.group):
            return self.read(rows.group, names)
        positions = pa.array(rows.positions)
        return self._columns(rows.group, names, lambda cells: cells.take(positions).combine_chunks())

    def _singly(self, part: Sequence[Rows], names: Sequence[str]) -> pa.Table:
        """Columns of single rows, from the pages that they are in.

        Raises:
            Unfamiliar: a column is of a form that is not read so.
        """
        found = dict[str, pa.Array]()
        places = [(rows.group, rows.positions.tolist()) for rows in part]
        with Path(self._path).open("rb", buffering=0) as file:
            for name in names:
                kind, cells = self._schema.field(name).type, list[Any]()
                for group, positions in places:
                    cells += self._chunk(group, name).cells(file.fileno(), positions)
                found[name] = pa.array(cells, _stored(kind)).cast(kind)
        return pa.table(found)

    def _chunk(self, group: int, name: str) -> Chunk:
        found = self._chunks.get((group, name))
        if found is None:
            position = self.positions[name]
            column = self._metadata.row_group(group).column(position)
            levels = self._metadata.schema.column(position)
            if levels.max_repetition_level or levels.max_definition_level > 1:
                raise Unfamiliar(name)
            found = self._chunks[group, name] = Chunk(column, optional=levels.max_definition_level == 1)
        return found

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


def _parted(found: Sequence[Rows]) -> list[Sequence[Rows]]:
    """Rows as they are read together: of row groups with few of them in two parts, the others one by one."""
    few = [rows for rows in found if len(rows.positions) <= _SINGLE]
    many = [[rows] for rows in found if len(rows.positions) > _SINGLE]
    halves = (few[::2], few[1::2]) if len(few) > _FEW else (few,)
    return [*filter(None, halves), *many]


def _each(work: Callable[[_Item], _Found], items: Sequence[_Item]) -> list[_Found]:
    """What some work makes of each of some items, side by side."""
    if len(items) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(work, items))


@lru_cache(maxsize=_REMEMBERED)
def groups_of(path: str) -> Groups:
    """The row groups of a file; what was learned of them is remembered.

    Args:
        path: of the file.
    """
    return Groups(path)


def _stored(kind: pa.DataType) -> pa.DataType:
    """How cells of a type are stored.

    Raises:
        Unfamiliar: that is not known here.
    """
    if pa.types.is_string(kind):
        return pa.binary()
    if pa.types.is_timestamp(kind):
        return pa.int64()
    if pa.types.is_date32(kind):
        return pa.int32()
    if kind in _AS_THEY_ARE:
        return kind
    raise Unfamiliar(str(kind))


def look_up(path: str, prediction_id: str) -> pa.Table | None:
    """The row with an id in a file, None if there is none."""
    groups = groups_of(path)
    for group in range(groups.count):
        first, last = groups.span(group, "id") or ("", prediction_id)
        if first <= prediction_id <= last:
            ids = groups.read(group, ["id"])["id"]
            at = pc.index(ids, prediction_id).as_py()
            if at >= 0:
                found = Rows(group, np.array([at]), pa.array([prediction_id]))
                return groups.take([found], list(groups.positions))
    return None
