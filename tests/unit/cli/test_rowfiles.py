"""Files of rows get the schema's types, part by part."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from konan.cli.rowfiles import MISSING, count, read, shaped, typed, types_of
from konan.errors import DataInvalid, Usage
from konan.records.schema import Feature, FeatureType, Schema

SCHEMA = Schema(
    features=(
        Feature(name="hour", type="integer"),
        Feature(name="temperature", type="number"),
        Feature(name="holiday", type="boolean"),
        Feature(name="weather", type="string"),
    ),
    extra=("station",),
)


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [dict(row) for row in shaped(read(path), types_of(SCHEMA), lambda _: None)]


def test_a_csv_gets_the_schemas_types(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(
        "﻿hour,temperature,holiday,weather,count,station\n8.0,,TRUE,clear,5,7\n9,1e1,false,NA,6,\n"
    )
    told: list[list[str]] = []
    found = list(shaped(read(path), types_of(SCHEMA), told.append))
    assert found == [
        {"hour": 8, "temperature": None, "holiday": True, "weather": "clear", "station": "7"},
        {"hour": 9, "temperature": 10.0, "holiday": False, "weather": None, "station": None},
    ]
    assert told == [["count"]]
    assert count(path) == 2


def test_parquet_and_json_lines_give_the_same_rows(tmp_path: Path) -> None:
    frame = pd.DataFrame({"hour": [8, 9], "weather": ["clear", None], "count": [1, 2]})
    frame.to_parquet(tmp_path / "rows.parquet")
    frame.to_json(tmp_path / "rows.jsonl", orient="records", lines=True)
    expected = [{"hour": 8, "weather": "clear"}, {"hour": 9, "weather": None}]
    assert rows_of(tmp_path / "rows.parquet") == rows_of(tmp_path / "rows.jsonl") == expected


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("eight", "integer"),
        ("8.5", "integer"),
        ("inf", "integer"),
        ("warm", "number"),
        ("yes", "boolean"),
        ("1", "boolean"),
    ],
)
def test_a_text_of_another_type_names_row_and_column(text: str, kind: FeatureType) -> None:
    with pytest.raises(DataInvalid, match="Row 3 has a text in column hour"):
        typed(text, kind, "hour", 3)


def test_missing_texts_are_those_of_pandas() -> None:
    from pandas._libs.parsers import STR_NA_VALUES

    assert MISSING == STR_NA_VALUES


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("rows.csv", b"a,b\n1,2,3\n"),
        ("rows.csv", b"a\n\xff\n"),
        ("rows.csv", b'a\n"' + b"x" * 200_000 + b'"\n'),
        ("rows.jsonl", b'{"a": 1}\n[1]\n'),
        ("rows.jsonl", b'{"a": NaN}\n'),
        ("rows.jsonl", b"\xff\n"),
        ("rows.parquet", b"PAR1 no PAR1"),
        ("rows.parquet", b""),
    ],
)
def test_a_file_that_is_not_what_its_suffix_says_is_refused(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataInvalid, match=r"rows\."):
        list(read(tmp_path / name))


def test_an_unknown_suffix_is_usage(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="suffix"):
        read(tmp_path / "rows.xlsx")


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_an_empty_file_has_no_rows(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    assert list(read(tmp_path / name)) == []
