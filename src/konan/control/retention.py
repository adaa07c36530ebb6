"""How the rows of a deployment age, over HTTP."""

import asyncio

from konan.control.services import Services
from konan.control.table import Call, Nothing, Table
from konan.errors import NotFound
from konan.predictions.retention import days_of, removed
from konan.records.access import Principal
from konan.records.retention import Retention

table = Table()


@table.route(
    "GET",
    "/v1/deployments/{name}/retention",
    permission="read",
    query=Nothing,
    request=Nothing,
    response=Retention,
    summary="Show for how many days rows of a deployment are kept, and what went because of its age.",
    errors=(NotFound,),
)
async def show(call: Call[Nothing, Nothing]) -> Retention:
    """Show how rows age."""
    return await asyncio.to_thread(_retention, call.services, call.caller, call.path["name"])


def _retention(services: Services, caller: Principal, name: str) -> Retention:
    deployment = services.store.deployment(caller, name)
    number = deployment.live_version
    live = None if number is None else services.store.version(caller, name, number)
    says = live is not None and live.retention_days is not None
    return Retention(
        deployment=name,
        days=days_of(services.settings.retention_days, live),
        version=number if says else None,
        removed=tuple(removed(services.paths.predictions, deployment)),
    )
