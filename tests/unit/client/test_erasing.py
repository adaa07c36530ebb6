"""Erasure in the SDK: one request, and looks at it until it is done."""

from typing import Any

import pytest
from tests.unit.client.conftest import Script

from konan import errors
from konan.client.blocking import Client

ERASURE: dict[str, Any] = {
    "id": "e1",
    "project": "default",
    "deployments": ["risk"],
    "digest": "hmac:0011",
    "requested_by": "k",
    "created_at": "2026-11-23T10:00:00Z",
}
DONE = {**ERASURE, "state": "done", "erased": {"risk": {"predictions": 3}, "": {"aside_bytes": 7}}}


def test_it_waits_until_it_is_done_and_tells_how_far_it_is(server: Script) -> None:
    server.answer({**ERASURE, "state": "pending"}, 202)
    server.answer({**ERASURE, "state": "running"})
    server.answer(DONE)
    seen: list[str] = []
    with Client(server.url, "kn_key") as client:
        made = client.erase(17, ["risk"], wait=True, progress=lambda one: seen.append(one.state))
    assert seen == ["pending", "running", "done"]
    assert (made.total.predictions, made.total.aside_bytes) == (3, 7)
    assert server.asked[0].json == {"subject": 17, "deployments": ["risk"]}
    assert [(one.method, one.target) for one in server.asked[1:]] == [("GET", "/v1/erasures/e1")] * 2


def test_without_waiting_it_asks_once(server: Script) -> None:
    server.answer({**ERASURE, "state": "pending"}, 202)
    with Client(server.url, "kn_key") as client:
        assert client.erase("anna").state == "pending"
    assert len(server.asked) == 1


def test_a_refusal_is_told_and_names_nobody(server: Script) -> None:
    server.answer({"code": "invalid", "detail": "The subject must be 1 to 1000 characters long."}, 422)
    with Client(server.url, "kn_key") as client, pytest.raises(errors.Invalid) as caught:
        client.erase("anna-4711" * 200)
    assert "anna" not in str(caught.value)
