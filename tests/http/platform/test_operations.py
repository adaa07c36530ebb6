"""Operations of a running platform: traffic, resources, KPIs, models' logs, and logs for Elasticsearch."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from tests.http.platform.server import KONAN, PATIENCE, Server, eventually

MODEL = """
import sys


class Model:
    def predict(self, rows):
        for row in rows:
            print("asked for", row["x"], flush=True)
            if row["x"] < 0:
                print("ERROR: x is below zero", file=sys.stderr, flush=True)
                raise ValueError("below zero")
        return [{"twice": 2 * row["x"]} for row in rows]
"""


@pytest.fixture(scope="module")
def operated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A deployment that was asked for 21 predictions in 12 requests, of which two went wrong."""
    server = Server(tmp_path_factory.mktemp("operations"))
    server.configure(log_format="ecs")
    server.start()
    try:
        (server.work / "model.py").write_text(MODEL)
        (server.work / "rows.csv").write_text("x\n1.0\n2.5\n3.5\n")
        done = server.run("deploy", "loud", "model.py", "--data", "rows.csv", "--yes")
        assert done.returncode == 0, done.stderr
        path = "/v1/deployments/loud/predict"
        for number in range(10):
            assert server.call("POST", path, [{"x": number + 0.5}, {"x": number + 0.25}])[0] == 200
        assert server.call("POST", path, {"x": "many"})[0] == 422
        assert server.call("POST", path, {"x": -1})[0] == 502
        yield server
    finally:
        server.stop()


def asked(server: Server, *words: str) -> Any:
    done = server.run(*words, "--json", "--quiet")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_traffic_tells_requests_errors_and_latency(operated: Server) -> None:
    eventually(lambda: asked(operated, "traffic", "loud")["windows"][0]["requests"] == 12, "all are counted")
    (window,) = asked(operated, "traffic", "loud")["windows"]
    assert window["predictions"] == 20
    assert {one["code"]: one["kind"] for one in window["errors"]} == {
        "model_failed": "model",
        "rows_invalid": "caller",
    }
    assert 0 < window["latency"]["p50"] <= window["latency"]["p99"] <= window["latency"]["most"]
    told = operated.run("traffic", "loud")
    assert "requests     12" in told.stdout
    (first,) = asked(operated, "traffic", "loud", "--version", "1")["windows"]
    assert first["version"] == 1


def test_resources_are_sampled_and_kept(operated: Server) -> None:
    def processes() -> set[str]:
        return {one["process"] for one in asked(operated, "resources", "--window", "1h")["windows"]}

    eventually(lambda: "worker loud v1 #1" in processes(), "a minute was sampled", patience=3 * PATIENCE)
    assert processes() >= {"platform", "machine", "control", "gateway-0", "jobs"}
    found = asked(operated, "resources", "loud")["windows"]
    assert {one["process"] for one in found} == {"worker loud v1 #1"}
    assert found[0]["memory"] > 2**20
    assert operated.run("resources").stdout.startswith(str(asked(operated, "resources")["processors"]))


def test_kpis_are_sent_and_shown(operated: Server) -> None:
    assert asked(operated, "kpi", "send", "loud", "revenue", "12.5", "--version", "1") == {"stored": 1}
    (kpi,) = asked(operated, "kpi", "list", "loud")["kpis"]
    assert (kpi["name"], kpi["last"]) == ("revenue", 12.5)
    (window,) = asked(operated, "kpi", "show", "loud", "revenue")["windows"]
    assert (window["version"], window["sum"]) == (1, 12.5)
    assert operated.run("kpi", "send", "loud", "no name", "1").returncode == 2


def test_what_a_model_wrote_is_searched_and_followed(operated: Server) -> None:
    assert "asked for 9.25" in asked(operated, "logs", "loud")["lines"]
    errors = asked(operated, "logs", "loud", "--level", "error", "--since", "1h")["entries"]
    assert "ERROR: x is below zero" in [one["text"] for one in errors]
    assert all(one["at"] for one in errors)
    assert asked(operated, "logs", "loud", "--grep", "FOR 9.25")["lines"] == ["asked for 9.25"]
    following = subprocess.Popen(
        [KONAN, "logs", "loud", "--follow", "--lines", "1"],
        env=operated.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert following.stdout is not None
        following.stdout.readline()  # the newest line by now
        assert operated.call("POST", "/v1/deployments/loud/predict", {"x": 77.5})[0] == 200
        assert following.stdout.readline() == "asked for 77.5\n"
    finally:
        following.kill()
        following.communicate()


def test_all_processes_log_as_elasticsearch_takes_it(operated: Server) -> None:
    files = [operated.data / "logs" / f"{name}.log" for name in ("supervisor", "control", "gateway-0")]
    lines = [json.loads(line) for path in files for line in path.read_text().splitlines()]
    assert {line["process.name"] for line in lines} >= {"gateway-0", "supervisor"}
    assert all(line.keys() >= {"@timestamp", "log.level", "message", "ecs.version"} for line in lines)
