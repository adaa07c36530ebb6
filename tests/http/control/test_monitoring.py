"""Drift and quality over HTTP where nothing is there yet, and what alarms know as gauges."""

from msgspec.structs import replace
from tests.http.control.rig import AT, Rig

from konan import ids
from konan.records.access import SCOPES, Principal
from konan.records.alarms import Alarm, AlarmRule, ColumnGrounds, Grounds

CALLER = Principal(project="p1", key_id="test", scopes=frozenset(SCOPES))
GROUNDS = Grounds(
    rows=500,
    evidence=6.25,
    threshold=4.5,
    effect=0.3,
    floor=0.03,
    columns=(ColumnGrounds(column="features.x", evidence=7.0, effect=0.31),),
)


def alarm(name: str, kind: str = "drift") -> Alarm:
    rule = replace(AlarmRule(kind="drift"), kind=kind)
    return Alarm(
        id=ids.new_uuid(),
        project="p1",
        deployment="bikes",
        name=name,
        rule=rule,
        created_at=AT,
        state="firing",
        version=1,
        grounds=GROUNDS,
        silenced_until="2999-01-01T00:00:00.000000Z",
    )


def test_a_deployment_without_rows_is_told_to_have_none(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    (drift,) = rig.call("GET", "/v1/deployments/bikes/drift", key).json()["windows"]
    assert (drift["verdict"], drift["rows"], drift["version"]) == ("no rows", 0, 1)
    (quality,) = rig.call("GET", "/v1/deployments/bikes/quality", key).json()["windows"]
    assert (quality["state"], quality["rejected"]) == ("ok", {})
    assert [one["kind"] for one in quality["findings"]] == ["rejected", "volume"]


def test_only_a_key_that_may_read_the_deployment_sees_it(rig: Rig) -> None:
    rig.live(rig.key())
    for what in ("drift", "drift/multivariate", "quality"):
        path = f"/v1/deployments/bikes/{what}"
        assert rig.call("GET", path, rig.key("predict")).status_code == 403
        assert rig.call("GET", path, rig.key("read", project="p2")).status_code == 404
        assert rig.call("GET", path, rig.key("read", deployments=("churn",))).status_code == 404


def test_without_rows_given_at_deploy_a_classifier_has_nothing_to_compare_with(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    answer = rig.call("GET", "/v1/deployments/bikes/drift/multivariate", key)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "--data" in answer.json()["hint"]


def test_a_season_that_would_overlap_is_refused(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    assert rig.call("GET", "/v1/deployments/bikes/drift?season=1h", key).status_code == 422
    found = rig.call("GET", "/v1/deployments/bikes/drift?season=7d", key).json()["windows"][0]
    assert (found["verdict"], found["season"]) == ("no rows", None)


def test_metrics_hold_what_alarms_know(rig: Rig) -> None:
    rig.live(rig.key())
    rig.store.add_alarm(CALLER, alarm("inputs"))
    rig.store.add_alarm(CALLER, alarm("faults", "data-fault"))
    lines = rig.call("GET", "/metrics", rig.key("read")).text.splitlines()
    of = 'project="p1",deployment="bikes",alarm="inputs"'
    assert f'konan_alarm_state{{{of},state="firing"}} 1.0' in lines
    assert f'konan_alarm_state{{{of},state="no data"}} 0.0' in lines
    assert f"konan_alarm_silenced{{{of}}} 1.0" in lines
    assert f'konan_alarm_evidence{{{of},kind="drift",version="1"}} 6.25' in lines
    assert f'konan_alarm_threshold{{{of},kind="drift",version="1"}} 4.5' in lines
    assert f'konan_drift_effect{{{of},version="1",column="features.x"}} 0.31' in lines
    assert any(line.startswith("konan_quality_effect{") for line in lines)


def test_metrics_hold_no_alarms_of_others(rig: Rig) -> None:
    rig.live(rig.key())
    rig.store.add_alarm(CALLER, alarm("inputs"))
    assert "inputs" not in rig.call("GET", "/metrics", rig.key("read", project="p2")).text
    assert "inputs" not in rig.call("GET", "/metrics", rig.key("read", deployments=("churn",))).text
