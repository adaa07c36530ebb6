"""The prediction log on the whole platform: there at once, and still there after everything was killed."""

import json
import os
import signal

from tests.http.platform.server import Server, eventually


def listed(server: Server) -> list[float]:
    status, page = server.call("GET", "/v1/deployments/twice/predictions?limit=1000")
    assert status == 200
    return [one["features"]["x"] for one in page["predictions"]]


def test_a_prediction_is_listed_as_soon_as_it_is_answered(running: Server) -> None:
    status, answer = running.predict("twice", 4.25)
    assert status == 200
    status, page = running.call("GET", "/v1/deployments/twice/predictions?limit=1")
    shown = page["predictions"][0]
    assert (status, shown["id"], shown["features"]) == (200, answer["id"], {"x": 4.25})
    assert shown["output"] == answer["output"]
    assert running.call("GET", f"/v1/deployments/twice/predictions/{answer['id']}")[1] == shown


def test_the_log_is_asked_in_sql(running: Server) -> None:
    assert running.predict("twice", 77.0)[0] == 200
    query = {"query": "SELECT x, output FROM twice WHERE x = 77"}
    status, answer = running.call("POST", "/v1/sql", query)
    assert (status, answer["rows"][0][0]) == (200, 77.0)
    assert json.loads(answer["rows"][0][1]) == {"twice": 154.0}


def test_the_command_line_reads_the_log(running: Server) -> None:
    status, answer = running.predict("twice", 5.5)
    assert status == 200
    found = running.run("prediction", "list", "twice", "--where", "x>=5.5", "--where", "x<=5.5", "--json")
    assert json.loads(found.stdout)["predictions"][0]["id"] == answer["id"]
    shown = running.run("prediction", "show", "twice", answer["id"], "--json")
    assert json.loads(shown.stdout)["features"] == {"x": 5.5}
    asked = running.run("sql", "SELECT count(*) AS n FROM twice WHERE x = 5.5", "--json")
    assert json.loads(asked.stdout)["rows"] == [[1]]
    written = running.run("prediction", "export", "twice", "log.parquet")
    assert (written.returncode, (running.work / "log.parquet").read_bytes()[:4]) == (0, b"PAR1")


def test_the_log_outlives_control_and_gateways(server: Server) -> None:
    server.configure(flush_rows=5, segment_bytes=65536)
    server.start()
    server.deploy("twice")
    for x in range(12):
        assert server.predict("twice", float(x))[0] == 200
    pids = server.pids()
    for name in ("control", "gateway-0"):
        os.kill(pids[name], signal.SIGKILL)
    eventually(lambda: server.predict("twice", 100.0)[0] == 200, "it serves again")
    path = "/v1/deployments/twice/predictions"
    eventually(lambda: server.call("GET", path)[0] == 200, "control is back")
    server.pids()
    found = listed(server)
    assert sorted(set(found)) == [*map(float, range(12)), 100.0]
    assert [one for one in found if one < 100] == [*map(float, reversed(range(12)))]
