"""What the server tells of itself."""

import re

from tests.http.control.rig import AT, Rig

from konan.serving.metrics import Metrics


def counted() -> Metrics:
    metrics = Metrics()
    series = metrics.series("p1", "bikes", 1)
    series.answered(3, 0.0004)
    series.answered(1, 40.0)
    series.failed("model_failed", 1, 0.02)
    metrics.series("p2", "fraud", 7).answered(1, 0.1)
    metrics.rejected("rows_invalid")
    metrics.connections = 5
    return metrics


def test_the_system_is_shown_with_its_processes(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    rig.live(rig.key(project="p2"), "fraud")
    rig.until(lambda: rig.call("GET", "/v1/system", key).json()["generation"] == rig.snapshot().generation)
    shown = rig.call("GET", "/v1/system", key).json()
    assert (shown["version"], shown["started_at"]) == ("0.0", AT)
    assert shown["sandbox"] == {"level": "full"}
    names = [process["name"] for process in shown["processes"]]
    assert names == ["control", "gateway-0", "worker bikes v1 #1"]
    assert str(rig.paths.root) not in str(shown)


def test_metrics_hold_what_gateways_counted_for_the_callers_project(rig: Rig) -> None:
    rig.runtime.counted = {0: counted().snapshot(), 1: Metrics().snapshot()}
    answer = rig.call("GET", "/metrics", rig.key("read"))
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = answer.text.splitlines()
    of = 'project="p1",deployment="bikes",version="1"'
    assert f'konan_prediction_requests_total{{{of},code="ok",gateway="0"}} 2' in lines
    assert f'konan_predictions_total{{{of},code="ok",gateway="0"}} 4' in lines
    assert f'konan_prediction_requests_total{{{of},code="model_failed",gateway="0"}} 1' in lines
    assert f'konan_prediction_seconds_bucket{{{of},code="ok",gateway="0",le="0.0005"}} 1' in lines
    assert f'konan_prediction_seconds_bucket{{{of},code="ok",gateway="0",le="+Inf"}} 2' in lines
    assert f'konan_prediction_seconds_count{{{of},code="ok",gateway="0"}} 2' in lines
    assert 'konan_requests_rejected_total{gateway="0",code="rows_invalid"} 1' in lines
    assert 'konan_connections{gateway="0"} 5' in lines
    assert 'konan_build_info{version="0.0"} 1' in lines
    assert "fraud" not in answer.text
    assert "fraud" in rig.call("GET", "/metrics", rig.key("read", project="p2")).text
    assert "bikes" not in rig.call("GET", "/metrics", rig.key("read", deployments=("churn",))).text


def test_metrics_hold_the_queues_of_the_callers_project(rig: Rig) -> None:
    queue = {"project": "p1", "deployment": "bikes", "version": 1, "workers": 2, "waiting_rows": 7}
    queue |= {"frames": 10, "rows": 640, "model_seconds": 0.5}
    rig.runtime.counted = {0: {**Metrics().snapshot(), "queues": [queue, {**queue, "project": "p2"}]}}
    lines = rig.call("GET", "/metrics", rig.key("read")).text.splitlines()
    of = 'project="p1",deployment="bikes",version="1",gateway="0"'
    assert f"konan_waiting_rows{{{of}}} 7" in lines
    assert f"konan_model_calls_total{{{of}}} 10" in lines
    assert f"konan_model_seconds_total{{{of}}} 0.5" in lines
    assert not any('project="p2"' in line for line in lines)


def test_metrics_hold_the_resources_of_each_process(rig: Rig) -> None:
    page = rig.call("GET", "/metrics", rig.key()).text
    for name in ("cpu_seconds_total", "resident_bytes", "open_fds", "restarts_total"):
        found = re.search(rf'^konan_process_{name}{{process="control"}} ([0-9.]+)$', page, re.MULTILINE)
        assert found is not None
        assert name == "restarts_total" or float(found[1]) > 0


def test_each_family_is_described_once_and_each_sample_is_well_formed(rig: Rig) -> None:
    rig.runtime.counted = {0: counted().snapshot(), 1: counted().snapshot()}
    lines = rig.call("GET", "/metrics", rig.key()).text.splitlines()
    described = [line.split()[2] for line in lines if line.startswith("# TYPE ")]
    assert len(described) == len(set(described))
    sample = re.compile(r'[a-z_]+(\{[a-z]+="[^"\\]*"(,[a-z]+="[^"\\]*")*\})? (\+Inf|[0-9.e+-]+)')
    for line in lines:
        assert line.startswith("# ") or sample.fullmatch(line), line
    samples = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
    assert len(samples) == len(set(samples))
