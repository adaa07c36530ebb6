"""KPIs that users send, over HTTP."""

import asyncio
import re

from konan.control.operations import TrafficQuery
from konan.control.table import Call, Nothing, Table
from konan.errors import Conflict, Invalid, NotFound
from konan.records.kpis import NAME_PATTERN, KpiBatch, KpiList, KpiReport, KpiStored

table = Table()
_NAME = re.compile(NAME_PATTERN)


@table.route(
    "POST",
    "/v1/deployments/{name}/kpis",
    permission="feedback",
    query=Nothing,
    request=KpiBatch,
    response=KpiStored,
    summary="Keep values of KPIs; sending one again changes nothing.",
    errors=(NotFound, Conflict),
)
async def send(call: Call[Nothing, KpiBatch]) -> KpiStored:
    """Keep points."""
    kpis = call.services.operations.kpis
    return await asyncio.to_thread(kpis.put, call.caller, call.path["name"], call.body.kpis)


@table.route(
    "GET",
    "/v1/deployments/{name}/kpis",
    permission="read",
    query=Nothing,
    request=Nothing,
    response=KpiList,
    summary="List the KPIs of a deployment.",
    errors=(NotFound,),
)
async def listed(call: Call[Nothing, Nothing]) -> KpiList:
    """List KPIs."""
    return await asyncio.to_thread(call.services.operations.kpis.list, call.caller, call.path["name"])


@table.route(
    "GET",
    "/v1/deployments/{name}/kpis/{kpi}",
    permission="read",
    query=TrafficQuery,
    request=Nothing,
    response=KpiReport,
    summary="Show a KPI over time.",
    errors=(NotFound,),
)
async def show(call: Call[TrafficQuery, Nothing]) -> KpiReport:
    """Show a KPI."""
    if call.query.by:
        raise Invalid("The parameter by means nothing here.", hint="Every version has its own windows.")
    if _NAME.fullmatch(call.path["kpi"]) is None:
        raise NotFound("No KPI can have that name.")
    asked, names = call.query.asked(), (call.path["name"], call.path["kpi"])
    return await asyncio.to_thread(call.services.operations.kpis.show, call.caller, *names, asked)
