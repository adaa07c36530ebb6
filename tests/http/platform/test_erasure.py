"""One of three people is erased: no byte of them stays, and the others are as they were."""

import json
import os
import random
import signal
import time
from typing import Any

import pytest
from tests.http.platform.persons import NAMES, People, rejected_bodies, traces
from tests.http.platform.server import PATIENCE, Server, eventually

ANNA, BELA, CARLA = NAMES
_QUIET = 5 * PATIENCE
MODEL = """
class Model:
    def predict(self, rows):
        return [{"risk": 2 * row["x"]} for row in rows]
"""


@pytest.fixture
def people(server: Server) -> People:
    server.start()
    (server.work / "model.py").write_text(MODEL)
    (server.work / "rows.csv").write_text("x,who\n1.0,somebody\n2.5,else\n3.5,third\n")
    done = server.run("deploy", "risk", "model.py", "--data", "rows.csv", "--subject", "who", "--yes")
    assert done.returncode == 0, done.stderr
    return People(server)


def erase(server: Server, subject: str) -> dict[str, Any]:
    """Ask for an erasure; gives its record."""
    status, made = server.call("POST", "/v1/erasures", {"subject": subject})
    assert status == 202, made
    return dict(made)


def state(server: Server, erasure_id: str) -> str:
    try:
        status, found = server.call("GET", f"/v1/erasures/{erasure_id}")
    except OSError:
        return "unknown"
    return str(found["state"]) if status == 200 else "unknown"


def finished(server: Server, erasure_id: str) -> None:
    """Wait until an erasure is done, for as long as there is news of it now and then."""
    news, deadline = "", 0.0
    while '"done"' not in news:
        try:
            shown = json.dumps(server.call("GET", f"/v1/erasures/{erasure_id}"))
        except OSError:
            shown = "unreachable"
        if shown != news:
            news, deadline = shown, time.monotonic() + _QUIET
        assert time.monotonic() < deadline, f"nothing new since: {news}"
        time.sleep(0.05)


def assert_gone(people: People, name: str) -> None:
    server = people.server
    assert people.shown(name) == []
    assert not traces(server.data, [name, *people.ids[name]])


def test_nothing_is_left_of_one_and_all_of_the_others(people: People) -> None:
    server = people.server
    people.act()
    others = {name: people.shown(name) for name in (BELA, CARLA)}
    assert all(len(shown) == 5 and shown[0]["ground_truth"] for shown in others.values())
    done = server.run("erasure", "create", "--subject", ANNA, "--yes", "--wait", "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["state"] == "done"
    assert ANNA not in done.stdout
    expected = {"predictions": 5, "rejected": 1, "truths": 3, "answers": 1}
    assert record["erased"] == {"risk": expected, "": {}}
    assert_gone(people, ANNA)
    assert {name: people.shown(name) for name in (BELA, CARLA)} == others
    assert {name: people.repeat(name) for name in (BELA, CARLA)} == {
        n: people.answers[n] for n in (BELA, CARLA)
    }
    assert people.repeat(ANNA) != people.answers[ANNA]
    bodies = rejected_bodies(server.data)
    assert sorted(json.loads(body)["who"] for body in bodies) == sorted([BELA, CARLA])


def test_what_comes_later_stays_and_a_restart_changes_nothing(people: People) -> None:
    server = people.server
    people.act()
    made = erase(server, BELA)
    finished(server, made["id"])
    before = people.ids.pop(BELA)
    people.ids[BELA] = []
    people.act()
    server.stop()
    server.start()
    eventually(lambda: len(people.shown(BELA)) == 5, "what came later is there")
    assert all(one not in server.logged("risk") for one in before)
    again = erase(server, BELA)
    finished(server, again["id"])
    assert_gone(people, BELA)
    _, listed = server.call("GET", "/v1/erasures")
    assert [one["id"] for one in listed["erasures"]] == [again["id"], made["id"]]


@pytest.mark.parametrize("seed", [1, 2])
def test_control_may_be_killed_at_any_moment(people: People, seed: int) -> None:
    server = people.server
    chance = random.Random(seed)
    people.act()
    others = {other: people.shown(other) for other in (BELA, CARLA)}
    made = erase(server, ANNA)
    for _ in range(3):
        control = server.pids()["control"]
        time.sleep(chance.random() * 1.5)
        os.kill(control, signal.SIGKILL)
        eventually(lambda: state(server, made["id"]) != "unknown", "control is back")
    finished(server, made["id"])
    record = server.call("GET", f"/v1/erasures/{made['id']}")[1]
    assert record["erased"]["risk"] == {"predictions": 5, "rejected": 1, "truths": 3, "answers": 1}
    assert_gone(people, ANNA)
    assert {other: people.shown(other) for other in others} == others
