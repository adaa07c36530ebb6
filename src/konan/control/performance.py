"""Performance over HTTP; numpy and Arrow are loaded when somebody asks."""

import asyncio
from typing import Annotated

import msgspec

from konan.control.monitoring import Windowing
from konan.control.table import Call, Nothing, Table
from konan.errors import DeadlineExceeded, Invalid, NotFound
from konan.records.performance import PerformanceReport

table = Table()


class Performing(
    Windowing,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"since": "from", "until": "to"},
):
    """Which rows, how they are parted, and what is told of them.

    Attributes:
        metric: only this one; also one that somebody wrote, which otherwise stand beside single windows only.
    """

    metric: Annotated[str, msgspec.Meta(max_length=63)] = ""


@table.route(
    "GET",
    "/v1/deployments/{name}/performance",
    permission="read",
    query=Performing,
    request=Nothing,
    response=PerformanceReport,
    summary="Show how good answers were, by the truths that came: metrics with intervals, estimates beside "
    "them, what answers were worth, and slices with worse ones.",
    errors=(Invalid, NotFound, DeadlineExceeded),
)
async def performance(call: Call[Performing, Nothing]) -> PerformanceReport:
    """Show performance."""
    wanted = call.query.asked()
    reports, name = call.services.reports, call.path["name"]
    return await asyncio.to_thread(reports.performance, call.caller, name, wanted, call.query.metric)
