"""SQL of users: what it answers, and that it reaches nothing but the caller's own predictions."""

import io
import json
from typing import Any

import httpx
import pyarrow as pa
import pytest
from tests.http.control.rig import Rig
from tests.unit.predictions.logs import entry, rejected, write


def ask(rig: Rig, key: str, query: str, path: str = "/v1/sql", **others: Any) -> httpx.Response:
    return rig.call("POST", path, key, json={"query": query, **others})


def rows(rig: Rig, key: str, query: str) -> list[list[Any]]:
    answer = ask(rig, key, query)
    assert answer.status_code == 200, answer.text
    found: list[list[Any]] = answer.json()["rows"]
    return found


def filled(rig: Rig, key: str, name: str = "bikes", count: int = 4) -> None:
    uuid = rig.live(key, name).uuid
    entries = [
        entry(
            1,
            deployment=uuid,
            body=json.dumps({"x": x}).encode(),
            outputs=[json.dumps({"value": 2.0 * x}).encode()],
        )
        for x in range(count)
    ]
    write(rig.paths.journal, [*entries, rejected(1, deployment=uuid)])


def test_what_was_just_answered_is_there(rig: Rig) -> None:
    key = rig.key()
    filled(rig, key)
    answer = ask(rig, key, "SELECT x, value FROM bikes WHERE x > 1 ORDER BY x").json()
    assert answer == {
        "columns": [{"name": "x", "type": "double"}, {"name": "value", "type": "double"}],
        "rows": [[2.0, 4.0], [3.0, 6.0]],
        "truncated": False,
    }
    assert rows(rig, key, 'SELECT code, status FROM "bikes rejected"') == [["rows_invalid", 422]]
    counted = "SELECT date_trunc('day', predicted_at) AS day, count(*) FROM bikes GROUP BY 1"
    assert [row[1] for row in rows(rig, key, counted)] == [4]


def test_several_deployments_are_joined_and_empty_ones_have_columns(rig: Rig) -> None:
    key = rig.key()
    filled(rig, key)
    filled(rig, key, "cars", 2)
    rig.live(key, "empty")
    assert rows(rig, key, "SELECT count(*) FROM bikes JOIN cars USING (x)") == [[2]]
    assert rows(rig, key, "SELECT count(id) FROM empty") == [[0]]


def test_an_answer_is_cut_at_its_limit(rig: Rig) -> None:
    key = rig.key()
    filled(rig, key)
    assert ask(rig, key, "SELECT x FROM bikes ORDER BY x", rows=2).json()["rows"] == [[0.0], [1.0]]
    assert ask(rig, key, "SELECT x FROM bikes ORDER BY x", rows=2).json()["truncated"] is True
    assert ask(rig, key, "SELECT x FROM bikes", rows=4).json()["truncated"] is False


def test_an_answer_comes_as_arrow_too(rig: Rig) -> None:
    key = rig.key()
    filled(rig, key)
    answer = ask(rig, key, "SELECT x FROM bikes ORDER BY x", "/v1/sql/arrow")
    table = pa.ipc.open_stream(io.BytesIO(answer.content)).read_all()
    assert table["x"].to_pylist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_parquet('/**/*.parquet')",
        "SELECT * FROM glob('/*')",
        "COPY bikes TO '/tmp/stolen'",
        "ATTACH '/tmp/other.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET threads = 8",
        "PRAGMA database_list",
        "CREATE TABLE a AS SELECT 1",
        "DELETE FROM bikes",
        "SELECT 1; SELECT 2",
        "SELECT * FROM table",
        "SELECT * FROM sys",
        "nonsense",
        "SELECT nothing FROM bikes",
    ],
)
def test_only_reading_is_allowed_and_only_of_these_tables(rig: Rig, query: str) -> None:
    key = rig.key()
    filled(rig, key)
    answer = ask(rig, key, query)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), answer.text
    for detail in (str(rig.paths.root), "Traceback", ".py", "root:"):
        assert detail not in answer.text


def test_other_projects_and_deployments_are_not_there(rig: Rig) -> None:
    filled(rig, rig.key())
    strangers = [rig.key(project="p2"), rig.key("read", deployments=("cars",))]
    for stranger in strangers:
        answer = ask(rig, stranger, "SELECT * FROM bikes")
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert ask(rig, rig.key("predict", "feedback"), "SELECT 1").status_code == 403


@pytest.mark.parametrize(
    "form", ["SELECT * FROM bikes", "FROM bikes", "TABLE bikes", "SELECT COLUMNS(*) FROM bikes"]
)
def test_the_truth_is_a_column(rig: Rig, form: str) -> None:
    key = rig.key()
    filled(rig, key)
    ids = [row[0] for row in rows(rig, key, "SELECT id FROM bikes ORDER BY x")]
    for observed, target in (("2026-01-02T00:00:00Z", 7.5), ("2026-01-01T00:00:00Z", 9.0)):
        sent = {"prediction_id": ids[1], "target": target, "observed_at": observed}
        assert rig.call("POST", "/v1/deployments/bikes/feedback", key, json=[sent]).status_code == 200
    assert rows(rig, key, "SELECT x, ground_truth FROM bikes WHERE ground_truth IS NOT NULL") == [
        [1.0, "7.5"]
    ]
    assert rows(rig, key, "SELECT count(*) FROM bikes WHERE ground_truth::DOUBLE > value") == [[1]]
    assert rows(rig, key, "SELECT count(*), count(ground_truth) FROM bikes") == [[4, 1]]
    assert rows(rig, key, "SELECT count(*) FROM bikes") == [[4]]
    answer = ask(rig, key, form).json()
    at = [column["name"] for column in answer["columns"]].index("ground_truth")
    assert sorted(row[at] or "" for row in answer["rows"]) == ["", "", "", "7.5"]
    described = rows(rig, key, "DESCRIBE bikes")
    assert ["ground_truth", "VARCHAR"] in [row[:2] for row in described]
    assert ask(rig, key, 'SELECT ground_truth FROM "bikes rejected"').status_code == 422
