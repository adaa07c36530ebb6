"""Ground truth itself over HTTP; numpy and Arrow are loaded when somebody asks."""

import asyncio
from typing import Annotated

import msgspec

from konan import clock
from konan.control.table import Call, Nothing, Table
from konan.errors import NotFound, NotReady
from konan.monitoring.reports import query
from konan.monitoring.reports.query import DAY, Query
from konan.records.deployments import LARGEST_VERSION
from konan.records.labels import LabelQueue, LabelReport

table = Table()
_DAYS = 30
_Short = Annotated[str, msgspec.Meta(max_length=300)]


class LabelWindow(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"since": "from", "until": "to"},
):
    """Which rows; what is absent takes those of the last 30 days that the live version answered.

    Attributes:
        since: earliest time, RFC 3339; it counts from the start of its hour.
        until: the time before which rows lie, RFC 3339; to the end of its hour; absent is now.
        version: number of the version; absent is the live one.
    """

    since: _Short = ""
    until: _Short = ""
    version: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_VERSION)] | None = None

    def asked(self) -> Query:
        """As reports understand it.

        Raises:
            Invalid: something of it is not what is asked for.
        """
        start, end, _ = query.span(self.since, self.until, "", clock.now())
        start = start if self.since else max(end - _DAYS * DAY, 0)
        return Query(start, end, end - start, self.version)


class LabelQueueWindow(
    LabelWindow,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"since": "from", "until": "to"},
):
    """The same, and how many.

    Attributes:
        limit: so many rows at most.
    """

    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 20


@table.route(
    "GET",
    "/v1/deployments/{name}/labels",
    permission="read",
    query=LabelWindow,
    request=Nothing,
    response=LabelReport,
    summary="Show how sound ground truth is: how late it comes, of which slices, and what looks wrong.",
    errors=(NotFound, NotReady),
)
async def health(call: Call[LabelWindow, Nothing]) -> LabelReport:
    """Show how sound it is."""
    wanted = call.query.asked()
    reports, name = call.services.reports, call.path["name"]
    return await asyncio.to_thread(reports.labels, call.caller, name, wanted)


@table.route(
    "GET",
    "/v1/deployments/{name}/labels/queue",
    permission="read",
    query=LabelQueueWindow,
    request=Nothing,
    response=LabelQueue,
    summary="List the rows to label next: those whose truth would tell most of how good answers are.",
    errors=(NotFound, NotReady),
)
async def queue(call: Call[LabelQueueWindow, Nothing]) -> LabelQueue:
    """List the rows to label next."""
    wanted = call.query.asked()
    reports, name = call.services.reports, call.path["name"]
    return await asyncio.to_thread(reports.label_queue, call.caller, name, wanted, call.query.limit)
