"""Drift and quality of live rows over HTTP; numpy and Arrow are loaded when somebody asks."""

import asyncio
from typing import Annotated

import msgspec
from typing_extensions import override

from konan import clock
from konan.control.table import Call, Nothing, Table
from konan.errors import Conflict, DeadlineExceeded, Invalid, NotFound, NotReady
from konan.monitoring.reports import query
from konan.monitoring.reports.query import Query
from konan.records.deployments import LARGEST_VERSION
from konan.records.monitoring import DriftReport, MultivariateDrift, QualityReport

table = Table()
_Short = Annotated[str, msgspec.Meta(max_length=300)]


class Windowing(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"since": "from", "until": "to"},
):
    """Which rows, and how they are parted; what is absent takes the last 24 hours as a whole.

    Attributes:
        since: earliest time, RFC 3339; it counts from the start of its hour.
        until: the time before which rows lie, RFC 3339; to the end of its hour; absent is now.
        by: ``version``, or ``segment:COLUMN`` with a declared segment column.
        window: length of a window, as ``1h`` or ``7d``; absent makes one of all.
        version: number of the version; absent is the live one, or all by version.
        segment: only rows of a slice, as ``COLUMN=VALUE``; ``COLUMN`` alone is rows without a value.
    """

    since: _Short = ""
    until: _Short = ""
    by: _Short = ""
    window: Annotated[str, msgspec.Meta(max_length=10)] = ""
    version: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_VERSION)] | None = None
    segment: _Short = ""

    def asked(self) -> Query:
        """As reports understand it.

        Raises:
            Invalid: something of it is not what is asked for.
        """
        start, end, every = query.span(self.since, self.until, self.window, clock.now())
        by_version, by_segment = query.parted(self.by)
        if by_segment and self.segment:
            raise Invalid("Rows of one slice cannot be parted by a segment too.", hint="Give by or segment.")
        return Query(
            start, end, every, self.version, by_version, by_segment, segment=query.sliced(self.segment)
        )


class DriftWindowing(
    Windowing,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"since": "from", "until": "to"},
):
    """The same, and a second thing to compare with.

    Attributes:
        season: length, as ``7d`` or ``364d``: windows are also compared with live rows of so long before.
    """

    season: Annotated[str, msgspec.Meta(max_length=10)] = ""

    @override
    def asked(self) -> Query:
        found = Windowing.asked(self)
        if not self.season:
            return found
        season = query.length(self.season)
        if season < found.every:
            raise Invalid("The season before would overlap with the window.", hint="Take shorter windows.")
        return found._replace(season=season)


@table.route(
    "GET",
    "/v1/deployments/{name}/drift",
    permission="read",
    query=DriftWindowing,
    request=Nothing,
    response=DriftReport,
    summary="Show how live rows compare with the reference: one verdict, and of each column significance, "
    "effect and noise floor.",
    errors=(NotFound,),
)
async def drift(call: Call[DriftWindowing, Nothing]) -> DriftReport:
    """Show drift."""
    wanted = call.query.asked()
    reports, name = call.services.reports, call.path["name"]
    return await asyncio.to_thread(reports.drift, call.caller, name, wanted)


class OneWindow(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"since": "from", "until": "to"},
):
    """Which rows, as a whole; what is absent takes the last 24 hours.

    Attributes:
        since: earliest time, RFC 3339; it counts from the start of its hour.
        until: the time before which rows lie, RFC 3339; to the end of its hour; absent is now.
        version: number of the version; absent is the live one.
        segment: only rows of a slice, as ``COLUMN=VALUE``; ``COLUMN`` alone is rows without a value.
    """

    since: _Short = ""
    until: _Short = ""
    version: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_VERSION)] | None = None
    segment: _Short = ""

    def asked(self) -> Query:
        """As reports understand it.

        Raises:
            Invalid: something of it is not what is asked for.
        """
        start, end, every = query.span(self.since, self.until, "", clock.now())
        return Query(start, end, every, self.version, segment=query.sliced(self.segment))


@table.route(
    "GET",
    "/v1/deployments/{name}/drift/multivariate",
    permission="read",
    query=OneWindow,
    request=Nothing,
    response=MultivariateDrift,
    summary="Show whether a classifier can tell live rows from those given at deploy, and by which inputs; "
    "it reads rows, and takes seconds.",
    errors=(NotFound, Conflict, NotReady, DeadlineExceeded),
)
async def multivariate(call: Call[OneWindow, Nothing]) -> MultivariateDrift:
    """Show multivariate drift."""
    return await call.services.multivariate(call.caller, call.path["name"], call.query.asked())


@table.route(
    "GET",
    "/v1/deployments/{name}/quality",
    permission="read",
    query=Windowing,
    request=Nothing,
    response=QualityReport,
    summary="Show what is wrong with the rows that a deployment is sent: refused, missing, unseen, out of "
    "range, constant, stale or repeated, and how many there are.",
    errors=(NotFound,),
)
async def quality(call: Call[Windowing, Nothing]) -> QualityReport:
    """Show quality."""
    wanted = call.query.asked()
    reports, name = call.services.reports, call.path["name"]
    return await asyncio.to_thread(reports.quality, call.caller, name, wanted)
