"""Drift and quality of a running platform: real rows, real profiles, asked for by command and over HTTP."""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from tests.http.platform.server import Server, eventually

MODEL = """
class Model:
    def predict(self, rows):
        return [{"spend": 2 * (row["income"] or 0)} for row in rows]
"""


def rows(count: int, seed: int, **others: Any) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    return [
        {
            "income": round(draw.gauss(4, 1), 4),
            "plan": draw.choice(["basic", "basic", "pro"]),
            "city": draw.choice(["Bern", "Rome"]),
            **others,
        }
        for _ in range(count)
    ]


def send(server: Server, sent: list[dict[str, Any]]) -> None:
    for start in range(0, len(sent), 500):
        status, answer = server.call("POST", "/v1/deployments/spend/predict", sent[start : start + 500])
        assert status == 200, answer


@pytest.fixture(scope="module")
def spending(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A deployment with a reference of 2,000 rows, which was sent 1,500 like these and a wrong one."""
    server = Server(tmp_path_factory.mktemp("monitoring"))
    server.start()
    try:
        deploy(server)
        send(server, rows(1500, seed=2))
        assert server.call("POST", "/v1/deployments/spend/predict", {"income": "much"})[0] == 422
        yield server
    finally:
        server.stop()


def deploy(server: Server) -> None:
    (server.work / "model.py").write_text(MODEL)
    given = rows(2000, seed=1)
    lines = [",".join(given[0]), *(",".join(map(str, row.values())) for row in given)]
    (server.work / "rows.csv").write_text("\n".join(lines) + "\n")
    done = server.run("deploy", "spend", "model.py", "--data", "rows.csv", "--segment", "city", "--yes")
    assert done.returncode == 0, done.stderr
    eventually(lambda: bool(version(server)["reference"].get("profile")), "the version has a reference")


def version(server: Server) -> Any:
    return server.call("GET", "/v1/deployments/spend/versions/1")[1]


def asked(server: Server, *words: str) -> Any:
    done = server.run(*words, "--json", "--quiet")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_rows_like_the_reference_are_stable(spending: Server) -> None:
    (window,) = asked(spending, "drift", "spend")["windows"]
    assert (window["verdict"], window["rows"], window["guilty"]) == ("stable", 1500, [])
    assert {one["column"] for one in window["columns"]} >= {"features.income", "features.plan"}
    assert window["reference"] == "data"


def test_by_segment_each_slice_has_a_window(spending: Server) -> None:
    windows = asked(spending, "drift", "spend", "--by", "segment:city")["windows"]
    assert [one["segment"]["value"] for one in windows] == ["Bern", "Rome"]
    assert sum(one["rows"] for one in windows) == 1500
    assert all(one["verdict"] == "stable" for one in windows)
    assert "features.city" not in [column["column"] for one in windows for column in one["columns"]]
    (bern,) = asked(spending, "drift", "spend", "--segment", "city=Bern")["windows"]
    assert bern["rows"] == windows[0]["rows"]


def test_quality_counts_refused_requests_and_finds_nothing_else(spending: Server) -> None:
    (window,) = asked(spending, "quality", "spend")["windows"]
    assert window["rejected"] == {"rows_invalid": 1}
    assert window["state"] == "ok"
    assert {one["kind"] for one in window["findings"]} >= {"rejected", "repeated", "volume"}


def test_by_version_and_window_there_is_a_line_each(spending: Server) -> None:
    found = asked(spending, "quality", "spend", "--by", "version", "--window", "1h")["windows"]
    assert {one["version"] for one in found} == {1}
    assert sum(one["rows"] for one in found) == 1500


def test_what_cannot_be_meant_is_refused(spending: Server) -> None:
    for query in (
        "by=hour",
        "by=segment:plan",
        "window=3",
        "from=2020-01-01T00:00:00Z&window=1h",
        "segment=plan",
    ):
        assert spending.call("GET", f"/v1/deployments/spend/drift?{query}")[0] == 422, query
    assert spending.call("GET", "/v1/deployments/spend/drift?version=9")[0] == 404
    assert spending.call("GET", "/v1/deployments/none/quality")[0] == 404
    assert spending.call("GET", "/v1/deployments/spend/quality", key="")[0] == 401


def test_drift_and_faults_are_found_and_named(spending: Server) -> None:
    send(spending, rows(1500, seed=3, plan="gold"))
    (drift,) = asked(spending, "drift", "spend")["windows"]
    assert (drift["verdict"], drift["cause"]) == ("drift", "data fault")
    assert drift["guilty"][0] == "features.plan"
    (quality,) = asked(spending, "quality", "spend")["windows"]
    found = {(one["kind"], one["column"]) for one in quality["findings"] if one["state"] == "problem"}
    assert ("unseen", "features.plan") in found


def test_a_classifier_tells_the_window_by_the_column_that_changed(spending: Server) -> None:
    found = asked(spending, "drift", "spend", "--multivariate")
    assert (found["verdict"], found["reference"], found["rows"]) == ("drift", "data", 3000)
    assert found["low"] > 0.55
    assert found["columns"][0]["column"] == "features.plan"
    assert 100 <= found["used"] <= found["rows"]
    (bern,) = asked(spending, "drift", "spend", "--segment", "city=Bern")["windows"]
    of_slice = asked(spending, "drift", "spend", "--multivariate", "--segment", "city=Bern")
    assert of_slice["rows"] == bern["rows"]
    assert "features.city" not in [one["column"] for one in of_slice["columns"]]


def test_a_classifier_is_about_one_window(spending: Server) -> None:
    assert spending.run("drift", "spend", "--multivariate", "--by", "version").returncode == 2
    assert spending.call("GET", "/v1/deployments/spend/drift/multivariate?window=1h")[0] == 422
    assert spending.call("GET", "/v1/deployments/none/drift/multivariate")[0] == 404
