"""Erasures over HTTP: who may ask for which, and what is refused."""

from typing import Any

import msgspec
import pytest
from tests.http.control.rig import Rig

from konan.records.private import hashed

SUBJECT = "anna-4711"


def telling(rig: Rig, key: str, name: str = "bikes") -> None:
    """Deploy a version whose column ``who`` says whom its rows are about."""
    rig.drawer.schema = msgspec.structs.replace(rig.drawer.schema, extra=("who",), subject="who")
    rig.live(key, name)


def ask(rig: Rig, key: str | None, body: dict[str, Any]) -> Any:
    return rig.call("POST", "/v1/erasures", key, json=body)


def test_an_erasure_is_taken_in_and_names_nobody(rig: Rig) -> None:
    key = rig.key()
    telling(rig, key)
    made = ask(rig, key, {"subject": SUBJECT})
    assert made.status_code == 202
    assert (made.json()["deployments"], made.json()["state"]) == (["bikes"], "pending")
    assert SUBJECT not in made.text
    shown = rig.call("GET", f"/v1/erasures/{made.json()['id']}", key).json()
    (listed,) = rig.call("GET", "/v1/erasures", key).json()["erasures"]
    fixed = ("id", "digest", "requested_by", "created_at", "deployments")
    assert [shown[name] for name in fixed] == [made.json()[name] for name in fixed]
    assert [listed[name] for name in fixed] == [made.json()[name] for name in fixed]


def test_numbers_and_texts_are_the_same_person_and_so_is_the_hash_in_the_log(rig: Rig) -> None:
    key = rig.key()
    telling(rig, key)
    made = [ask(rig, key, {"subject": one}).json()["digest"] for one in (17, 17.0, "17")]
    made.append(ask(rig, key, {"subject": made[0]}).json()["digest"])
    assert len(set(made)) == 1
    assert made[0].startswith(hashed(b"", 17).partition(":")[0] + ":")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"subject": ""}, 422),
        ({"subject": "x" * 1001}, 422),
        ({"subject": None}, 422),
        ({"subject": ["a"]}, 422),
        ({}, 422),
        ({"subject": "a", "deployment": "bikes"}, 422),
        ({"subject": "a", "deployments": ["nothing"]}, 404),
        ({"subject": "a", "deployments": ["bikes", "nothing"]}, 404),
    ],
)
def test_what_names_nobody_or_no_deployment_is_refused(rig: Rig, body: dict[str, Any], status: int) -> None:
    key = rig.key()
    telling(rig, key)
    answer = ask(rig, key, body)
    assert answer.status_code == status, answer.text
    assert rig.call("GET", "/v1/erasures", key).json()["erasures"] == []


def test_a_deployment_that_does_not_say_whom_its_rows_are_about_is_refused(rig: Rig) -> None:
    key = rig.key()
    rig.live(key, "silent")
    for body in ({"subject": "a"}, {"subject": "a", "deployments": ["silent"]}):
        answer = ask(rig, key, body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), answer.text
        assert "subject" in answer.json()["detail"]


def test_only_an_administrator_of_the_deployments_may_ask_or_look(rig: Rig) -> None:
    key = rig.key()
    telling(rig, key)
    made = ask(rig, key, {"subject": SUBJECT}).json()
    for scopes in (("read", "predict", "deploy"), ("predict",)):
        other = rig.key(*scopes)
        assert ask(rig, other, {"subject": SUBJECT}).status_code == 403
        assert rig.call("GET", "/v1/erasures", other).status_code == 403
    assert ask(rig, None, {"subject": SUBJECT}).status_code == 401
    for stranger in (rig.key(project="p2"), rig.key(deployments=("cars",))):
        assert ask(rig, stranger, {"subject": SUBJECT, "deployments": ["bikes"]}).status_code == 404
        assert rig.call("GET", f"/v1/erasures/{made['id']}", stranger).status_code == 404
        assert rig.call("GET", "/v1/erasures", stranger).json()["erasures"] == []
