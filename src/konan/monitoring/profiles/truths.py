"""Looks up the truths of predictions in the files of a day; those of few are read once, of many as needed."""

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from konan.predictions.table import File

_READ = ["id", "observed_at", "arrival", "label", "value"]
_KEPT = 500_000
"""Rows of files up to which they are kept in memory together."""

_EMPTY = pa.schema(
    [
        ("id", pa.string()),
        ("arrival", pa.int64()),
        ("label", pa.string()),
        ("value", pa.float64()),
        ("first", pa.int64()),
    ]
)


class Truths:
    """The truths in some files.

    Args:
        files: of the truths' table.
    """

    def __init__(self, files: Sequence[File]) -> None:
        self._files = files

    def __bool__(self) -> bool:
        """Whether there are any files."""
        return bool(self._files)

    def of(self, about: pa.ChunkedArray) -> pa.Table:
        """The revisions that count among those of some predictions.

        Args:
            about: ids of the predictions.

        Returns:
            ``id``, ``arrival``, ``label``, ``value``; and ``first``, the arrival of the first revision.
        """
        if not len(about):
            return _EMPTY.empty_table()
        ends = pc.min_max(about).as_py()
        found = self._between(ends["min"], ends["max"])
        return counting(found) if found.num_rows else _EMPTY.empty_table()

    def has_any(self, others: "Truths") -> bool:
        """Whether some are about predictions that others are about too."""
        about = pa.chunked_array([part for one in others.ids() for part in one.chunks], pa.string())
        wanted = about.combine_chunks()
        return any(pc.any(pc.is_in(one, value_set=wanted)).as_py() for one in self.ids())

    def ids(self) -> Iterator[pa.ChunkedArray]:
        """The ids of all of them, part by part."""
        for file in self._files:
            reader = pq.ParquetFile(file.path)
            for group in range(reader.num_row_groups):
                yield reader.read_row_group(group, columns=["id"], use_threads=False)["id"]

    @property
    def rows(self) -> int:
        """How many revisions they are."""
        return sum(one.rows for one in self._files)

    @cached_property
    def _whole(self) -> pa.Table | None:
        if self.rows > _KEPT:
            return None
        files = [pq.ParquetFile(one.path) for one in self._files]
        return pa.concat_tables([one.read(columns=_READ, use_threads=False) for one in files])

    def _between(self, first: str, last: str) -> pa.Table:
        if self._whole is not None:
            return _within(self._whole, first, last)
        parts = [
            _within(part, first, last)
            for file in self._files
            if first <= file.last and file.first <= last
            for part in _parts(file.path, first, last)
        ]
        return pa.concat_tables(parts) if parts else _EMPTY.empty_table()


def counting(rows: pa.Table) -> pa.Table:
    """Of revisions those that count, as `Truths.of` returns them.

    Args:
        rows: at least one revision, in any order.
    """
    if pc.count_distinct(rows["id"]).as_py() == rows.num_rows:
        return rows.append_column("first", rows["arrival"]).drop_columns(["observed_at"])
    rows = rows.sort_by([("id", "ascending"), ("observed_at", "ascending"), ("arrival", "ascending")])
    ids = rows["id"].combine_chunks()
    ends = pc.not_equal(ids[:-1], ids[1:]).to_numpy(zero_copy_only=False)
    starts = np.flatnonzero(np.concatenate([[True], ends]))
    first = np.minimum.reduceat(rows["arrival"].to_numpy(), starts)
    newest = rows.filter(pa.array(np.concatenate([ends, [True]])))
    return newest.append_column("first", pa.array(first)).drop_columns(["observed_at"])


def _within(rows: pa.Table, first: str, last: str) -> pa.Table:
    return rows.filter(pc.and_(pc.greater_equal(rows["id"], first), pc.less_equal(rows["id"], last)))


def _parts(path: str, first: str, last: str) -> list[pa.Table]:
    reader = pq.ParquetFile(path)
    found = []
    for group in range(reader.num_row_groups):
        stats = reader.metadata.row_group(group).column(reader.schema_arrow.get_field_index("id")).statistics
        if stats is None or not stats.has_min_max or (first <= stats.max and stats.min <= last):
            found.append(reader.read_row_group(group, columns=_READ, use_threads=False))
    return found
