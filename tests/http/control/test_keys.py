"""Keys over HTTP."""

from typing import Any

import httpx
import pytest
from tests.http.control.rig import Rig


def make(rig: Rig, key: str, **fields: Any) -> httpx.Response:
    return rig.call("POST", "/v1/keys", key, json={"name": "ci", "scopes": ["read"], **fields})


def test_a_key_is_made_used_listed_and_revoked(rig: Rig) -> None:
    owner = rig.key()
    made = make(rig, owner, deployments=["bikes"], expires_days=7)
    assert made.status_code == 201
    created = made.json()
    assert created["key"].startswith(f"kn_live_{created['id']}_")
    assert (created["scopes"], created["deployments"], created["project"]) == (["read"], ["bikes"], "p1")
    assert rig.call("GET", "/v1/deployments", created["key"]).status_code == 200
    listed = rig.call("GET", "/v1/keys", owner)
    assert created["key"] not in listed.text
    assert {name: value for name, value in created.items() if name != "key"} in listed.json()["keys"]
    revoked = rig.call("DELETE", f"/v1/keys/{created['id']}", owner)
    assert revoked.json()["revoked_at"] is not None
    assert rig.call("GET", "/v1/deployments", created["key"]).status_code == 401
    assert rig.call("DELETE", f"/v1/keys/{created['id']}", owner).json() == revoked.json()


def test_gateways_know_a_key_before_its_maker_does(rig: Rig) -> None:
    owner = rig.key()
    created = make(rig, owner).json()
    snapshot = rig.snapshot()
    assert created["id"] in {grant.id for grant in snapshot.keys}
    assert rig.runtime.published[-1] == snapshot.generation
    rig.call("DELETE", f"/v1/keys/{created['id']}", owner)
    assert created["id"] not in {grant.id for grant in rig.snapshot().keys}
    assert rig.runtime.published[-1] == rig.snapshot().generation > snapshot.generation


def test_a_gateway_that_does_not_answer_holds_no_revocation_up(rig: Rig) -> None:
    owner = rig.key()
    created = make(rig, owner).json()
    rig.runtime.deaf = True
    assert rig.call("DELETE", f"/v1/keys/{created['id']}", owner).status_code == 200
    assert rig.call("GET", "/v1/deployments", created["key"]).status_code == 401


def test_a_key_makes_none_that_can_do_more(rig: Rig) -> None:
    limited = rig.key("admin", deployments=("bikes",), days=10)
    assert make(rig, limited, scopes=["model:upload-code"]).status_code == 403
    assert make(rig, limited, deployments=["bikes", "churn"]).status_code == 403
    assert make(rig, limited, deployments=[]).status_code == 403
    assert make(rig, limited, expires_days=11).status_code == 403
    assert make(rig, limited).json()["deployments"] == ["bikes"]
    for scope in ("predict", "read", "deploy", "model:upload-code"):
        assert make(rig, rig.key(scope)).status_code == 403


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"project": "p2"}, "/project"),
        ({"is_admin": True}, "/is_admin"),
        ({"created_at": "2020-01-01"}, "/created_at"),
        ({"expires_at": "2099-01-01"}, "/expires_at"),
        ({"a/b~c": 1}, "/a~1b~0c"),
        ({"name": 7}, "/name"),
        ({"name": ""}, "/name"),
        ({"scopes": "admin"}, "/scopes"),
        ({"scopes": ["read", 7]}, "/scopes/1"),
        ({"scopes": ["root"]}, "/scopes/0"),
        ({"scopes": []}, "/scopes"),
        ({"deployments": ["../x"]}, "/deployments/0"),
        ({"expires_days": 0}, "/expires_days"),
        ({"expires_days": 366}, "/expires_days"),
        ({"expires_days": "7"}, "/expires_days"),
        ({"expires_days": 1.0}, "/expires_days"),
        ({"expires_days": 2**64}, "/expires_days"),
        ({"expires_days": True}, "/expires_days"),
    ],
)
def test_what_makes_no_key_is_named_with_its_place(rig: Rig, fields: dict[str, Any], pointer: str) -> None:
    answer = make(rig, rig.key(), **fields)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert [fault["pointer"] for fault in answer.json()["faults"]] == [pointer]


