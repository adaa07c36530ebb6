"""Requests and resources as OpenTelemetry's conventions want them told."""

from typing import Any

from konan.journal.entry import Entry
from konan.monitoring.operations import telemetry
from konan.monitoring.operations.samples import Usage
from konan.serving.metrics import Metrics

ID = "019ab0c1-7d2e-7000-8123-456789abcdef"


def entry(**changes: Any) -> Entry:
    known: dict[str, Any] = {
        "at_ns": 5_000_000,
        "project": "default",
        "deployment": "uuid",
        "version": 3,
        "role": "live",
        "key_id": "k",
        "request_id": ID,
        "status": 200,
        "latency_us": 1_500,
        "ids": ["a", "b"],
        "single": False,
        "body": b"[secret]",
        "outputs": [b"1", b"2"],
    }
    return Entry(**known | changes)


def test_a_request_is_a_span_of_its_own_trace() -> None:
    made = telemetry.span(entry(), "bikes")
    assert f"{made.trace:032x}" == ID.replace("-", "")
    assert (made.start, made.end, made.parent, made.failed) == (5_000_000, 6_500_000, 0, False)
    assert made.attributes == {
        "http.request.method": "POST",
        "http.route": "/v1/deployments/{name}/predict",
        "http.response.status_code": 200,
        "url.scheme": "http",
        "konan.request.id": ID,
        "konan.project": "default",
        "konan.deployment": "bikes",
        "konan.version": 3,
        "konan.role": "live",
        "konan.rows": 2,
    }


def test_only_what_the_server_is_to_blame_for_is_an_error() -> None:
    refused = telemetry.span(entry(kind="rejected", status=422, code="rows_invalid", ids=[]), "bikes")
    failed = telemetry.span(entry(kind="rejected", status=502, code="model_failed", ids=[]), "bikes")
    assert (refused.failed, failed.failed) == (False, True)
    assert (refused.attributes["konan.code"], "error.type" in refused.attributes) == ("rows_invalid", False)
    assert failed.attributes["error.type"] == "model_failed"


def test_a_challenger_belongs_to_the_request_that_it_copies() -> None:
    live = telemetry.span(entry(), "bikes")
    challenge = telemetry.span(entry(role="challenger", version=4), "bikes")
    assert (challenge.trace, challenge.parent) == (live.trace, live.id)
    assert challenge.id != live.id
    assert "http.route" not in challenge.attributes


def test_a_sample_is_of_the_size_that_was_asked_for() -> None:
    assert all(telemetry.taken(str(number), 1.0) for number in range(1000))
    assert not any(telemetry.taken(str(number), 0.0) for number in range(1000))
    assert 350 < sum(telemetry.taken(f"{ID}{number}", 0.4) for number in range(1000)) < 450


def test_requests_are_told_as_gateways_counted_them() -> None:
    counters = Metrics()
    counters.series("default", "bikes", 3).answered(5, 0.004)
    counters.series("default", "bikes", 3).answered(1, 40.0)
    counters.series("default", "bikes", 3).failed("model_failed", 2, 0.3)
    counters.rejected("unauthenticated")
    counters.in_flight = 2
    queue = {
        "project": "default",
        "deployment": "bikes",
        "version": 3,
        "workers": 1,
        "waiting_rows": 4,
        "frames": 6,
        "rows": 8,
        "model_seconds": 0.5,
    }
    stats = {0: {**counters.snapshot(), "queues": [queue]}}
    found = {metric.name: metric for metric in telemetry.requests(stats, {0: 77})}
    answered, failed = found["http.server.request.duration"].points
    assert (sum(answered.counts), answered.value, answered.start) == (2, 40.004, 77)
    assert answered.counts[-1] == 1
    assert len(answered.counts) == len(answered.bounds) + 1
    assert answered.attributes["http.response.status_code"] == 200
    assert "error.type" not in answered.attributes
    assert failed.attributes["http.response.status_code"] == 502
    assert failed.attributes["error.type"] == "model_failed"
    assert found["http.server.active_requests"].points[0].value == 2
    assert [point.value for point in found["konan.predictions"].points] == [6, 2]
    assert found["konan.requests.refused"].points[0].attributes["konan.code"] == "unauthenticated"
    assert (found["konan.rows.waiting"].points[0].value, found["konan.model.time"].points[0].value) == (
        4,
        0.5,
    )


def test_resources_are_told_per_process_and_of_the_machine() -> None:
    used = [
        Usage("", "control", seconds=60.0, cpu=30.0, memory=6000.0),
        Usage("default", "worker bikes v3 #1", seconds=30.0, cpu=30.0, memory=600.0),
        Usage("", "platform", seconds=60.0, cpu=60.0, memory=6600.0),
        Usage("", "machine", seconds=60.0, cpu=120.0, disk=6000.0),
    ]
    found = {metric.name: metric.points for metric in telemetry.resources(used, 9, 4)}
    assert [(point.attributes, point.value) for point in found["process.cpu.utilization"]] == [
        ({"konan.process": "control"}, 0.5),
        ({"konan.process": "worker bikes v3 #1", "konan.project": "default"}, 1.0),
    ]
    assert [point.value for point in found["process.memory.usage"]] == [100.0, 20.0]
    assert [point.value for point in found["system.cpu.utilization"]] == [0.5]
    assert [point.value for point in found["system.filesystem.usage"]] == [100.0]
