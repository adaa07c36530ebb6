"""Rows given at deploy: what is learned of them, and what a bad file is told."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from konan.errors import DataInvalid
from konan.packaging.learn import Column, Request, Survey, beyond_exact, learn, spread_positions, survey
from konan.records.upload import TableFormat


def learned(tmp_path: Path, content: bytes, form: TableFormat = "csv", most: int = 1000) -> Survey:
    file = tmp_path / "rows"
    file.write_bytes(content)
    return learn(Request(path=str(file), format=form, most=most, first=2, spread=2))


def columns(found: Survey) -> dict[str, Column]:
    return {column.name: column for column in found.columns}


def test_a_csv_has_the_types_that_pandas_gives_it(tmp_path: Path) -> None:
    content = (
        b"n,i,gap,flag,some,day,text,hex\n1.5,1,1,True,True,2011-01-01,a,0x1\n2, 2,,false,,2011-01-02,,0x2\n"
    )
    found = columns(learned(tmp_path, content))
    assert {name: (one.type, one.dtype) for name, one in found.items()} == {
        "n": ("number", "float64"),
        "i": ("integer", "int64"),
        "gap": ("number", "float64"),
        "flag": ("boolean", "bool"),
        "some": ("boolean", "object"),
        "day": ("string", "object"),
        "text": ("string", "object"),
        "hex": ("string", "object"),
    }
    assert found["gap"].values == (1.0, None)
    assert found["some"].values == (True, None)
    assert found["text"].learned.missing == 0.5


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    moments = [datetime(2011, 1, 1, tzinfo=UTC), None, datetime(2011, 1, 3, 4, 5, 6, 700, tzinfo=UTC)]
    table = pa.table(
        {
            "at": pa.array(moments, pa.timestamp("us", "UTC")),
            "local": pa.array([None if one is None else one.replace(tzinfo=None) for one in moments]),
            "kind": pa.array(["a", "b", "a"]).dictionary_encode(),
            "small": pa.array([1, 2, 3], pa.int8()),
            "gaps": pa.array([1, None, 3], pa.int8()),
            "single": pa.array([0.5, None, 1.5], pa.float32()),
            "list": pa.array([[1], [2], [3]]),
        }
    )
    file = tmp_path / "rows"
    pq.write_table(table, file)
    found = columns(learn(Request(path=str(file), format="parquet", most=10)))
    assert (found["at"].type, found["at"].dtype) == ("datetime", "datetime64[us, UTC]")
    assert found["at"].values == ("2011-01-01T00:00:00Z", None, "2011-01-03T04:05:06.000700Z")
    assert (found["local"].type, found["local"].dtype) == ("datetime", "datetime64[us]")
    assert found["local"].learned.maximum == "2011-01-03T04:05:06.000700Z"
    assert (found["kind"].type, found["kind"].dtype) == ("string", "category")
    assert (found["small"].type, found["small"].dtype) == ("integer", "int8")
    assert (found["gaps"].type, found["gaps"].dtype) == ("number", "float64")
    assert (found["single"].type, found["single"].dtype) == ("number", "float32")
    assert found["list"].type is None
    assert "list" in found["list"].dtype


def test_an_index_that_pandas_wrote_is_no_column(tmp_path: Path) -> None:
    pd = pytest.importorskip("pandas")
    file = tmp_path / "rows"
    pd.DataFrame({"a": [1, 2]}, index=[7, 9]).to_parquet(file)
    assert list(columns(learn(Request(path=str(file), format="parquet", most=10)))) == ["a"]


def test_json_lines_have_no_dates_and_may_leave_keys_out(tmp_path: Path) -> None:
    content = b'{"a": 1, "day": "2011-01-01"}\n{"a": 2.5, "day": "2011-01-02", "late": true}\n'
    found = columns(learned(tmp_path, content, "jsonl"))
    assert (found["day"].type, found["day"].values) == ("string", ("2011-01-01", "2011-01-02"))
    assert found["a"].values == (1.0, 2.5)
    assert found["late"].values == (None, True)


def test_facts_are_over_all_rows_and_values_of_a_sample(tmp_path: Path) -> None:
    rows = "".join(f"{number},{'ab'[number % 3 == 0]}\n" for number in range(100))
    found = learned(tmp_path, f"n,c\n{rows}".encode())
    by_name = columns(found)
    assert (found.rows, found.cut, found.sample) == (100, False, (0, 1, 2, 51))
    assert by_name["n"].values == (0, 1, 2, 51)
    assert (by_name["n"].learned.minimum, by_name["n"].learned.maximum) == (0, 99)
    assert by_name["n"].learned.distinct == 100
    assert by_name["c"].learned.categories == ("a", "b")


def test_categories_and_distinct_values_are_capped(tmp_path: Path) -> None:
    rows = "".join(f"t{number}\n" for number in range(1500))
    column = learned(tmp_path, f"c\n{rows}".encode(), most=10_000).columns[0]
    assert (len(column.learned.categories), column.learned.distinct) == (100, 1000)


def test_rows_beyond_the_cap_are_left_out(tmp_path: Path) -> None:
    found = learned(tmp_path, b"a\n1\n2\n3\n", most=2)
    assert (found.rows, found.cut, found.columns[0].learned.maximum) == (2, True, 2)


def test_rows_with_infinite_numbers_are_not_tried(tmp_path: Path) -> None:
    found = learned(tmp_path, b"a,b\n1,1\ninf,2\n3,3\n4,4\n")
    assert found.sample == (0, 2, 3)
    assert found.columns[0].values == (1.0, 3.0, 4.0)
    assert found.columns[0].learned.maximum == 4.0


def test_integers_that_json_cannot_carry_are_told(tmp_path: Path) -> None:
    found = columns(learned(tmp_path, f"big,small\n{2**53 + 1},1\n1,2\n".encode()))
    assert beyond_exact(found["big"])
    assert not beyond_exact(found["small"])


@pytest.mark.parametrize(
    ("content", "form", "said"),
    [
        (b"", "csv", "no rows"),
        (b"a,b\n", "csv", "no rows"),
        (b"a,b\n1,2\n3\n", "csv", "Row 3 of the data has 1 values where the header has 2"),
        (b"a,a\n1,2\n", "csv", "Two columns of the data are named 'a'"),
        ("a,b\n1,é\n".encode("latin-1"), "csv", "not UTF-8"),
        ("é,b\n1,2\n".encode("latin-1"), "csv", "not UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "csv", "UTF-16"),
        (b"a;b\n1;2\n", "csv", "separated by something else"),
        (b"", "jsonl", "no rows"),
        (b"[1, 2]", "jsonl", "cannot be read as jsonl"),
        (b'{"a": 1}\n{"a": "x"}\n', "jsonl", "cannot be read as jsonl"),
        (b'{"a": 1}\n{"a": ', "jsonl", "cannot be read as jsonl"),
        (b"PAR1 and then nothing", "parquet", "cannot be read as parquet"),
        (b"", "parquet", "cannot be read as parquet"),
    ],
)
def test_a_bad_file_is_told_what_is_wrong(
    tmp_path: Path, content: bytes, form: TableFormat, said: str
) -> None:
    with pytest.raises(DataInvalid) as caught:
        learned(tmp_path, content, form)
    assert said in caught.value.message
    assert caught.value.hint


def test_a_file_is_read_in_another_process(tmp_path: Path) -> None:
    file = tmp_path / "rows"
    file.write_bytes(b"a,b\n1,x\n2,y\n")
    found = asyncio.run(survey(Request(path=str(file), format="csv", most=10), 60))
    assert found == learn(Request(path=str(file), format="csv", most=10))


def test_what_is_wrong_comes_back_from_the_other_process(tmp_path: Path) -> None:
    file = tmp_path / "rows"
    file.write_bytes(b"a,a\n1,2\n")
    with pytest.raises(DataInvalid, match="named 'a'"):
        asyncio.run(survey(Request(path=str(file), format="csv", most=10), 60))


def test_a_file_that_is_not_there_is_refused_as_data(tmp_path: Path) -> None:
    missing = Request(path=str(tmp_path / "none"), format="csv", most=10)
    with pytest.raises(DataInvalid):
        asyncio.run(survey(missing, 60))


@pytest.mark.parametrize(
    ("rows", "first", "spread"), [(1, 0, 5), (7, 3, 2), (400, 200, 200), (401, 200, 200)]
)
def test_positions_increase_and_stay_inside(rows: int, first: int, spread: int) -> None:
    found = spread_positions(rows, first, spread)
    assert found == sorted(set(found))
    assert found[-1] < rows
    assert len(found) == min(rows, min(first, rows) + spread)
