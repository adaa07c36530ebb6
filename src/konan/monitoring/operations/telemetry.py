"""What OpenTelemetry is told of requests and resources, by its semantic conventions (pure).

Names and units are those of the conventions for HTTP servers, processes and systems; what they have no name
for begins with ``konan.``.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from konan.journal.entry import Entry
from konan.monitoring.operations.samples import Usage
from konan.monitoring.operations.sampling import MACHINE, PLATFORM
from konan.serving.problems import STATUS

ROUTE = "/v1/deployments/{name}/predict"
"""The route that predictions are asked for at."""

Value = str | int | float
Attributes = Mapping[str, Value]
Kind = Literal["counter", "level", "gauge", "histogram"]

_STATUSES = {"ok": 200, **{error.code: status for error, status in STATUS.items()}}
_REQUEST = {"http.request.method": "POST", "url.scheme": "http"}


class Point(NamedTuple):
    """One number of a metric, or one histogram.

    Attributes:
        attributes: what it is of.
        start: since when it counts, nanoseconds since 1970-01-01 UTC.
        value: the number; of a histogram the sum.
        counts: of a histogram, per cell; empty otherwise.
        bounds: upper bounds of all cells but the last.
    """

    attributes: Attributes
    start: int
    value: float
    counts: Sequence[int] = ()
    bounds: Sequence[float] = ()


class Metric(NamedTuple):
    """A metric with its points.

    Attributes:
        name: by the conventions.
        unit: in UCUM, as ``s`` or ``By``.
        meaning: in a sentence.
        kind: a ``counter`` only grows, a ``level`` adds up over its points, a ``gauge`` does not.
        points: of it.
    """

    name: str
    unit: str
    meaning: str
    kind: Kind
    points: tuple[Point, ...]


class Span(NamedTuple):
    """One request, or what a challenger made of it.

    Attributes:
        name: method and route.
        trace: 128 bits, not 0.
        id: 64 bits, not 0.
        parent: id of the span that caused it; 0 for none.
        start: nanoseconds since 1970-01-01 UTC.
        end: likewise.
        attributes: what it was.
        failed: whether the server is to blame; what callers do wrong is no error of the server.
    """

    name: str
    trace: int
    id: int
    parent: int
    start: int
    end: int
    attributes: Attributes
    failed: bool


def span(entry: Entry, deployment: str) -> Span:
    """The span of one record of the journal.

    Args:
        entry: of a gateway's journal.
        deployment: its name.
    """
    answers = entry.role != "challenger"
    known: dict[str, Value] = {
        "konan.request.id": entry.request_id,
        "konan.project": entry.project,
        "konan.deployment": deployment,
        "konan.version": entry.version,
        "konan.role": entry.role,
        "konan.rows": entry.rows,
    }
    if answers:
        known |= {**_REQUEST, "http.route": ROUTE, "http.response.status_code": entry.status}
    own = _number(entry.request_id, 8)
    return Span(
        name=f"POST {ROUTE}" if answers else "challenge",
        trace=trace(entry.request_id),
        id=own if answers else _number(f"{entry.request_id} {entry.version}", 8),
        parent=0 if answers else own,
        start=entry.at_ns,
        end=entry.at_ns + entry.latency_us * 1000,
        attributes=known | _failure(entry.code, entry.status),
        failed=entry.status >= 500,
    )


def trace(request_id: str) -> int:
    """The trace of a request: its id without the hyphens, so that either is found by the other.

    >>> f"{trace('019ab0c1-7d2e-7000-8123-456789abcdef'):032x}"
    '019ab0c17d2e70008123456789abcdef'
    """
    digits = request_id.replace("-", "")
    if len(digits) == 32 and set(digits) <= set("0123456789abcdef"):
        return int(digits, 16) or 1
    return _number(request_id, 16)


def taken(request_id: str, share: float) -> bool:
    """Whether a request is in the sample; the same for all that belongs to it.

    >>> sum(taken(str(number), 0.25) for number in range(1000))
    249

    Args:
        request_id: of the request.
        share: of all requests, in [0, 1].
    """
    return _number(f"sample {request_id}", 8) < share * 2**64


def requests(stats: Mapping[int, Mapping[str, Any]], starts: Mapping[int, int]) -> list[Metric]:
    """The metrics of requests, exactly as the gateways counted them.

    Args:
        stats: counters of each gateway (`konan.serving.metrics`).
        starts: since when each counts, nanoseconds since 1970-01-01 UTC.
    """
    answered = list(_parts(stats, starts, "predictions"))
    queues = list(_parts(stats, starts, "queues"))
    return [
        Metric(
            "http.server.request.duration",
            "s",
            "Duration of HTTP server requests.",
            "histogram",
            tuple(_durations(stats, answered)),
        ),
        Metric(
            "http.server.active_requests",
            "{request}",
            "Number of active HTTP server requests.",
            "level",
            tuple(
                Point({**_REQUEST, "konan.gateway": gateway}, starts[gateway], counted["in_flight"])
                for gateway, counted in stats.items()
            ),
        ),
        Metric(
            "konan.requests.refused",
            "{request}",
            "Requests that ended before a model had a say.",
            "counter",
            tuple(
                Point({"konan.code": code, "konan.gateway": gateway}, starts[gateway], count)
                for gateway, counted in stats.items()
                for code, count in counted["rejected"].items()
            ),
        ),
        _field("konan.predictions", "{row}", "Rows of requests.", "counter", answered, "rows"),
        _field("konan.workers", "{worker}", "Workers that take calls.", "gauge", queues, "workers"),
        _field("konan.rows.waiting", "{row}", "Rows that wait.", "level", queues, "waiting_rows"),
        _field("konan.model.calls", "{call}", "Calls of models.", "counter", queues, "frames"),
        _field("konan.model.time", "s", "Time that they took.", "counter", queues, "model_seconds"),
    ]


def resources(used: Iterable[Usage], start: int, processors: int) -> list[Metric]:
    """The metrics of processes and the machine over one minute.

    Args:
        used: of each process.
        start: of the minute, nanoseconds since 1970-01-01 UTC.
        processors: of the machine.
    """
    known = [one for one in used if one.seconds > 0]
    own = [one for one in known if one.process not in {MACHINE, PLATFORM}]
    machine = [one for one in known if one.process == MACHINE]
    return [
        Metric(
            "process.cpu.utilization",
            "1",
            "Processor time by time, 1 for a whole processor.",
            "gauge",
            tuple(Point(_process(one), start, one.cpu / one.seconds) for one in own),
        ),
        Metric(
            "process.memory.usage",
            "By",
            "Memory in use.",
            "level",
            tuple(Point(_process(one), start, one.memory / one.seconds) for one in own),
        ),
        Metric(
            "system.cpu.utilization",
            "1",
            "Processor time by time, 1 for all processors.",
            "gauge",
            tuple(Point({}, start, one.cpu / one.seconds / processors) for one in machine),
        ),
        Metric(
            "system.filesystem.usage",
            "By",
            "Bytes in use where the data are.",
            "level",
            tuple(
                Point({"system.filesystem.state": "used"}, start, one.disk / one.seconds) for one in machine
            ),
        ),
    ]


_Parts = list[tuple[dict[str, Value], int, Mapping[str, Any]]]


def _parts(
    stats: Mapping[int, Mapping[str, Any]], starts: Mapping[int, int], kind: str
) -> Iterator[tuple[dict[str, Value], int, Mapping[str, Any]]]:
    for gateway, counted in stats.items():
        for part in counted.get(kind, ()):
            labels: dict[str, Value] = {
                "konan.project": part["project"],
                "konan.deployment": part["deployment"],
                "konan.version": part["version"],
                "konan.gateway": gateway,
            }
            if "code" in part:
                labels |= _failure(part["code"], _STATUSES.get(part["code"], 500))
            yield labels, starts[gateway], part


def _durations(stats: Mapping[int, Mapping[str, Any]], parts: _Parts) -> Iterator[Point]:
    for labels, start, part in parts:
        status = _STATUSES.get(part["code"], 500)
        request: dict[str, Value] = {**_REQUEST, "http.route": ROUTE, "http.response.status_code": status}
        bounds = stats[int(labels["konan.gateway"])]["bounds"]
        yield Point(request | labels, start, part["seconds"]["sum"], part["seconds"]["counts"], bounds)


def _field(name: str, unit: str, meaning: str, kind: Kind, parts: _Parts, field: str) -> Metric:
    points = tuple(Point(labels, start, part[field]) for labels, start, part in parts)
    return Metric(name, unit, meaning, kind, points)


def _failure(code: str, status: int) -> dict[str, Value]:
    """Why a request was not answered: by the conventions only what the server is to blame for is an error."""
    if code in {"", "ok"}:
        return {}
    return {"konan.code": code, **({"error.type": code} if status >= 500 else {})}


def _process(one: Usage) -> Attributes:
    owner = {"konan.project": one.project} if one.project else {}
    return {"konan.process": one.process} | owner


def _number(text: str, size: int) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=size).digest(), "big") or 1
