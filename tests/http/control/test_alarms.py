"""Alarms over HTTP: those of the first deploy, those that people make, and what people do about them."""

import msgspec
import pytest
from tests.http.control.rig import Rig

from konan.records.access import SCOPES, Principal
from konan.records.alarms import Alarm, AlarmRule

OWNER = Principal(project="p1", key_id="o", scopes=frozenset(SCOPES))
RULE = {"kind": "drift", "columns": ["features.x"], "window": 7200, "effect": 0.2, "false_alarms": 0.5}


def first(rig: Rig, key: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = rig.call("GET", "/v1/alarms", key).json()["alarms"]
    return found


def set_state(rig: Rig, alarm_id: str, state: str) -> None:
    known = rig.store.alarm(OWNER, alarm_id)
    rig.store.platform_keep([msgspec.convert({**msgspec.to_builtins(known), "state": state}, Alarm)])


def test_every_deployment_has_alarms_from_its_first_deploy(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    found = first(rig, key)
    assert {one["name"] for one in found} == {"drift", "data-fault", "errors", "volume"}
    assert {one["state"] for one in found} == {"learning"}
    assert {one["deployment"] for one in found} == {"bikes"}
    assert all(one["memory"] == {} for one in found)
    assert first(rig, key) == found
    budgets = [msgspec.convert(one, Alarm).budget for one in found]
    assert sum(one.per_year for one in budgets if one) == 1.0


def test_an_alarm_is_made_shown_and_removed(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    body = {"deployment": "bikes", "name": "mine", "rule": RULE}
    made = rig.call("POST", "/v1/alarms", key, json=body)
    assert made.status_code == 201
    shown = rig.call("GET", f"/v1/alarms/{made.json()['id']}", key).json()
    assert shown == made.json()
    assert shown["rule"]["columns"] == ["features.x"]
    assert shown["budget"]["run_length"] == pytest.approx(365.25 * 12 / 0.5)
    assert rig.call("POST", "/v1/alarms", key, json=body).status_code == 409
    assert rig.call("DELETE", f"/v1/alarms/{shown['id']}", key).status_code == 200
    assert rig.call("GET", f"/v1/alarms/{shown['id']}", key).status_code == 404


def test_those_of_every_deployment_stay(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    (one, *_) = first(rig, key)
    assert rig.call("DELETE", f"/v1/alarms/{one['id']}", key).status_code == 409


@pytest.mark.parametrize(
    "change",
    [
        {"window": 3601},
        {"window": 0},
        {"kind": "weather"},
        {"effect": -1},
        {"false_alarms": 0},
        {"clean": 0},
        {"unknown": 1},
        {"columns": [""]},
    ],
)
def test_a_rule_that_cannot_be_is_refused(rig: Rig, change: dict[str, object]) -> None:
    key = rig.key()
    rig.live(key)
    body = {"deployment": "bikes", "name": "mine", "rule": {**RULE, **change}}
    assert rig.call("POST", "/v1/alarms", key, json=body).status_code == 422


def test_names_follow_those_of_deployments(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    for name in ("", "Mine", "a/b", "x" * 64):
        body = {"deployment": "bikes", "name": name, "rule": RULE}
        assert rig.call("POST", "/v1/alarms", key, json=body).status_code == 422


def test_a_silence_ends_by_itself_or_by_hand(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    path = f"/v1/alarms/{first(rig, key)[0]['id']}/silence"
    silenced = rig.call("POST", path, key, json={"seconds": 3600, "reason": "holiday"}).json()
    assert silenced["silenced_until"] > silenced["since"]
    assert silenced["silence_reason"] == "holiday"
    assert silenced["state"] == "learning"
    assert rig.call("POST", path, key, json={"seconds": 0}).json()["silenced_until"] is None
    assert rig.call("POST", path, key, json={"seconds": -1}).status_code == 422


def test_only_what_fires_can_be_looked_after(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    which = str(first(rig, key)[0]["id"])
    for act in ("acknowledge", "resolve"):
        assert rig.call("POST", f"/v1/alarms/{which}/{act}", key).status_code == 409
    set_state(rig, which, "firing")
    known = rig.call("POST", f"/v1/alarms/{which}/acknowledge", key).json()
    assert known["acknowledged_at"] is not None
    ended = rig.call("POST", f"/v1/alarms/{which}/resolve", key).json()
    assert (ended["state"], ended["acknowledged_at"]) == ("resolved", None)
    (event,) = rig.call("GET", f"/v1/alarms/{which}/events", key).json()["events"]
    assert (event["before"], event["after"]) == ("firing", "resolved")
    assert event["by"] == known["acknowledged_by"] != ""


def test_keys_may_do_what_their_scopes_say(rig: Rig) -> None:
    owner = rig.key()
    rig.live(owner)
    which = first(rig, owner)[0]["id"]
    reader, predictor = rig.key("read"), rig.key("predict")
    assert rig.call("GET", "/v1/alarms", reader).status_code == 200
    assert rig.call("GET", "/v1/incidents", reader).status_code == 200
    assert rig.call("GET", "/v1/alarms", predictor).status_code == 403
    body = {"deployment": "bikes", "name": "mine", "rule": RULE}
    assert rig.call("POST", "/v1/alarms", reader, json=body).status_code == 403
    assert rig.call("POST", f"/v1/alarms/{which}/silence", reader, json={"seconds": 1}).status_code == 403
    assert rig.call("GET", "/v1/receivers", reader).status_code == 403


def test_other_projects_and_deployments_do_not_exist(rig: Rig) -> None:
    owner = rig.key()
    rig.live(owner)
    which = first(rig, owner)[0]["id"]
    for stranger in (rig.key(project="p2"), rig.key(deployments=("churn",))):
        assert first(rig, stranger) == []
        assert rig.call("GET", f"/v1/alarms/{which}", stranger).status_code == 404
        assert rig.call("GET", f"/v1/alarms/{which}/events", stranger).status_code == 404
        assert rig.call("POST", f"/v1/alarms/{which}/resolve", stranger).status_code == 404
        assert rig.call("GET", "/v1/alarms?deployment=bikes", stranger).status_code == 404


def test_what_people_made_survives_a_restart(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    rig.call("POST", "/v1/alarms", key, json={"deployment": "bikes", "name": "mine", "rule": RULE})
    before = first(rig, key)
    rig.restart()
    assert first(rig, key) == before


def test_a_rule_can_be_tried_on_nothing(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    body = {
        "deployment": "bikes",
        "rule": {"kind": "volume"},
        "from": "2026-11-20T00:00:00Z",
        "to": "2026-11-20T12:00:00Z",
    }
    tried = rig.call("POST", "/v1/alarms/replay", key, json=body)
    assert tried.status_code == 200, tried.text
    said = tried.json()
    assert (said["windows"], said["state"], said["events"]) == (12, "learning", [])
    assert said["budget"]["looks"] == 0
    assert AlarmRule(kind="volume") == msgspec.convert(said["rule"], AlarmRule)
