"""How a deployment and its server are kept running, as it is told: traffic, resources and KPIs.

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


class ResourceWindow(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    """What a process, or the machine, used in a stretch of time.

    Attributes:
        since: earliest time.
        until: the time before which it lies.
        process: its name; ``platform`` for all of them together, ``jobs`` for what control has had done by
            short-lived processes, ``machine`` for the whole machine.
        seconds: for which it was looked at.
        cpu: processors in use, on average; 0.5 is half of one.
        cpu_most: in the busiest sample.
        memory: resident bytes, on average; of the machine what is not available.
        memory_most: in the largest sample.
        read: bytes read from disks.
        written: bytes written to disks.
        received: bytes received over networks; of the machine only, for models have no network.
        sent: bytes sent, likewise.
        disk: bytes in use on the file system of the data directory, on average; of the machine only.
    """

    since: str
    until: str
    process: str
    seconds: float
    cpu: float
    cpu_most: float
    memory: float
    memory_most: float
    read: float
    written: float
    received: float | None = None
    sent: float | None = None
    disk: float | None = None


class ResourceReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the server uses.

    Attributes:
        processors: of the machine.
        memory: bytes of the machine.
        disk: bytes of the file system of the data directory.
        windows: by process, then oldest first.
    """

    processors: int
    memory: int
    disk: int
    windows: tuple[ResourceWindow, ...]


class TrafficReport(msgspec.Struct, frozen=True, kw_only=True):
    """The traffic of a deployment.

    Attributes:
        deployment: its name.
        windows: by version, then oldest first.
    """

    deployment: str
    windows: tuple[TrafficWindow, ...]
