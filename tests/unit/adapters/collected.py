"""What an OpenTelemetry collector was sent, decoded as the protocol says."""

import gzip
from collections.abc import Iterator
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.unit.adapters.receiving import Receiving, Taken


def spans(receiver: Receiving) -> list[Span]:
    """All spans so far."""
    return [
        span
        for taken in receiver.taken
        if taken.path == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(_body(taken)).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def metrics(receiver: Receiving) -> dict[str, Metric]:
    """The newest of each metric by its name."""
    return {metric.name: metric for metric in _metrics(receiver)}


def services(receiver: Receiving) -> set[str]:
    """Names of the services that sent metrics."""
    return {
        str(attributes(resource.resource)["service.name"])
        for taken in receiver.taken
        if taken.path == "/v1/metrics"
        for resource in ExportMetricsServiceRequest.FromString(_body(taken)).resource_metrics
    }


def attributes(of: Any) -> dict[str, object]:
    """The attributes of a span, a point or a resource."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in of.attributes}


def _metrics(receiver: Receiving) -> Iterator[Metric]:
    for taken in list(receiver.taken):
        if taken.path == "/v1/metrics":
            for resource in ExportMetricsServiceRequest.FromString(_body(taken)).resource_metrics:
                for scope in resource.scope_metrics:
                    yield from scope.metrics


def _body(taken: Taken) -> bytes:
    return gzip.decompress(taken.body)
