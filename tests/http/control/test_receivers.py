"""Who is told of alarms, over HTTP: with a real webhook on loopback, which an admin allows."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.http.control.rig import Rig
from tests.unit.adapters.receiving import Receiving, server

from konan.config import Settings


@pytest.fixture
def allowing(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path / "data", Settings(webhook_networks="127.0.0.0/8", body_timeout=5))
    yield made
    made.close()


@pytest.fixture
def hook() -> Iterator[Receiving]:
    with server() as said:
        yield said


def test_a_webhook_gets_a_test_that_its_secret_verifies(allowing: Rig, hook: Receiving) -> None:
    key = allowing.key()
    url = f"http://127.0.0.1:{hook.port}/t0ken?x=y"
    made = allowing.call("POST", "/v1/receivers", key, json={"name": "ops", "url": url})
    assert made.status_code == 201
    told = made.json()
    assert told["url"] == f"http://127.0.0.1:{hook.port}/…"
    (tried,) = allowing.call("POST", "/v1/receivers/test", key, json={}).json()["tests"]
    assert (tried["delivered"], tried["receiver"]) == (True, told["id"])
    (taken,) = hook.taken
    signed = f"{taken.headers['webhook-id']}.{taken.headers['webhook-timestamp']}.".encode() + taken.body
    secret = base64.b64decode(told["secret"].removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert taken.headers["webhook-signature"] == f"v1,{expected}"
    (listed,) = allowing.call("GET", "/v1/receivers", key).json()["receivers"]
    assert "secret" not in listed
    assert "t0ken" not in str(listed)
    assert allowing.call("DELETE", f"/v1/receivers/{told['id']}", key).status_code == 200
    assert allowing.call("GET", "/v1/receivers", key).json()["receivers"] == []


def test_a_private_address_is_refused_and_never_called(rig: Rig, hook: Receiving) -> None:
    key = rig.key()
    for host in ("127.0.0.1", "localhost", "2130706433", "[::ffff:7f00:1]"):
        body = {"name": "ops", "url": f"http://{host}:{hook.port}/"}
        assert rig.call("POST", "/v1/receivers", key, json=body).status_code == 422
    assert hook.connections == 0


def test_a_receiver_that_fails_is_told(allowing: Rig, hook: Receiving) -> None:
    key, hook.status = allowing.key(), 500
    body = {"name": "ops", "url": f"http://127.0.0.1:{hook.port}/"}
    allowing.call("POST", "/v1/receivers", key, json=body)
    (tried,) = allowing.call("POST", "/v1/receivers/test", key, json={}).json()["tests"]
    assert (tried["delivered"], tried["detail"]) == (False, "It answered 500.")


def test_unknown_kinds_services_and_deployments_are_refused(rig: Rig) -> None:
    key = rig.key()
    good: dict[str, object] = {"name": "ops", "url": "https://192.0.43.7/"}
    wrong: tuple[dict[str, object], ...] = (
        {"kind": "mail"},
        {"states": []},
        {"states": ["ok"]},
        {"kind": "apprise"},
        {"extra": 1},
    )
    for change in wrong:
        assert rig.call("POST", "/v1/receivers", key, json={**good, **change}).status_code == 422
    assert rig.call("POST", "/v1/receivers", key, json={**good, "deployments": ["x"]}).status_code == 404


def test_only_those_who_hear_of_a_deployment_are_tried(allowing: Rig, hook: Receiving) -> None:
    key = allowing.key()
    allowing.live(key)
    for name, deployments in (("all", []), ("bikes", ["bikes"])):
        body = {"name": name, "url": f"http://127.0.0.1:{hook.port}/", "deployments": deployments}
        allowing.call("POST", "/v1/receivers", key, json=body)
    allowing.deploy(key, "churn")
    tests = allowing.call("POST", "/v1/receivers/test", key, json={"deployment": "churn"}).json()["tests"]
    assert [one["name"] for one in tests] == ["all"]
    assert allowing.call("POST", "/v1/receivers/test", key, json={"deployment": "x"}).status_code == 404
    assert allowing.call("GET", "/v1/deliveries", key).json()["deliveries"] == []
