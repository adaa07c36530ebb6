"""KPIs that users send: what a deployment is worth to them, measured by themselves, as revenue."""

from typing import Annotated

import msgspec

from konan.records.deployments import LARGEST_VERSION

MOST_SENT = 1000
"""Most points of one request."""

NAME_PATTERN = "^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$"
KpiName = Annotated[str, msgspec.Meta(pattern=NAME_PATTERN)]
"""What a KPI may be called."""


class KpiPoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A KPI at one moment; one of the same name, moment and version takes its place.

    Attributes:
        name: of the KPI.
        value: finite.
        at: RFC 3339; absent is the present.
        version: number of the version that it is about; null is the deployment as a whole.
    """

    name: KpiName
    value: float
    at: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    version: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_VERSION)] | None = None


class KpiBatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Points to keep; all or none."""

    kpis: Annotated[tuple[KpiPoint, ...], msgspec.Meta(min_length=1, max_length=MOST_SENT)]


class KpiStored(msgspec.Struct, frozen=True, kw_only=True):
    """What became of points.

    Attributes:
        stored: how many different ones are kept now.
    """

    stored: int


class KpiSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A KPI.

    Attributes:
        name: of it.
        points: how many are kept.
        first_at: moment of the oldest, RFC 3339.
        last_at: moment of the newest.
        last: value of the newest.
    """

    name: str
    points: int
    first_at: str
    last_at: str
    last: float


class KpiList(msgspec.Struct, frozen=True, kw_only=True):
    """All KPIs of a deployment, by name."""

    kpis: tuple[KpiSummary, ...]


class KpiWindow(msgspec.Struct, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    """The points of a stretch of time.

    Attributes:
        since: earliest time, RFC 3339.
        until: the time before which they lie.
        version: that they are about; null is the deployment as a whole.
        points: how many.
        sum: of their values.
        mean: of their values.
        least: smallest value.
        most: largest value.
    """

    since: str
    until: str
    version: int | None
    points: int
    sum: float
    mean: float
    least: float
    most: float


class KpiReport(msgspec.Struct, frozen=True, kw_only=True):
    """A KPI over time.

    Attributes:
        deployment: its name.
        kpi: its name.
        windows: those with points, by version, then oldest first.
    """

    deployment: str
    kpi: str
    windows: tuple[KpiWindow, ...]
