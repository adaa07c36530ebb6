"""OTLP as a real receiver decodes it, and what is refused."""

import importlib
import sys
from pathlib import Path

import pytest
from tests.unit.adapters import collected
from tests.unit.adapters.receiving import server

from konan.adapters import otel
from konan.errors import Invalid, MissingExtra
from konan.monitoring.operations.telemetry import Metric, Point, Span

REQUEST = Span("POST /x", 0xAB << 120, 5, 0, 1_000, 3_000, {"konan.rows": 2}, failed=False)
CHALLENGE = Span("challenge", 0xAB << 120, 6, 5, 1_500, 2_500, {"konan.role": "challenger"}, failed=True)
SERVER, INTERNAL = 2, 1
METRICS = (
    Metric("took", "s", "Time.", "histogram", (Point({"a": "b"}, 10, 2.5, (1, 0, 2), (0.5, 1.0)),)),
    Metric("done", "{x}", "Things.", "counter", (Point({}, 10, 7),)),
    Metric("busy", "{x}", "Things.", "level", (Point({}, 10, 3),)),
    Metric("full", "1", "Share.", "gauge", (Point({}, 10, 0.25),)),
    Metric("none", "1", "Nothing.", "gauge", ()),
)


def test_metrics_arrive_as_they_were_counted(tmp_path: Path) -> None:
    with server() as receiver:
        receiver.status = 200
        collector = otel.Otlp(f"http://127.0.0.1:{receiver.port}/", {"X-Key": "geheim"}, tmp_path)
        assert collector.metrics(METRICS, 99)
        collector.close()
    found = collected.metrics(receiver)
    assert set(found) == {"took", "done", "busy", "full"}
    (histogram,) = found["took"].histogram.data_points
    assert (histogram.count, histogram.sum, list(histogram.bucket_counts)) == (3, 2.5, [1, 0, 2])
    assert (list(histogram.explicit_bounds), histogram.HasField("min")) == ([0.5, 1.0], False)
    assert (histogram.start_time_unix_nano, histogram.time_unix_nano) == (10, 99)
    assert found["done"].sum.is_monotonic
    assert not found["busy"].sum.is_monotonic
    assert found["full"].gauge.data_points[0].as_double == 0.25
    assert collected.services(receiver) == {"konan"}
    assert {name.lower(): value for name, value in receiver.taken[0].headers.items()}["x-key"] == "geheim"


def test_spans_arrive_with_their_cause(tmp_path: Path) -> None:
    with server() as receiver:
        receiver.status = 200
        collector = otel.Otlp(f"http://127.0.0.1:{receiver.port}", {}, tmp_path)
        assert collector.spans([REQUEST, CHALLENGE])
        collector.close()
    request, challenge = collected.spans(receiver)
    assert request.trace_id == challenge.trace_id == b"\xab" + bytes(15)
    assert (request.parent_span_id, challenge.parent_span_id) == (b"", request.span_id)
    assert (request.start_time_unix_nano, request.end_time_unix_nano) == (1_000, 3_000)
    assert (request.status.code, challenge.status.code) == (0, 2)
    assert (request.kind, challenge.kind) == (SERVER, INTERNAL)
    assert collected.attributes(request) == {"konan.rows": 2}


@pytest.mark.parametrize("status", [302, 400, 401])
def test_what_is_not_taken_is_told_and_follows_nobody(tmp_path: Path, status: int) -> None:
    with server() as elsewhere, server() as receiver:
        receiver.status = status
        receiver.headers = {"Location": f"http://127.0.0.1:{elsewhere.port}/"}
        collector = otel.Otlp(f"http://127.0.0.1:{receiver.port}", {"X-Key": "geheim"}, tmp_path)
        assert not collector.spans([REQUEST])
        collector.close()
        assert not elsewhere.taken


@pytest.mark.parametrize(
    "endpoint",
    ["collector:4318", "ftp://collector", "http://", "http://me:key@collector", "http://[", "http://c?key=1"],
)
def test_an_address_that_is_none_is_refused_and_not_repeated(tmp_path: Path, endpoint: str) -> None:
    with pytest.raises(Invalid) as refused:
        otel.Otlp(endpoint, {}, tmp_path)
    assert endpoint not in refused.value.message


def test_headers_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "headers"
    path.write_text("Authorization: Bearer a:b\n\n x-tenant :  7\n")
    assert otel.headers(str(path)) == {"Authorization": "Bearer a:b", "x-tenant": "7"}
    assert otel.headers("") == {}


@pytest.mark.parametrize("content", ["geheim", "bad name: geheim", "x: geh\x01eim", ": geheim"])
def test_a_line_that_is_no_header_is_not_shown(tmp_path: Path, content: str) -> None:
    path = tmp_path / "headers"
    path.write_text(content)
    with pytest.raises(Invalid, match="Line 1") as refused:
        otel.headers(str(path))
    assert "geheim" not in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="otel_headers_file"):
        otel.headers(str(tmp_path / "none"))


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http", None)
    monkeypatch.delitem(sys.modules, "konan.adapters.otel")
    with pytest.raises(MissingExtra, match="otel_endpoint") as missing:
        importlib.import_module("konan.adapters.otel")
    assert missing.value.hint is not None
    assert "konan-mlops[server,otel]" in missing.value.hint
