"""Single rows read from their pages are what Arrow reads of the whole row group."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from hypothesis import given, settings
from hypothesis import strategies as st

from konan.predictions import groups, table
from konan.predictions.columns import MOMENT
from konan.predictions.groups import Groups, Rows
from konan.predictions.pages import Chunk, Unfamiliar

ROWS = 20_000
FIRST = datetime(2026, 11, 24, tzinfo=UTC)


def everything(rows: int = ROWS) -> pa.Table:
    """Columns of all types of a log: of few values and of many, full, with nulls, and empty."""
    dice = np.random.default_rng(7)
    numbers = dice.random(rows)
    absent = dice.random(rows) < 0.3
    texts = [f"text {'x' * (at % 40)} ü {at}" for at in range(rows)]
    return pa.table(
        {
            "id": pa.array([f"{at:036d}" for at in range(rows)]),
            "text": pa.array(texts),
            "text_null": pa.array(texts, mask=absent),
            "few": pa.array([("a", "b", "", "über")[at % 4] for at in range(rows)]),
            "few_null": pa.array([("a", "b", "", "über")[at % 4] for at in range(rows)], mask=absent),
            "same": pa.array(["same"] * rows),
            "number": pa.array(numbers),
            "number_null": pa.array(numbers, mask=absent),
            "odd": pa.array(np.where(numbers < 0.1, np.nan, np.where(numbers < 0.2, -0.0, np.inf))),
            "integer": pa.array(dice.integers(-(2**62), 2**62, rows)),
            "small": pa.array(dice.integers(-3, 3, rows), pa.int32(), mask=absent),
            "flag": pa.array(numbers < 0.5),
            "flag_null": pa.array(numbers < 0.5, mask=absent),
            "at": pa.array([FIRST + timedelta(microseconds=at * 7) for at in range(rows)], MOMENT),
            "on": pa.array(numbers * 30_000, pa.int32(), safe=False).cast(pa.date32()),
            "rare": pa.array([None if at % 5000 else at for at in range(rows)], pa.int64()),
            "empty": pa.nulls(rows, pa.string()),
            "nothing": pa.nulls(rows, pa.float64()),
        }
    )


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file as the tables have them."""
    place = tmp_path_factory.mktemp("pages") / "table"
    write_deltalake(place, everything(), writer_properties=table._WRITER)
    return DeltaTable(place).file_uris()[0]


def at(group: int, positions: Sequence[int]) -> Rows:
    return Rows(group, np.array(positions), pa.array([], pa.string()))


def same(found: pa.Table, path: str, group: int, positions: list[int]) -> None:
    whole = pq.ParquetFile(path).read_row_group(group).take(pa.array(positions, pa.int64()))
    for name in whole.column_names:
        assert str(found[name].to_pylist()) == str(whole[name].to_pylist()), name  # NaN is not equal to NaN
        assert found[name].type == whole[name].type


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_single_rows_are_what_arrow_reads(ours: str, data: Any) -> None:
    read = Groups(ours)
    group = data.draw(st.integers(0, read.count - 1))
    rows = st.integers(0, read.rows(group) - 1)
    positions = sorted(data.draw(st.sets(rows, min_size=1, max_size=30)))
    found = read._singly([at(group, positions)], list(read.positions))
    same(found, ours, group, positions)


def test_a_row_group_has_many_pages_and_each_of_their_edges_is_right(ours: str) -> None:
    read = Groups(ours)
    chunk = read._chunk(0, "text")
    read._singly([at(0, [read.rows(0) - 1])], ["text"])
    edges = sorted({row for behind in chunk._behind for row in (behind - 1, behind)} - {read.rows(0)})
    assert len(edges) > 20
    same(read._singly([at(0, edges)], list(read.positions)), ours, 0, edges)


@pytest.mark.parametrize(
    "form",
    [
        {"compression": "zstd", "write_page_index": True, "data_page_size": 4096},
        {"compression": "snappy"},
        {"compression": "none", "write_page_index": True, "use_dictionary": False},
        {"compression": "lz4"},
        {"compression": "zstd", "data_page_version": "2.0"},
        {"compression": "zstd", "use_dictionary": False, "column_encoding": "DELTA_BINARY_PACKED"},
        {"compression": "zstd", "write_page_checksum": True},
    ],
)
def test_files_of_other_forms_are_read_too(tmp_path: Path, form: dict[str, Any]) -> None:
    rows = everything(5000)
    if form.get("column_encoding"):
        rows = rows.select(["id", "integer", "small", "at"]).drop(["id"])
    path = str(tmp_path / "file.parquet")
    pq.write_table(rows, path, row_group_size=2000, **form)
    positions = [0, 3, 999, 1999]
    ((_, found),) = Groups(path).each_of([at(1, positions)], rows.column_names)
    same(found, path, 1, positions)


def test_what_is_rewritten_is_read_by_its_pages(tmp_path: Path) -> None:
    from konan.predictions.rewriting import without

    place = tmp_path / "table"
    rows = everything(6000)
    day = pa.array([20_000] * 6000, pa.int32()).cast(pa.date32())
    write_deltalake(place, rows.append_column("day", day), partition_by=["day"])
    old = Path(DeltaTable(place).file_uris()[0])
    without(place, old, rows["id"][:10].combine_chunks(), table.ROW_GROUP, table.PAGE)
    (new,) = set(old.parent.glob("*.parquet")) - {old}
    read = Groups(str(new))
    same(read._singly([at(0, [7, 4000])], list(read.positions)), str(new), 0, [7, 4000])


def test_rows_of_many_row_groups_come_together(ours: str) -> None:
    read = Groups(ours)
    few, many = np.array([1, 8000]), np.arange(500)
    ids = [pa.array([f"{at:036d}" for at in few]), pa.array([f"{16_384 + at:036d}" for at in many])]
    found = read.take([Rows(0, few, ids[0]), Rows(1, many, ids[1])], ["id", "number", "text_null"])
    assert found["id"].to_pylist() == [*ids[0].to_pylist(), *ids[1].to_pylist()]
    whole = everything().select(["id", "number", "text_null"])
    assert found.to_pylist() == whole.take(pa.array([*few, *(16_384 + many)])).to_pylist()


def test_damaged_pages_are_no_values(ours: str, tmp_path: Path) -> None:
    column = pq.ParquetFile(ours).metadata.row_group(0).column(0)
    bytes_ = bytearray(Path(ours).read_bytes())
    bytes_[column.data_page_offset] ^= 0xFF
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(bytes_)
    with pytest.raises(Unfamiliar):
        Groups(str(broken))._singly([at(0, [0])], ["id"])


def test_heads_of_files_are_read_once(ours: str) -> None:
    assert groups.groups_of(ours) is groups.groups_of(ours)
    assert isinstance(groups.groups_of(ours)._chunk(0, "id"), Chunk)
