"""Attacks on a running platform.

Besides its own expectation each is held to three others: no server error and no traceback in the answer, a
good prediction afterwards, and everything outside the data directory untouched.
"""

import json
import re
from typing import Any

import pytest
from tests.http.gateway.raw import Reply
from tests.http.platform.attacked import CANARY, Attacked
from tests.http.platform.attacks import (
    ATTACKS,
    DENIED,
    FORMS,
    JSON,
    KEYS,
    NO_KEYS,
    PREDICT,
    RAW,
    WAYS,
    Attack,
)
from tests.http.platform.server import eventually

pytestmark = pytest.mark.slow

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO")
TOLD = re.compile(rb"Traceback|sqlite|konan\.[a-z]+\.|site-packages")


def fair(reply: Reply) -> None:
    """What every answer is (cases 63 and 88), and every answer to an attack."""
    assert 400 <= reply.status < 500, reply
    assert not TOLD.search(reply.body), reply
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
    assert reply.headers["referrer-policy"] == "no-referrer"
    assert "server" not in reply.headers
    assert {"type", "title", "status", "code", "detail", "request_id"} <= set(reply.json)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.case)
def test_a_request_is_refused(attacked: Attacked, attack: Attack) -> None:
    with attacked.client(attack.key) as client:
        reply = client.ask(attack.method, attack.path, attack.body, **attack.headers)
    assert reply.status in attack.allowed, reply
    fair(reply)
    attacked.well()


@pytest.mark.parametrize("case", RAW)
def test_what_is_no_request_ends_the_connection(attacked: Attacked, case: str) -> None:
    with attacked.client() as client:
        second = client.head("POST", PREDICT, content_length="9", **JSON) + b'{"x": 99}'
        client.send(RAW[case] + second)
        reply = client.read()
        assert reply.status == 400
        assert client.is_closed()
    fair(reply)
    assert not attacked.smuggled()
    attacked.well()


def test_a_key_is_taken_in_one_place_and_form_only(attacked: Attacked) -> None:
    key = attacked.keys["owner"]
    with attacked.client("nobody") as client:
        for form in FORMS:
            assert client.ask("GET", KEYS, authorization=form.format(key, key)).status == 401, form
        assert client.ask("GET", f"{KEYS}?key={key}").status == 401
        assert client.ask("GET", KEYS, cookie=f"key={key}").status == 401
        assert client.ask("POST", PREDICT, json.dumps({"x": 1, "key": key}).encode(), **JSON).status == 401
    attacked.well()


def test_every_route_and_method_needs_a_key(attacked: Attacked) -> None:
    """Cases 39 and 40: whoever has no valid key gets one answer everywhere."""
    _, document = attacked.server.call("GET", "/openapi.json")
    public = {(path, method) for path in ("/healthz", "/readyz") for method in ("GET", "HEAD")}
    bodies = set()
    for key in NO_KEYS:
        with attacked.client(key) as client:
            for path in document["paths"]:
                for method in METHODS:
                    reply = client.ask(method, re.sub(r"\{[a-z]+\}", "twice", path))
                    expected = 200 if (path, method) in public else 401
                    assert (path, method, key, reply.status) == (path, method, key, expected)
                    if expected == 401:
                        bodies.add(re.sub(rb'"request_id":"[^"]*"', b"", reply.body))
    assert len(bodies - {b""}) == 1


def test_a_revoked_key_is_refused_at_once(attacked: Attacked) -> None:
    """Case 41, on the gateway and on control."""
    server = attacked.server
    _, made = server.call("POST", KEYS, {"name": "short", "scopes": ["predict", "read"]})
    ways: list[tuple[str, str, Any]] = [("POST", PREDICT, {"x": 1}), ("GET", "/v1/deployments", None)]
    assert {server.call(*way, key=made["key"])[0] for way in ways} == {200}
    assert server.call("DELETE", f"{KEYS}/{made['id']}")[0] == 200
    assert {server.call(*way, key=made["key"])[0] for way in ways} == {401}


@pytest.mark.parametrize("sent", ["part of the head", "part of the body", "a chunk", "a question"])
def test_a_request_that_does_not_arrive_is_given_up(attacked: Attacked, sent: str) -> None:
    """Case 27: slow and endless senders."""
    with attacked.client() as client:
        if sent == "part of the head":
            client.send(b"POST / HTTP/1.1\r\nHost: localhost\r\n")
        elif sent == "part of the body":
            client.send(client.head("POST", PREDICT, content_length="10", **JSON) + b"{")
        elif sent == "a chunk":
            client.send(client.head("POST", PREDICT, transfer_encoding="chunked", **JSON) + b"5\r\n{")
        else:
            client.send(client.head("POST", PREDICT, content_length="10", expect="100-continue", **JSON))
            assert client.read().status == 100
        reply = client.read()
        assert reply.status == 408
        assert client.is_closed()
    fair(reply)
    attacked.well()


@pytest.mark.parametrize("way", WAYS)
def test_a_model_that_misbehaves_costs_its_own_call(attacked: Attacked, way: str) -> None:
    status, problem = attacked.zoo(way)
    assert (status, problem["code"]) == WAYS[way]
    assert "SECRET-OF-THE-MODEL" not in json.dumps(problem)
    attacked.well()
    eventually(lambda: attacked.zoo("good")[0] == 200, "it is back")


def test_a_model_sees_and_reaches_nothing(attacked: Attacked) -> None:
    """Case 23: no file of the platform or the machine, no secret, no socket, no process."""
    eventually(lambda: attacked.zoo("good")[0] == 200, "it is back")
    status, answer = attacked.zoo("tries")
    assert status == 200
    assert CANARY not in json.dumps(answer)
    assert set(answer["output"]["places"]) <= DENIED, answer
    attacked.well()


def test_a_hostile_pickle_does_nothing_and_its_version_fails(attacked: Attacked) -> None:
    """Case 22."""
    server = attacked.server
    (server.work / "evil.pkl").write_bytes(attacked.hostile_pickle())
    done = server.run("deploy", "evil", "evil.pkl", "--data", "rows.csv", "--yes")
    assert done.returncode == 7, done.stderr
    attacked.well()
