"""The bundled data set is what its README says."""

import csv
import gzip
from importlib import resources
from pathlib import Path

import pytest

from konan.demo.prepare import COLUMNS, prepared, write
from konan.errors import DataInvalid

ORIGINAL = {
    "dteday": "2012-11-05",
    "season": "winter",
    "hr": "6am",
    "holiday": "No",
    "weekday": "",
    "workingday": "Yes",
    "weathersit": "Light Rain",
    "temp": "6.1",
    "atemp": "3.0014000000000003",
    "hum": "57.99999999999999",
    "windspeed": "19.0012",
    "casual": "4",
    "registered": "135",
    "cnt": "139",
}


def bundled() -> list[dict[str, str]]:
    data = resources.files("konan.demo").joinpath("bikes.csv.gz").read_bytes()
    return list(csv.DictReader(gzip.decompress(data).decode().splitlines()))


def test_a_row_is_cleaned() -> None:
    assert next(prepared([ORIGINAL])) == {
        "date": "2012-11-05",
        "season": "fall",
        "hour": 6,
        "holiday": "false",
        "weekday": "Mon",
        "workingday": "true",
        "weather": "light rain",
        "temperature": 6.1,
        "feels_like": 3.0,
        "humidity": 58,
        "windspeed": 19.0,
        "count": 139,
    }


def test_a_weekday_that_contradicts_its_date_is_refused() -> None:
    with pytest.raises(DataInvalid, match="is a Mon"):
        list(prepared([{**ORIGINAL, "weekday": "Tue"}]))


def test_the_bundled_file_is_whole_sorted_and_has_the_documented_columns() -> None:
    rows = bundled()
    assert len(rows) == 17_379
    assert tuple(rows[0]) == COLUMNS
    moments = [(row["date"], int(row["hour"])) for row in rows]
    assert moments == sorted(set(moments))
    assert sum(row["weather"] == "" for row in rows) == 1_258
    assert sum(int(row["count"]) for row in rows) == 3_292_679


def test_writing_sorts_and_repeats_byte_for_byte(tmp_path: Path) -> None:
    rows = list(prepared([{**ORIGINAL, "hr": "7am"}, ORIGINAL]))
    assert write(rows, tmp_path / "one.gz") == 2
    write(reversed(rows), tmp_path / "two.gz")
    assert (tmp_path / "one.gz").read_bytes() == (tmp_path / "two.gz").read_bytes()
    lines = gzip.decompress((tmp_path / "one.gz").read_bytes()).decode().splitlines()
    assert [line.split(",")[2] for line in lines] == ["hour", "6", "7"]
