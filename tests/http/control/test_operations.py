"""Traffic, resources and KPIs over HTTP: who may see and send them, and what is refused."""

import pytest
from tests.http.control.rig import Rig

POINTS = [
    {"name": "revenue", "value": 10.0, "at": "2026-11-23T08:00:00Z"},
    {"name": "revenue", "value": 30.0, "at": "2026-11-23T08:30:00+00:00", "version": 1},
]


def test_kpis_are_sent_listed_and_shown(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    path = "/v1/deployments/bikes/kpis"
    for _ in range(2):
        assert rig.call("POST", path, key, json={"kpis": POINTS}).json() == {"stored": 2}
    (kpi,) = rig.call("GET", path, key).json()["kpis"]
    assert (kpi["name"], kpi["points"], kpi["last"]) == ("revenue", 2, 30.0)
    span = "from=2026-11-23T08:00:00Z&to=2026-11-23T10:00:00Z&window=1h"
    whole, first = rig.call("GET", f"{path}/revenue?{span}", key).json()["windows"]
    assert (whole["version"], whole["mean"], first["version"], first["sum"]) == (None, 10.0, 1, 30.0)
    (only,) = rig.call("GET", f"{path}/revenue?{span}&version=1", key).json()["windows"]
    assert only == first


@pytest.mark.parametrize(
    "point",
    [
        {"name": "a b", "value": 1.0},
        {"name": "a", "value": "much"},
        {"name": "a", "value": 1.0, "at": "soon"},
        {"name": "a", "value": 1.0, "version": 0},
        {"name": "a"},
    ],
)
def test_what_is_no_kpi_is_refused_whole(rig: Rig, point: dict[str, object]) -> None:
    key = rig.key()
    rig.live(key)
    path = "/v1/deployments/bikes/kpis"
    assert rig.call("POST", path, key, json={"kpis": [*POINTS, point]}).status_code == 422
    assert rig.call("GET", path, key).json() == {"kpis": []}


def test_only_a_key_that_may_sees_or_sends(rig: Rig) -> None:
    rig.live(rig.key())
    for path in ("traffic", "kpis", "kpis/revenue"):
        full = f"/v1/deployments/bikes/{path}"
        assert rig.call("GET", full, rig.key("predict")).status_code == 403
        assert rig.call("GET", full, rig.key("read", project="p2")).status_code == 404
    sent = {"kpis": POINTS}
    assert rig.call("POST", "/v1/deployments/bikes/kpis", rig.key("read"), json=sent).status_code == 403
    strange = rig.key("feedback", project="p2")
    assert rig.call("POST", "/v1/deployments/bikes/kpis", strange, json=sent).status_code == 404
    assert rig.call("GET", "/v1/resources", rig.key("predict")).status_code == 403
    assert rig.call("GET", "/v1/resources?deployment=other", rig.key("read")).status_code == 404


def test_traffic_of_a_deployment_without_requests_is_empty(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    (window,) = rig.call("GET", "/v1/deployments/bikes/traffic", key).json()["windows"]
    assert (window["requests"], window["latency"], window["saturation"]) == (0, None, None)
    assert rig.call("GET", "/v1/deployments/bikes/traffic?by=hour", key).status_code == 422
    assert rig.call("GET", "/v1/deployments/bikes/traffic?version=9", key).status_code == 404


def test_resources_are_windows_of_minutes(rig: Rig) -> None:
    key = rig.key("read")
    found = rig.call("GET", "/v1/resources?window=5m", key).json()
    assert found["processors"] >= 1
    assert found["windows"] == []
    assert rig.call("GET", "/v1/resources?window=5", key).status_code == 422


def test_metrics_hold_disks_of_processes_and_the_machine(rig: Rig) -> None:
    lines = rig.call("GET", "/metrics", rig.key("read")).text.splitlines()
    names = {line.partition(" ")[0] for line in lines}
    assert 'konan_process_written_bytes_total{process="control"}' in names
    assert {"konan_machine_memory_bytes", "konan_machine_network_sent_bytes_total"} <= names
