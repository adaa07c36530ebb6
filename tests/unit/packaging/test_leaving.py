"""Rows of a person leave files of every form, and nothing else of these changes."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from konan.erasure.subjects import Subject, digest_of
from konan.packaging.erasing import relearned
from konan.packaging.leaving import leave
from konan.records.schema import Feature, Learned, Schema

KEY = b"k" * 32


def meant(value: object) -> Subject:
    return Subject(KEY, digest_of(KEY, value))


def left(tmp_path: Path, name: str, content: bytes, value: object) -> tuple[int, bytes | None]:
    path, fresh = tmp_path / f"was.{name}", tmp_path / f"now.{name}"
    path.write_bytes(content)
    gone = leave(path, name, fresh, {"who", "nobody"}, meant(value).is_meant)  # type: ignore[arg-type] # a form
    return gone, fresh.read_bytes() if fresh.exists() else None


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        (b"x,who\r\n1.50,anna\r\n2,bela\r\n", "anna", b"x,who\r\n2,bela\r\n"),
        (b'who,x\n"anna",1\n"be\n""la",2\nanna ,3', "anna", b'who,x\n"be\n""la",2\n'),
        (b"\xef\xbb\xbfwho,x\n17.0,1\n18,2\n1.7e1,3\n", 17, b"\xef\xbb\xbfwho,x\n18,2\n"),
        (b"x,who\n1,\xff\n2,anna\n\n3,annab\n", "anna", b"x,who\n1,\xff\n\n3,annab\n"),
    ],
)
def test_text_stays_as_it_was_written(tmp_path: Path, before: bytes, value: object, after: bytes) -> None:
    gone, content = left(tmp_path, "csv", before, value)
    assert gone >= 1
    assert content == after


def test_a_file_without_the_person_is_not_written_again(tmp_path: Path) -> None:
    assert left(tmp_path, "csv", b"x,who\nanna,bela\n", "anna") == (0, None)
    assert left(tmp_path, "csv", b"x,y\nanna,anna\n", "anna") == (0, None)
    assert left(tmp_path, "jsonl", b'{"x": "anna", "who": null}\n', "anna") == (0, None)


def test_lines_of_json_stay_and_what_nobody_can_read_goes(tmp_path: Path) -> None:
    before = b'{"who": "bela", "x": 1.50}\n{"who": "anna"}\n\n{"who": \n{"x": 1}'
    assert left(tmp_path, "jsonl", before, "anna") == (2, b'{"who": "bela", "x": 1.50}\n\n{"x": 1}')


def test_rows_of_parquet_leave_and_types_stay(tmp_path: Path) -> None:
    rows = pa.table(
        {"who": pa.array([17, 18, None, 17], pa.int32()), "x": pa.array([1, 2, 3, 4], pa.float32())}
    )
    path, fresh = tmp_path / "was", tmp_path / "now"
    pq.write_table(rows, path, row_group_size=2)
    assert leave(path, "parquet", fresh, {"who"}, meant("17.0").is_meant) == 2
    assert pq.read_table(fresh).equals(rows.slice(1, 2))


def test_without_any_row_a_schema_shows_nothing_of_the_data() -> None:
    anna = Learned(categories=("anna",), distinct=1)
    features = (
        Feature(name="who", type="string", learned=anna, nullable=False),
        Feature(name="x", type="number", learned=Learned(minimum=1.0, maximum=1.0, distinct=1)),
    )
    found = relearned(Schema(features=features, example={"who": "anna", "x": 1.0}), None)
    assert [feature.learned for feature in found.features] == [None, None]
    assert found.example == {"who": "***", "x": None}
