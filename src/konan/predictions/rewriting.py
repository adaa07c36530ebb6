"""Writes a file of a table again without some of its rows, in the same order and with the same types."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake.transaction import AddAction, RemoveAction

from konan import clock, ids

Change = AddAction | RemoveAction


def without(place: Path, path: Path, unwanted: pa.Array, row_group: int, page: int) -> list[Change]:
    """Write a file again, and say what changes in its table by that; nothing if it has none of the rows.

    Only the smallest and largest id of the new file stand in the table's log, no value of any other column.

    Args:
        place: directory of the table.
        path: of the file.
        unwanted: ids of rows.
        row_group: rows that are read together.
        page: bytes of a column that are packed together.
    """
    reader = pq.ParquetFile(path)
    gone = [_holds(reader, index, unwanted) for index in range(reader.num_row_groups)]
    if not any(gone):
        return []
    now = clock.now_ns() // 1_000_000
    partition: dict[str, str | None] = {"day": path.parent.name.partition("=")[2]}
    removed = RemoveAction(
        path=path.relative_to(place).as_posix(),
        data_change=True,
        deletion_timestamp=now,
        size=path.stat().st_size,
        partition_values=partition,
    )
    fresh = path.with_name(f"part-{ids.new_uuid()}.zstd.parquet")
    stats = _write(reader, fresh, [unwanted if some else None for some in gone], row_group, page)
    if stats is None:
        return [removed]
    added = AddAction(
        path=fresh.relative_to(place).as_posix(),
        size=fresh.stat().st_size,
        partition_values=partition,
        modification_time=now,
        data_change=True,
        stats=stats,
    )
    return [removed, added]


def _write(
    reader: pq.ParquetFile, fresh: Path, unwanted: list[pa.Array | None], row_group: int, page: int
) -> str | None:
    """Copy the rows, part by part; gives the statistics for the table's log, None if no row is left."""
    rows, ends = 0, list[str]()
    with pq.ParquetWriter(
        fresh,
        reader.schema_arrow,
        compression="zstd",
        compression_level=3,
        data_page_size=page,
        write_page_index=True,  # else statistics are in the heads of pages, which `pages` cannot read
    ) as writer:
        for index, some in enumerate(unwanted):
            part = reader.read_row_group(index)
            if some is not None:
                part = part.filter(pc.invert(pc.is_in(part["id"], some)))
            if part.num_rows:
                rows += part.num_rows
                ends += pc.min_max(part["id"]).as_py().values()
                writer.write_table(part, row_group_size=row_group)
    if not rows:
        fresh.unlink()
        return None
    limits = {"numRecords": rows, "minValues": {"id": min(ends)}, "maxValues": {"id": max(ends)}}
    return json.dumps(limits)


def _holds(reader: pq.ParquetFile, index: int, unwanted: pa.Array) -> bool:
    found = reader.read_row_group(index, columns=["id"])["id"]
    return bool(pc.any(pc.is_in(found, unwanted)).as_py())
