"""``konan predict``: one row or a file, in every form of answer."""

import csv
import io
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.unit.cli.conftest import Konan, Script

FEATURES = [{"name": "hour", "type": "integer"}, {"name": "weather", "type": "string"}]
ROW = {"hour": {"type": "integer"}, "weather": {"type": ["string", "null"]}}
DOCUMENT = {"components": {"schemas": {"Row": {"properties": ROW}}}}
VERSION = {
    "uuid": "v",
    "deployment": "bikes",
    "version": 3,
    "state": "live",
    "created_at": "x",
    "flavor": "sklearn",
    "schema": {"features": FEATURES},
}


def answered(*outputs: Any) -> dict[str, Any]:
    return {"predictions": [{"id": f"p{n}", "version": 3, "output": out} for n, out in enumerate(outputs)]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("hour,weather,count\n8,clear,5\n9,,6\n")
    return path


@pytest.fixture
def bikes(server: Script) -> Script:
    server.answer(DOCUMENT)
    return server


def test_a_row_is_sent_as_it_is_and_answered_as_json(server: Script, konan: Konan) -> None:
    one = {"id": "p0", "deployment": "bikes", "version": 3, "output": {"value": 1.5}}
    server.answer(one)
    done = konan("predict", "bikes", "--row", '{"hour": 8}', "--version", "3", "--url", server.url)
    assert (done.code, done.json, done.err) == (0, one, "")
    assert server.asked[0].target.endswith("/predict?version=3")
    assert server.asked[0].json == {"hour": 8}


@pytest.mark.parametrize("row", ["{", "[1]", '"x"', '{"x": NaN}', ""])
def test_a_row_that_is_no_object_is_refused_before_it_is_sent(konan: Konan, row: str) -> None:
    done = konan("predict", "bikes", "--row", row, "--json")
    assert (done.code, done.json["error"]["code"]) == (2, "json_malformed")


@pytest.mark.parametrize("words", [[], ["--row", "{}", "--file", __file__]])
def test_exactly_one_source_of_rows_is_needed(konan: Konan, words: list[str]) -> None:
    assert konan("predict", "bikes", *words).code == 2


@pytest.mark.parametrize("flag", [[], ["--json"], ["--output", "jsonl"]])
def test_a_file_is_answered_as_json_lines_unless_told_otherwise(
    bikes: Script, konan: Konan, file: Path, flag: list[str]
) -> None:
    bikes.answer(answered({"value": 1.5}, {"value": 2.5}))
    done = konan("predict", "bikes", "--file", file, "--url", bikes.url, *flag)
    assert done.code == 0
    assert [line["output"]["value"] for line in done.lines] == [1.5, 2.5]
    assert set(done.lines[0]) == {"id", "deployment", "version", "output"}
    assert done.err == "note: left out count\n2 rows answered.\n"
    assert bikes.asked[1].json == [{"hour": 8, "weather": "clear"}, {"hour": 9, "weather": None}]


def test_a_table_is_aligned(bikes: Script, konan: Konan, file: Path) -> None:
    bikes.answer(answered({"value": 1.5}, {"value": 12.25}))
    done = konan("predict", "bikes", "--file", file, "--url", bikes.url, "--output", "table", "--quiet")
    assert done.out == "id  version  value\np0        3    1.5\np1        3  12.25\n"
    assert done.err == ""


def test_csv_flattens_probabilities(bikes: Script, konan: Konan, file: Path) -> None:
    output = {"label": "a", "probabilities": {"a": 0.75, "b": 0.25}}
    bikes.answer(answered(output, output))
    done = konan("predict", "bikes", "--file", file, "--url", bikes.url, "--output", "csv")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert rows[1] == {
        "id": "p1",
        "version": "3",
        "label": "a",
        "probability a": "0.75",
        "probability b": "0.25",
    }


def test_parquet_is_written_by_the_files_suffix(
    bikes: Script, konan: Konan, file: Path, tmp_path: Path
) -> None:
    bikes.answer(answered({"value": 1.5}, {"value": 2.5}))
    done = konan("predict", "bikes", "--file", file, "--url", bikes.url, "--to", tmp_path / "out.parquet")
    assert (done.code, done.out) == (0, "")
    assert pq.read_table(tmp_path / "out.parquet").column("value").to_pylist() == [1.5, 2.5]


def test_an_error_half_way_leaves_what_was_there(
    server: Script, konan: Konan, file: Path, tmp_path: Path
) -> None:
    server.answer(DOCUMENT)
    server.answer({"code": "model_failed", "detail": "It raised."}, 502)
    (tmp_path / "out.csv").write_text("before")
    done = konan("predict", "bikes", "--file", file, "--url", server.url, "--to", tmp_path / "out.csv")
    assert done.code == 1
    assert (tmp_path / "out.csv").read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "rows.csv"]


def test_how_many_rows_were_answered_before_an_error_is_told(
    bikes: Script, konan: Konan, tmp_path: Path
) -> None:
    (tmp_path / "rows.csv").write_text("hour,weather\n" + "8,clear\n" * 1500)
    bikes.answer(answered(*[1.5] * 1000))
    bikes.answer({"code": "model_failed", "detail": "It raised."}, 502)
    done = konan("predict", "bikes", "--file", tmp_path / "rows.csv", "--url", bikes.url)
    assert (done.code, len(done.lines)) == (1, 1000)
    assert "1000 rows were answered before that, and are logged." in done.err


def test_only_the_first_faults_are_shown_to_people(bikes: Script, konan: Konan, file: Path) -> None:
    faults = [{"pointer": f"/{row}/hour", "code": "missing", "message": "Missing."} for row in range(100)]
    for _ in range(2):
        bikes.answer({"code": "rows_invalid", "detail": "No.", "faults": faults}, 422)
    done = konan("predict", "bikes", "--file", file, "--url", bikes.url)
    assert done.err.count("Missing.") == 10
    assert "… and 90 more" in done.err


def test_csv_with_semicolons_is_refused_before_it_is_sent(
    bikes: Script, konan: Konan, tmp_path: Path
) -> None:
    (tmp_path / "semi.csv").write_text("hour;weather\n8;clear\n")
    done = konan("predict", "bikes", "--file", tmp_path / "semi.csv", "--url", bikes.url)
    assert (done.code, len(bikes.asked)) == (2, 1)
    assert "commas" in done.err


def test_a_file_without_rows_asks_nothing(bikes: Script, konan: Konan, tmp_path: Path) -> None:
    (tmp_path / "none.csv").write_text("hour,weather\n")
    done = konan("predict", "bikes", "--file", tmp_path / "none.csv", "--url", bikes.url)
    assert (done.code, done.out, done.err) == (0, "", "none.csv holds no rows.\n")


def test_another_version_is_asked_in_its_own_types(server: Script, konan: Konan, file: Path) -> None:
    server.answer(VERSION)
    server.answer(answered({"value": 1.5}, {"value": 2.5}))
    done = konan("predict", "bikes", "--file", file, "--url", server.url, "--version", "3")
    assert done.code == 0
    assert [asked.target for asked in server.asked] == [
        "/v1/deployments/bikes/versions/3",
        "/v1/deployments/bikes/predict?version=3",
    ]


def test_a_version_without_a_schema_is_not_ready(server: Script, konan: Konan, file: Path) -> None:
    server.answer({**VERSION, "state": "building", "schema": None})
    done = konan("predict", "bikes", "--file", file, "--url", server.url, "--version", "3", "--json")
    assert (done.code, done.json["error"]["code"]) == (6, "not_ready")