def test_a_missing_field_is_named(rig: Rig) -> None:
    answer = rig.call("POST", "/v1/keys", rig.key(), json={"name": "k"})
    assert answer.status_code == 422
    assert answer.json()["faults"] == [
        {"pointer": "/scopes", "code": "missing", "message": "The field is needed."}
    ]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "json_malformed"),
        (b"{", 400, "json_malformed"),
        (b"nonsense", 400, "json_malformed"),
        (b"\xff\xfe{\x00}\x00", 400, "json_malformed"),
        (b'{"name":"\xff","scopes":[]}', 400, "json_malformed"),
        (b'{"name":"\\ud800","scopes":["read"]}', 400, "json_malformed"),
        (b'{"name":"k","scopes":["read"],"expires_days":NaN}', 400, "json_malformed"),
        (b'{"name":"k","scopes":["read"]} {}', 400, "json_malformed"),
        (b"[]", 422, "invalid"),
        (b"null", 422, "invalid"),
        (b'{"name":"k","scopes":["read"],"scopes":["admin"]}', 422, "invalid"),
        (b"[" * 5000, 400, "json_too_deep"),
        (b'{"a":' * 1500, 400, "json_too_deep"),
        (b"[" * 65 + b"]" * 65, 400, "json_too_deep"),
        (b'{"name":"' + b"[" * 500 + b'","scopes":["read"]}', 422, "invalid"),
        (b" " * 10_001, 413, "body_too_large"),
    ],
)
def test_what_is_no_body_gets_its_own_code(rig: Rig, body: bytes, status: int, code: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = rig.call("POST", "/v1/keys", rig.key(), content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert len(rig.call("GET", "/v1/keys", rig.key()).json()["keys"]) == 2


@pytest.mark.parametrize(
    ("media_type", "status"),
    [
        ("application/json", 201),
        ("application/json; charset=utf-8", 201),
        ('Application/JSON;charset="UTF-8"', 201),
        ("application/json; charset=utf-16", 415),
        ("application/json, text/plain", 415),
        ("application/jsonx", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("text/plain", 415),
        ("", 415),
    ],
)
def test_only_json_is_taken(rig: Rig, media_type: str, status: int) -> None:
    headers = {"Content-Type": media_type} if media_type else {}
    body = b'{"name":"k","scopes":["read"]}'
    answer = rig.call("POST", "/v1/keys", rig.key(), content=body, headers=headers)
    assert answer.status_code == status


def test_pages_hold_each_key_once(rig: Rig) -> None:
    owner = rig.key()
    made = {make(rig, owner).json()["id"] for _ in range(6)} | {owner.split("_")[2]}
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = rig.call("GET", "/v1/keys", owner, params={"limit": 3, "cursor": cursor}).json()
        assert len(page["keys"]) <= 3
        seen += [key["id"] for key in page["keys"]]
        cursor = page["next"]
    assert sorted(made) == seen


@pytest.mark.parametrize(
    "parameters",
    [
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=1e9",
        "limit=",
        "limit=x",
        "limit=5&limit=6",
        "cursor=%",
        "cursor=*",
        "cursor=_w",
        "cursor=" + "A" * 300,
        "sort=name",
        "path=/etc/passwd",
        "limit",
        "&".join(f"a{number}=1" for number in range(1000)),
        "cursor=' OR 1=1 --",
    ],
)
def test_parameters_that_mean_nothing_are_refused(rig: Rig, parameters: str) -> None:
    answer = rig.call("GET", f"/v1/keys?{parameters}", rig.key())
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
