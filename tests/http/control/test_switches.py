"""Promote and rollback: who answers changes at once or not at all, and the ledger has it."""

import asyncio
from typing import Any

import pytest
from tests.http.control.rig import Rig

BIKES = "/v1/deployments/bikes"


def ledger(rig: Rig, key: str) -> list[tuple[str, int, str]]:
    entries = rig.call("GET", f"{BIKES}/ledger", key).json()["entries"]
    return [(one["action"], one["live"][0]["version"], one["why"]) for one in entries]


def served(rig: Rig) -> int | None:
    return rig.snapshot().routes[0].live


def test_a_promoted_version_answers_and_the_other_stays_warm(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    rig.live(key)
    answer = rig.call("POST", f"{BIKES}/versions/1/promote", key, json={"why": "smaller"})
    assert answer.status_code == 200
    assert (answer.json()["live_version"], answer.json()["state"]) == (1, "ready")
    assert served(rig) == 1
    assert rig.runtime.wanted[-1] == ("bikes v1", "bikes v2")
    states = [one["state"] for one in rig.call("GET", f"{BIKES}/versions", key).json()["versions"]]
    assert states == ["disabled", "live"]
    assert ledger(rig, key) == [("promote", 1, "smaller"), ("deploy", 2, ""), ("deploy", 1, "")]


def test_a_rollback_goes_to_the_version_before(rig: Rig) -> None:
    key = rig.key()
    for _ in range(3):
        rig.live(key)
    for expected in (2, 3, 2):
        answer = rig.call("POST", f"{BIKES}/rollback", key, json={})
        assert answer.json()["live_version"] == served(rig) == expected
    assert rig.call("POST", f"{BIKES}/rollback", key, json={"to": 1}).json()["live_version"] == 1
    assert ledger(rig, key)[0] == ("rollback", 1, "")


def test_a_rollback_to_a_moment(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    at = rig.call("GET", f"{BIKES}/ledger", key).json()["entries"][0]["at"]
    rig.live(key)
    assert rig.call("POST", f"{BIKES}/rollback", key, json={"to": at}).json()["live_version"] == 1
    early = rig.call("POST", f"{BIKES}/rollback", key, json={"to": "2020-01-01T00:00:00Z"})
    assert (early.status_code, early.json()["code"]) == (409, "conflict")
    assert rig.call("POST", f"{BIKES}/rollback", key, json={"to": "yesterday"}).status_code == 422


REFUSED: list[tuple[str, Any, int]] = [
    ("versions/2/promote", {}, 409),  # it is live
    ("versions/3/promote", {}, 409),  # it failed
    ("versions/9/promote", {}, 404),
    ("versions/0/promote", {}, 404),
    ("rollback", {"to": 9}, 404),
    ("rollback", {"to": 0}, 422),
    ("rollback", {"other": 1}, 422),
    ("versions/1/promote", {"why": "x" * 501}, 422),
]


@pytest.mark.parametrize(("path", "body", "status"), REFUSED)
def test_what_cannot_be_changes_nothing(rig: Rig, path: str, body: object, status: int) -> None:
    key = rig.key()
    rig.live(key)
    rig.live(key)
    rig.drawer.error = RuntimeError("it does not work")
    rig.deploy(key)
    rig.until(lambda: rig.call("GET", f"{BIKES}/versions/3", key).json()["state"] == "failed")
    assert rig.call("POST", f"{BIKES}/{path}", key, json=body).status_code == status
    assert served(rig) == 2
    assert len(ledger(rig, key)) == 2


def test_without_an_earlier_version_there_is_nothing_to_go_back_to(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    answer = rig.call("POST", f"{BIKES}/rollback", key, json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "konan ledger" in answer.json()["hint"]


def test_of_two_promotions_at_once_one_is_refused(rig: Rig) -> None:
    key = rig.key()
    for _ in range(3):
        rig.live(key)
    headers = {"Authorization": f"Bearer {key}"}

    async def both() -> list[int]:
        calls = [
            rig._call("POST", f"{BIKES}/versions/{number}/promote", headers, {"json": {}})
            for number in (1, 2)
        ]
        return sorted(answer.status_code for answer in await asyncio.gather(*calls))

    assert rig.run(both()) == [200, 409]
    assert len(ledger(rig, key)) == 4
    found = rig.call("GET", f"{BIKES}/ledger/check", key).json()
    assert (found["entries"], found["broken"]) == (4, None)


def test_a_version_whose_workers_do_not_start_never_answers(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    rig.live(key)
    rig.restart()  # the first is not warm any more
    rig.runtime.failure = {"message": "no memory"}
    answer = rig.call("POST", f"{BIKES}/versions/1/promote", key, json={})
    assert answer.status_code == 502
    assert served(rig) == 2
    assert len(ledger(rig, key)) == 2


def test_who_may_not_deploy_may_not_switch(rig: Rig) -> None:
    rig.live(rig.key())
    for path in ("versions/1/promote", "rollback"):
        assert rig.call("POST", f"{BIKES}/{path}", rig.key("read", "predict"), json={}).status_code == 403
        stranger = rig.key(project="p2")
        assert rig.call("POST", f"{BIKES}/{path}", stranger, json={}).status_code == 404
    assert rig.call("GET", f"{BIKES}/ledger", rig.key("predict")).status_code == 403
