"""Traffic as it is told, from counts of requests (pure)."""

from collections.abc import Iterable, Sequence
from typing import Literal

from konan.monitoring.operations.latency import Ints, quantiles
from konan.monitoring.operations.traffic import Count
from konan.monitoring.operations.traffic_counts import Found
from konan.monitoring.reports.query import Query, rfc3339
from konan.predictions.filters import SHOWN_ROLES
from konan.records.operations import ErrorCount, Latency, Saturation, TrafficWindow

Key = tuple[int, int]
"""Version (-1 for all) and number of the window."""

_ALL = -1


class _Window:
    """Requests that belong together, while they are added up."""

    def __init__(self) -> None:
        self.answered = Count()
        self.errors: dict[tuple[str, int], int] = {}

    def add(self, code: str, status: int, count: Count) -> None:
        if code:
            self.errors[code, status] = self.errors.get((code, status), 0) + count.requests
        else:
            self.answered.add(count)


def windows(
    found: Iterable[Found], asked: Query, now: float, saturation: "dict[Key, Saturation] | None" = None
) -> tuple[TrafficWindow, ...]:
    """The windows that were asked for; all together one each, also those without requests.

    Args:
        found: the requests of that time.
        asked: which windows; by version those that have requests.
        now: seconds since 1970-01-01 UTC.
        saturation: by version and number of the window.
    """
    sums: dict[Key, _Window] = {}
    if not asked.by_version:
        number = -(-(asked.end - asked.start) // asked.every)
        sums = {(asked.version or _ALL, at): _Window() for at in range(number)}
    for hour, group, count in found:
        if group.role in SHOWN_ROLES and asked.version in {None, group.version}:
            version = group.version if asked.by_version or asked.version else _ALL
            key = version, (hour - asked.start) // asked.every
            sums.setdefault(key, _Window()).add(group.code, group.status, count)
    return tuple(_told(key, sums[key], asked, now, (saturation or {}).get(key)) for key in sorted(sums))


def kind_of(status: int) -> Literal["caller", "load", "model", "platform"]:
    """Whose an error is, by the status of its answer.

    >>> kind_of(422), kind_of(429), kind_of(504), kind_of(503)
    ('caller', 'load', 'model', 'platform')
    """
    if status == 429:
        return "load"
    if status < 500:
        return "caller"
    return "model" if status in {502, 504} else "platform"


def latency(counts: Ints, microseconds: int) -> Latency | None:
    """Latencies as they are told; None of no requests.

    >>> import numpy as np
    >>> latency(np.bincount([10, 10, 40]), 60).mean
    2e-05
    """
    total = int(counts.sum())
    if not total:
        return None
    shares = (0.5, 0.9, 0.95, 0.99, 0.999, 1.0)
    p50, p90, p95, p99, p999, most = quantiles(counts, shares)
    mean = microseconds / total / 1e6
    return Latency(mean=mean, p50=p50, p90=p90, p95=p95, p99=p99, p999=p999, most=most)


def _told(
    key: Key, window: _Window, asked: Query, now: float, saturation: Saturation | None
) -> TrafficWindow:
    version, at = key
    start = asked.start + at * asked.every
    end = min(start + asked.every, asked.end)
    failed = sum(window.errors.values())
    total = window.answered.requests + failed
    past = max(min(end, now) - start, 1.0)
    return TrafficWindow(
        since=rfc3339(start),
        until=rfc3339(end),
        version=None if version == _ALL else version,
        requests=total,
        predictions=window.answered.rows,
        per_second=total / past,
        error_share=failed / total if total else 0.0,
        errors=_errors(window.errors, total),
        latency=latency(window.answered.latencies, window.answered.microseconds),
        saturation=saturation,
    )


def _errors(errors: dict[tuple[str, int], int], total: int) -> tuple[ErrorCount, ...]:
    ordered: Sequence[tuple[tuple[str, int], int]] = sorted(
        errors.items(), key=lambda item: (-item[1], item[0])
    )
    return tuple(
        ErrorCount(code=code, status=status, kind=kind_of(status), requests=count, share=count / total)
        for (code, status), count in ordered
    )
