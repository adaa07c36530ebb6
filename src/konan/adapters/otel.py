"""Telemetry to an OpenTelemetry collector by OTLP over HTTP (the extra ``otel``).

The counters of gateways are counted already, and requests are told by the journal. So nothing is measured
here: metrics and spans are made as they are, and the library encodes and sends them.
"""

import logging
import re
import socket
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from typing_extensions import override

import konan
from konan import ids
from konan.errors import Invalid, MissingExtra
from konan.monitoring.operations import telemetry
from konan.monitoring.operations.exporting import Collector
from konan.monitoring.operations.telemetry import Point

try:
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics.export import (
        AggregationTemporality,
        Gauge,
        Histogram,
        HistogramDataPoint,
        Metric,
        MetricExportResult,
        MetricsData,
        NumberDataPoint,
        ResourceMetrics,
        ScopeMetrics,
        Sum,
    )
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
except ModuleNotFoundError:
    raise MissingExtra(
        "The setting otel_endpoint needs the OpenTelemetry exporter, which is not installed.",
        hint="pip install 'konan-mlops[server,otel]'",
    ) from None

_WITHIN = 5.0
"""Seconds within which a collector must have taken what it is sent, retries included."""

_CUMULATIVE = AggregationTemporality.CUMULATIVE
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_UNKNOWN = cast("float", None)
"""The least and the greatest value of a histogram are left out: gateways count cells only."""


class Otlp(Collector):
    """A collector.

    Args:
        endpoint: its base address, as ``http://127.0.0.1:4318``.
        headers: sent along; they may hold a key, and are never logged.
        root: the data directory, which tells servers of a machine apart.

    Raises:
        Invalid: the address is none.
    """

    def __init__(self, endpoint: str, headers: Mapping[str, str], root: Path) -> None:
        address = _checked(endpoint)
        # its own messages name addresses and come with every attempt; the exporter tells of changes
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        host = socket.gethostname()
        self._scope = InstrumentationScope("konan", konan.__version__)
        self._resource = Resource(
            {
                "service.name": "konan",
                "service.version": konan.__version__,
                "service.instance.id": ids.sha256_hex(f"{host} {root}".encode())[:32],
                "host.name": host,
            }
        )
        self._metrics = OTLPMetricExporter(
            endpoint=f"{address}/v1/metrics",
            headers=dict(headers),
            timeout=_WITHIN,
            compression=Compression.Gzip,
            session=_session(),
        )
        self._spans: SpanExporter = OTLPSpanExporter(
            endpoint=f"{address}/v1/traces",
            headers=dict(headers),
            timeout=_WITHIN,
            compression=Compression.Gzip,
            session=_session(),
        )

    @override
    def metrics(self, metrics: Sequence[telemetry.Metric], at: int) -> bool:
        """Send metrics; see `Collector.metrics`."""
        made = [_metric(one, at) for one in metrics if one.points]
        scope = ScopeMetrics(scope=self._scope, metrics=made, schema_url="")
        whole = ResourceMetrics(resource=self._resource, scope_metrics=[scope], schema_url="")
        sent = self._metrics.export(MetricsData(resource_metrics=[whole]))
        return sent is MetricExportResult.SUCCESS

    @override
    def spans(self, spans: Sequence[telemetry.Span]) -> bool:
        """Send spans; see `Collector.spans`."""
        return self._spans.export([self._span(one) for one in spans]) is SpanExportResult.SUCCESS

    @override
    def close(self) -> None:
        """Send no more; see `Collector.close`."""
        self._metrics.shutdown()
        self._spans.shutdown()

    def _span(self, one: telemetry.Span) -> ReadableSpan:
        return ReadableSpan(
            name=one.name,
            context=_context(one.trace, one.id),
            parent=_context(one.trace, one.parent) if one.parent else None,
            resource=self._resource,
            attributes=one.attributes,
            kind=SpanKind.INTERNAL if one.parent else SpanKind.SERVER,
            status=Status(StatusCode.ERROR if one.failed else StatusCode.UNSET),
            start_time=one.start,
            end_time=one.end,
            instrumentation_scope=self._scope,
        )


def headers(path: str) -> dict[str, str]:
    """The headers in a file: ``name: value``, one a line.

    Args:
        path: of the file; empty for no headers.

    Raises:
        Invalid: the file cannot be read, or a line is no header. No line is told: it may hold a key.
    """
    if not path:
        return {}
    try:
        lines = Path(path).expanduser().read_text("utf-8").splitlines()
    except (OSError, ValueError):
        raise Invalid("The file that the setting otel_headers_file names cannot be read.") from None
    found = {}
    for number, line in enumerate(lines, 1):
        name, colon, value = line.partition(":")
        if not line.strip():
            continue
        if not colon or not _HEADER.fullmatch(name.strip()) or not value.strip().isprintable():
            raise Invalid(
                f"Line {number} of the file that the setting otel_headers_file names is no header.",
                hint="Write name: value, one a line.",
            )
        found[name.strip()] = value.strip()
    return found


def _checked(endpoint: str) -> str:
    try:
        parts = urlsplit(endpoint)
        good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or "@" in endpoint or "?" in endpoint or "#" in endpoint:
        raise Invalid(
            "The setting otel_endpoint must be an http or https address without user, query and fragment.",
            hint="Write http://127.0.0.1:4318; keys go into the file of otel_headers_file.",
        )
    return endpoint.rstrip("/")


def _session() -> Any:
    """Connections on which an answer that leads elsewhere is an error; the library takes it for a success."""
    session = import_module("requests").Session()
    session.hooks["response"] = [_stay]
    return session


def _stay(answer: Any, **_: object) -> None:
    if 300 <= answer.status_code < 400:
        answer.close()
        raise ConnectionRefusedError("The collector is elsewhere.")


def _context(trace: int, span: int) -> SpanContext:
    return SpanContext(trace, span, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _metric(one: telemetry.Metric, at: int) -> Metric:
    data: Sum | Gauge | Histogram
    if one.kind == "histogram":
        data = Histogram([_histogram(point, at) for point in one.points], _CUMULATIVE)
    elif one.kind == "gauge":
        data = Gauge([_number(point, at) for point in one.points])
    else:
        data = Sum([_number(point, at) for point in one.points], _CUMULATIVE, one.kind == "counter")
    return Metric(one.name, one.meaning, one.unit, data)


def _number(point: Point, at: int) -> NumberDataPoint:
    return NumberDataPoint(point.attributes, point.start, at, point.value)


def _histogram(point: Point, at: int) -> HistogramDataPoint:
    return HistogramDataPoint(
        attributes=point.attributes,
        start_time_unix_nano=point.start,
        time_unix_nano=at,
        count=sum(point.counts),
        sum=point.value,
        bucket_counts=point.counts,
        explicit_bounds=point.bounds,
        min=_UNKNOWN,
        max=_UNKNOWN,
    )
