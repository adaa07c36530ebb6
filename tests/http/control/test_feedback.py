"""Ground truth over HTTP: single and bulk, what each item becomes, and whose predictions it reaches."""

import json
from typing import Any

import httpx
import msgspec
import pytest
from tests.http.control.rig import SCHEMA, Rig
from tests.http.control.test_predictions import answered
from tests.unit.predictions.logs import entry, write

from konan.control import feedback

PATH = "/v1/deployments/bikes/feedback"
PREDICTIONS = "/v1/deployments/bikes/predictions"
STRANGER = "01890000-0000-7000-8000-000000000001"


def send(rig: Rig, key: str, body: Any, path: str = PATH) -> httpx.Response:
    return rig.call("POST", path, key, json=body)


def statuses(answer: httpx.Response) -> list[str | int]:
    assert answer.status_code == 200, answer.text
    return [one["status"] for one in answer.json()["results"]]


@pytest.mark.parametrize("flushed", [False, True])
def test_truth_is_shown_with_its_prediction(rig: Rig, flushed: bool) -> None:
    key = rig.key()
    entries = answered(rig, rig.live(key).uuid, 1.0, 2.0, 3.0)
    ids = [one.ids[0] for one in entries]
    one = send(rig, key, {"prediction_id": ids[0], "target": {"value": 2.5}})
    assert one.json() == {"results": [{"prediction_id": ids[0], "status": "accepted"}]}
    several = [{"prediction_id": ids[1], "target": 4, "observed_at": "2026-11-23T12:00:00Z"}]
    assert statuses(send(rig, key, several)) == ["accepted"]
    if flushed:
        rig.truth.flush()
        rig.services.predictions.flusher.flush()
    listed = rig.call("GET", PREDICTIONS, key).json()["predictions"]
    assert [one["ground_truth"] for one in listed] == [None, 4.0, 2.5]
    assert rig.call("GET", f"{PREDICTIONS}/{ids[0]}", key).json()["ground_truth"] == 2.5
    for wanted, count in ((True, 2), (False, 1)):
        found = rig.call("GET", PREDICTIONS, key, params={"ground_truth": wanted}).json()
        assert len(found["predictions"]) == count
    lines = rig.call("GET", f"{PREDICTIONS}/export", key).text.splitlines()
    assert [json.loads(line)["ground_truth"] for line in lines] == [2.5, 4.0, None]


def test_the_truth_of_a_prediction_is_shown_with_its_copies(rig: Rig) -> None:
    key = rig.key()
    uuid = rig.live(key).uuid
    (original,) = answered(rig, uuid, 1.0)
    answered(rig, uuid, 1.0, role="challenger", mirrors=original.ids)
    assert statuses(send(rig, key, {"prediction_id": original.ids[0], "target": 2})) == ["accepted"]
    for params in ({"role": "challenger"}, {"role": "challenger", "ground_truth": "true"}):
        listed = rig.call("GET", PREDICTIONS, key, params=params).json()["predictions"]
        assert [one["ground_truth"] for one in listed] == [2.0]
    params = {"role": "challenger", "ground_truth": "false"}
    assert rig.call("GET", PREDICTIONS, key, params=params).json()["predictions"] == []


def test_an_item_that_is_wrong_is_told_and_the_others_are_taken(rig: Rig) -> None:
    key = rig.key()
    (one,) = answered(rig, rig.live(key).uuid, 1.0)
    good = one.ids[0]
    answer = send(
        rig,
        key,
        [
            {"prediction_id": good, "target": 1},
            {"prediction_id": good, "target": 1},
            {"prediction_id": STRANGER, "target": 1},
            {"prediction_id": "no id", "target": 1},
            {"prediction_id": good},
            {"prediction_id": 7, "target": 1},
            {"prediction_id": good, "target": 1, "more": 1},
            {"prediction_id": good, "target": "high"},
            {"prediction_id": good, "target": None},
            {"prediction_id": good, "target": 1, "observed_at": "soon"},
            {"target": 1},
            {"key": "17", "target": 1},
            "text",
            [],
            None,
            {"prediction_id": good, "target": 2},
        ],
    )
    assert statuses(answer) == ["accepted", "duplicate", 404, 404, *[422] * 11, "revised"]
    results = answer.json()["results"]
    assert all(bool(one.get("detail")) is isinstance(one["status"], int) for one in results)
    assert [one.get("prediction_id") for one in results[4:7]] == [good, None, good]
    assert "target" in results[4]["detail"]
    assert "high" not in answer.text


