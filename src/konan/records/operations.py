"""How a deployment and its server are kept running, as it is told: traffic, resources, users' measures.

Times are RFC 3339 UTC, durations seconds, sizes bytes, shares fractions in [0, 1].
"""

from typing import Literal

import msgspec


class ErrorCount(msgspec.Struct, frozen=True, kw_only=True):
    """Requests that ended with one error.

    Attributes:
        code: as in the answer.
        status: of HTTP.
        kind: whose it is: of the ``caller``, of the ``load``, of the ``model``, or of the ``platform``.
        requests: how many.
        share: of all requests.
    """

    code: str
    status: int
    kind: Literal["caller", "load", "model", "platform"]
    requests: int
    share: float


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """How long answered requests took, from the whole request to its record in the journal.

    Attributes:
        mean: exact.
        p50: not exceeded by half of the requests; this and the others are within 1.6 %.
        p90: by nine of ten.
        p95: by 95 of 100.
        p99: by 99 of 100.
        p999: by 999 of 1000.
        most: of the slowest.
    """

    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    p999: float
    most: float


class Saturation(msgspec.Struct, frozen=True, kw_only=True):
    """How busy the workers were, by samples; fewer than all minutes of a window may have some.

    Attributes:
        busy: share of the workers' time in which they had rows of a call.
        busy_most: the same of the busiest minute.
        waiting: rows that waited for a worker, on average.
        waiting_most: most rows that were seen waiting.
        workers: workers, on average.
    """

    busy: float
    busy_most: float
    waiting: float
    waiting_most: int
    workers: float


class TrafficWindow(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    """The requests of a stretch of time.

    Attributes:
        since: earliest time.
        until: the time before which they lie.
        version: that they were for; null is all together, 0 those that reached none.
        requests: answered ones, and those that were refused or failed.
        predictions: rows that were answered.
        per_second: requests a second, on average over the part of the window that is past.
        error_share: share of the requests that were not answered with a prediction.
        errors: those by code, most frequent first.
        latency: of the answered ones; null if there are none.
        saturation: null if nothing was sampled then.
    """

    since: str
    until: str
    version: int | None
    requests: int
    predictions: int
    per_second: float
    error_share: float
    errors: tuple[ErrorCount, ...] = ()
    latency: Latency | None = None
    saturation: Saturation | None = None


class TrafficReport(msgspec.Struct, frozen=True, kw_only=True):
    """The traffic of a deployment.

    Attributes:
        deployment: its name.
        windows: by version, then oldest first.
    """

    deployment: str
    windows: tuple[TrafficWindow, ...]
