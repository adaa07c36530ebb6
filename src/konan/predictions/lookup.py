"""Finds the rows of very many ids: no file, and no part of one, is read in which none of them can be."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from konan.predictions.table import File


def rows_of(files: Iterable[File], ids: Collection[str], names: Sequence[str]) -> Iterator[pa.Table]:
    """The rows with some ids, a table for each file that has any.

    Args:
        files: with a column ``id``.
        ids: any texts.
        names: the columns that are wanted, beside the ids.
    """
    ordered = sorted(ids)
    wanted = pa.array(ordered, pa.string())
    for file in files:
        first, behind = bisect_left(ordered, file.first), bisect_right(ordered, file.last)
        if first < behind:
            rows = _in_file(file, ordered[first:behind], wanted[first:behind], names)
            if rows is not None:
                yield rows


def _in_file(file: File, ordered: list[str], wanted: pa.Array, names: Sequence[str]) -> pa.Table | None:
    reader = pq.ParquetFile(file.path)
    groups = [index for index in range(reader.num_row_groups) if _may_hold(reader, index, ordered)]
    if not groups:
        return None
    ids = reader.read_row_groups(groups, columns=["id"])
    mask = pc.is_in(ids["id"], wanted)
    if not pc.any(mask).as_py():
        return None
    rest = reader.read_row_groups(groups, columns=[name for name in names if name != "id"])
    return rest.append_column("id", ids["id"]).filter(mask)


def _may_hold(reader: pq.ParquetFile, index: int, ordered: list[str]) -> bool:
    position = reader.schema_arrow.get_field_index("id")
    stats = reader.metadata.row_group(index).column(position).statistics
    if stats is None or not stats.has_min_max:
        return True
    return bisect_left(ordered, stats.min) < bisect_right(ordered, stats.max)
