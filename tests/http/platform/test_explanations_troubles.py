"""Explanations on a running platform where there is little to compare with, or the model misbehaves."""

import json
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from tests.http.platform.load import Load
from tests.http.platform.server import PATIENCE, Server, alive, eventually

ASK = "/v1/explanations"
MODEL = """
import os


class Model:
    def predict(self, rows):
        return [self.one(row["x"], row["y"]) for row in rows]

    def one(self, x, y):
        if x == 1 and y != 1:
            raise ValueError("no such row")
        if x == 2 and y != 2:
            os.abort()
        if x == 3 and y != 3:
            return "many"
        if x == 4 and y != 4:
            while True:
                pass
        return {"sum": x + y}
"""
PERSONS = """
class Model:
    def predict(self, rows):
        return [{"risk": row["age"] + len(row["name"])} for row in rows]
"""


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A deployment whose model answers rows that exist, and does all sorts of things with mixed ones."""
    server = Server(tmp_path_factory.mktemp("troubles"))
    server.start()
    try:
        put(server, "moody", MODEL, "x,y\n" + "".join(f"{n}.0,{n}.0\n" for n in range(5, 15)))
        put(server, "persons", PERSONS, "age,name\n41.0,Anna\n7.0,Bo\n", "--mask", "name")
        server.deploy("twice")
        yield server
    finally:
        server.stop()


def put(server: Server, name: str, model: str, rows: str, *flags: str) -> None:
    (server.work / "model.py").write_text(model)
    (server.work / "rows.csv").write_text(rows)
    done = server.run("deploy", name, "model.py", "--data", "rows.csv", *flags, "--yes")
    assert done.returncode == 0, done.stderr


def asked(server: Server, number: float) -> tuple[int, Any]:
    """Have a row explained that is mixed with others; the model does what the number says."""
    return server.call("POST", ASK, {"deployment": "moody", "row": {"x": number, "y": number}})


def beside(server: Server) -> set[int]:
    """Processes of the platform that it does not list: workers beside the traffic and their launchers."""
    listed = set(server.pids().values())
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and alive(int(entry.name)):
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:  # it has ended in the meantime
                continue
    found: set[int] = set()
    while more := {pid for pid, parent in parents.items() if parent in listed | found} - listed - found:
        found |= more
    return found


@pytest.mark.parametrize(
    ("number", "said"), [(1, "raised ValueError"), (2, "died (SIGABRT)"), (3, "no numbers")]
)
def test_a_model_that_fails_while_it_is_explained_disturbs_nobody(
    troubled: Server, number: int, said: str
) -> None:
    before = beside(troubled)
    worker = troubled.worker("moody v1")
    with Load(troubled, "twice", connections=1) as others:
        others.more()
        status, problem = asked(troubled, number)
        others.more()
    assert (status, said in problem["detail"]) == (502, True), problem
    assert not others.refused
    assert not others.broken
    assert troubled.call("POST", "/v1/deployments/moody/predict", {"x": number, "y": number})[0] == 200
    assert troubled.worker("moody v1") == worker
    eventually(lambda: beside(troubled) <= before, "the worker beside it is gone")


def test_the_largest_effort_is_bounded_by_what_there_is_to_ask(troubled: Server) -> None:
    row = {"x": 8.0, "y": 8.0}
    status, found = troubled.call(
        "POST", ASK, {"deployment": "moody", "row": row, "rows": 1000, "evaluations": 1_000_000}
    )
    assert (status, found["method"], found["evaluations"] < 100) == (200, "exact", True)
    for effort in ({"evaluations": 10**9}, {"evaluations": 1}, {"rows": 0}, {"seed": -1}, {"more": 1}):
        assert troubled.call("POST", ASK, {"deployment": "moody", "row": row, **effort})[0] == 422
    assert troubled.call("GET", "/v1/deployments/moody/importance?evaluations=1000001")[0] == 422


def test_background_rows_that_do_not_fit_are_refused(troubled: Server) -> None:
    row = {"x": 8.0, "y": 8.0}
    backgrounds: list[Any] = [[], [{"x": 1}], [{**row, "z": 1}], [{**row, "x": "1"}], [1], [row] * 1001]
    for background in backgrounds:
        status, _ = troubled.call("POST", ASK, {"deployment": "moody", "row": row, "background": background})
        assert status == 422, background


@pytest.mark.parametrize("strange", ["", "0", "%00", "a\0b", "../..", "'--", "\ud800", "x" * 300, 7, None])
def test_a_strange_id_is_of_no_prediction(troubled: Server, strange: object) -> None:
    status, problem = troubled.call("POST", ASK, {"prediction_id": strange})
    assert status in {400, 404, 422}, problem


def test_a_key_for_others_does_not_see_the_prediction(troubled: Server) -> None:
    _, answer = troubled.predict("twice", 3.0)
    made = troubled.run("key", "create", "--scope", "read", "--deployment", "moody", "--json", "--quiet")
    key = json.loads(made.stdout)["key"]
    for named in ({}, {"deployment": "twice"}, {"deployment": "moody"}):
        assert troubled.call("POST", ASK, {"prediction_id": answer["id"], **named}, key=key)[0] == 404
    assert troubled.call("GET", "/v1/deployments/twice/importance", key=key)[0] == 404
    assert troubled.call("POST", ASK, {"prediction_id": answer["id"]})[0] == 200


def test_what_the_log_hides_is_not_explained_from_it(troubled: Server) -> None:
    row = {"age": 30.0, "name": "Carla"}
    _, answer = troubled.call("POST", "/v1/deployments/persons/predict", row)
    status, problem = troubled.call("POST", ASK, {"prediction_id": answer["id"]})
    assert (status, problem["hint"]) == (409, "Give the row itself.")
    assert "name" in problem["detail"]
    path = "/v1/deployments/persons/importance?rows=1"
    eventually(lambda: troubled.call("GET", path)[0] == 409, "the given rows are gone")
    assert "private" in troubled.call("GET", path)[1]["hint"]
    status, problem = troubled.call("POST", ASK, {"deployment": "persons", "row": row})
    assert (status, "background" in problem["hint"]) == (409, True)
    background = [{"age": 20.0, "name": "Bo"}]
    status, found = troubled.call(
        "POST", ASK, {"deployment": "persons", "row": row, "background": background}
    )
    assert (status, found["base"], found["value"]) == (200, 22, 35)


def test_a_hidden_row_stays_hidden_from_a_version_that_hides_nothing(troubled: Server) -> None:
    _, answer = troubled.call("POST", "/v1/deployments/persons/predict", {"age": 30.0, "name": "Carla"})
    put(troubled, "persons", PERSONS, "age,name\n41.0,Anna\n7.0,Bo\n", "--keep", "name")
    status, problem = troubled.call("POST", ASK, {"prediction_id": answer["id"], "version": 2})
    assert (status, problem["hint"]) == (409, "Give the row itself.")


def test_the_log_is_the_background_of_a_version_that_was_given_nothing(troubled: Server) -> None:
    rows = pd.DataFrame({"a": [0.0, 1.0, 2.0, 5.0], "b": [1.0, 0.0, 1.0, 3.0]})
    model = LinearRegression().fit(rows, 3 * rows["a"] - rows["b"])
    joblib.dump(model, troubled.work / "model.joblib")
    done = troubled.run("deploy", "bare", "model.joblib", "--yes")
    assert done.returncode == 0, done.stderr
    assert troubled.call("GET", "/v1/deployments/bare/importance")[0] == 409
    path = "/v1/deployments/bare/predict"
    for a in (1.0, 3.0):
        assert troubled.call("POST", path, {"a": a, "b": 0.0})[0] == 200
    status, found = troubled.call("POST", ASK, {"deployment": "bare", "row": {"a": 5.0, "b": 0.0}})
    assert (status, found["background"], found["background_rows"]) == (200, "log", 2)
    added = {one["feature"]: one["contribution"] for one in found["contributions"]}
    assert added == {"a": pytest.approx(9.0), "b": 0.0}
    assert troubled.call("GET", "/v1/deployments/bare/importance")[1]["background"] == "log"


def test_one_that_hangs_makes_others_wait_and_ends_with_the_platform(server: Server) -> None:
    server.start()
    put(server, "moody", MODEL, "x,y\n" + "".join(f"{n}.0,{n}.0\n" for n in range(5, 15)))
    usual = beside(server)
    with ThreadPoolExecutor(5) as pool:
        questions = [pool.submit(asked, server, 4) for _ in range(5)]
        (early,) = wait(questions, PATIENCE, FIRST_COMPLETED).done
        assert (early.result()[0], early.result()[1]["code"]) == (503, "not_ready")
        eventually(lambda: bool(beside(server) - usual), "a worker is asked")
        hung = beside(server) - usual
        assert server.call("POST", "/v1/deployments/moody/predict", {"x": 4, "y": 4})[0] == 200
        assert server.call("GET", "/v1/deployments/moody")[0] == 200
        server.seen |= hung
        server.stop()
    assert not [pid for pid in hung if alive(pid)]
    assert [one for one in questions if one.exception() or one.result()[0] >= 500] == questions