def test_truth_by_a_business_key_may_come_before_its_prediction(rig: Rig) -> None:
    rig.drawer.schema = msgspec.structs.replace(SCHEMA, extra=("order",), key="order")
    key = rig.key()
    uuid = rig.live(key).uuid
    early = send(rig, key, [{"key": 17, "target": 5}])
    assert early.json() == {"results": [{"status": "parked", "key": 17}]}
    one = entry(1, deployment=uuid, body=b'{"x": 1.0, "order": "17"}', outputs=[b'{"value": 2}'])
    write(rig.paths.journal, [one])
    rig.run(rig.truth.step())
    path = f"{PREDICTIONS}/{one.ids[0]}"
    assert rig.call("GET", path, key).json()["ground_truth"] == 5.0
    late = send(rig, key, {"key": "17", "target": 6}).json()["results"]
    assert late == [{"status": "revised", "prediction_id": one.ids[0], "key": "17"}]
    assert rig.call("GET", path, key).json()["ground_truth"] == 6.0


def test_what_was_answered_outlives_control(rig: Rig) -> None:
    key = rig.key()
    (one,) = answered(rig, rig.live(key).uuid, 1.0)
    send(rig, key, {"prediction_id": one.ids[0], "target": 1})
    rig.restart()
    assert rig.call("GET", f"{PREDICTIONS}/{one.ids[0]}", key).json()["ground_truth"] == 1.0


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "json_malformed"),
        (b"[", 400, "json_malformed"),
        (b'{"prediction_id": "x", "target": 1', 400, "json_malformed"),
        (b'[{"prediction_id": "x", "target": NaN}]', 400, "json_malformed"),
        (b"7", 422, "invalid"),
        (b'"text"', 422, "invalid"),
        (b"[" * 100_000, 400, "json_too_deep"),
        (b'[{"key": "k", "target": ' + b"[" * 50_000 + b"]" * 50_000 + b"}]", 400, "json_too_deep"),
        (b"[" + b"1," * 50_000 + b"1]", 413, "body_too_large"),
    ],
)
def test_a_body_that_is_no_list_of_truths_is_refused(rig: Rig, body: bytes, status: int, code: str) -> None:
    key = rig.key()
    rig.live(key)
    headers = {"Content-Type": "application/json"}
    answer = rig.call("POST", PATH, key, content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_body_has_a_size_and_a_type(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    commas = b"[" + b"," * (feedback._COMMAS + 1) + b"]"
    headers = {"Content-Type": "application/json"}
    assert rig.call("POST", PATH, key, content=commas, headers=headers).status_code == 413
    large = b" " * (rig.settings.feedback_bytes + 1)
    assert rig.call("POST", PATH, key, content=large, headers=headers).status_code == 413
    assert rig.call("POST", PATH, key, content=b"[]").status_code == 415
    assert send(rig, key, []).json() == {"results": []}


def test_only_the_scope_feedback_reaches_only_its_own_deployments(rig: Rig) -> None:
    key = rig.key()
    (one,) = answered(rig, rig.live(key).uuid, 1.0)
    body = {"prediction_id": one.ids[0], "target": 1}
    strangers = [rig.key(project="p2"), rig.key("feedback", deployments=("cars",))]
    assert [send(rig, stranger, body).status_code for stranger in strangers] == [404, 404]
    assert send(rig, rig.key("predict", "read", "deploy"), body).status_code == 403
    assert rig.call("POST", PATH, json=body).status_code == 401
    assert statuses(send(rig, rig.key("feedback"), body)) == ["accepted"]


def test_a_prediction_of_another_deployment_is_unknown(rig: Rig) -> None:
    key = rig.key()
    (one,) = answered(rig, rig.live(key).uuid, 1.0)
    rig.live(key, "cars")
    body = {"prediction_id": one.ids[0], "target": 1}
    assert statuses(send(rig, key, body, "/v1/deployments/cars/feedback")) == [404]
    assert send(rig, key, body, "/v1/deployments/trains/feedback").status_code == 404
    assert rig.call("GET", f"{PREDICTIONS}/{one.ids[0]}", key).json()["ground_truth"] is None
