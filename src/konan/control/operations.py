"""Traffic of deployments, resources of the server, and KPIs that users send, over HTTP."""

import asyncio
from typing import Annotated

import msgspec

from konan import clock
from konan.control.table import Call, Nothing, Table
from konan.errors import Invalid, NotFound, NotReady
from konan.monitoring.reports import query
from konan.monitoring.reports.query import Query
from konan.records.deployments import LARGEST_VERSION
from konan.records.operations import ResourceReport, TrafficReport

table = Table()
_Short = Annotated[str, msgspec.Meta(max_length=300)]
_Length = Annotated[str, msgspec.Meta(max_length=10)]


class TrafficQuery(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"since": "from", "until": "to"},
):
    """Which requests, and how they are parted; what is absent takes the last 24 hours as a whole.

    Attributes:
        since: earliest time, RFC 3339; it counts from the start of its hour.
        until: the time before which requests came, RFC 3339; to the end of its hour; absent is now.
        by: ``version`` parts them so.
        window: length of a window, as ``1h`` or ``7d``; absent makes one of all.
        version: number of the version; absent is all.
    """

    since: _Short = ""
    until: _Short = ""
    by: _Short = ""
    window: _Length = ""
    version: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_VERSION)] | None = None

    def asked(self) -> Query:
        """As reports understand it.

        Raises:
            Invalid: something of it is not what is asked for.
        """
        if self.by not in {"", "version"}:
            raise Invalid("The parameter by is not known.", hint="Write version.")
        start, end, every = query.span(self.since, self.until, self.window, clock.now())
        return Query(start, end, every, self.version, by_version=bool(self.by))


class ResourceQuery(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"since": "from", "until": "to"},
):
    """Whose use of resources, and how it is parted; what is absent takes the last hour as a whole.

    Attributes:
        since: earliest time, RFC 3339; it counts from the start of its minute, after a day of its hour.
        until: the time before which it lies, RFC 3339; absent is now.
        window: length of a window, as ``5m``, ``1h`` or ``1d``; absent makes one of all.
        deployment: name of the deployment whose workers alone are wanted.
    """

    since: _Short = ""
    until: _Short = ""
    window: _Length = ""
    deployment: _Short = ""


@table.route(
    "GET",
    "/v1/deployments/{name}/traffic",
    permission="read",
    query=TrafficQuery,
    request=Nothing,
    response=TrafficReport,
    summary="Show the requests of a deployment: their number, errors, latency, and how busy workers are.",
    errors=(NotFound, NotReady),
)
async def traffic(call: Call[TrafficQuery, Nothing]) -> TrafficReport:
    """Show traffic."""
    wanted = call.query.asked()
    operations, name = call.services.operations, call.path["name"]
    return await asyncio.to_thread(operations.traffic, call.caller, name, wanted)


@table.route(
    "GET",
    "/v1/resources",
    permission="read",
    query=ResourceQuery,
    request=Nothing,
    response=ResourceReport,
    summary="Show what each process and the machine used: processors, memory, disks and network.",
    errors=(NotFound,),
)
async def resources(call: Call[ResourceQuery, Nothing]) -> ResourceReport:
    """Show resources."""
    operations, asked = call.services.operations, call.query
    given = asked.deployment, asked.since, asked.until, asked.window
    return await asyncio.to_thread(operations.resources, call.caller, *given)
