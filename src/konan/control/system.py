"""The server itself over HTTP: how it is, what it counts, and the document of its API."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from konan import clock
from konan.control import elsewhere, exposition, gauges, metrics, openapi
from konan.control.table import Call, Nothing, Table, Text

table = Table()


class System(msgspec.Struct, frozen=True, kw_only=True):
    """How the server is.

    Attributes:
        version: of Konan.
        started_at: RFC 3339.
        sandbox: level and layers under which models run; empty while none has run.
        processes: ``{"name", "pid", "restarts"}`` of each.
        generation: number of the routes that are being served.
    """

    version: str
    started_at: str
    sandbox: dict[str, Any]
    processes: tuple[Mapping[str, Any], ...]
    generation: int


@table.route(
    "GET",
    "/v1/system",
    permission="read",
    query=Nothing,
    request=Nothing,
    response=System,
    summary="Show how the server is.",
)
async def show(call: Call[Nothing, Nothing]) -> System:
    """Show how the server is."""
    services = call.services
    fleet = services.fleet
    return System(
        version=services.version,
        started_at=services.started_at,
        sandbox=fleet.sandbox,
        processes=metrics.shown_processes(services.runtime.processes(), fleet.labels(call.caller)),
        generation=fleet.generation,
    )


@table.route(
    "GET",
    "/metrics",
    permission="read",
    query=Nothing,
    request=Nothing,
    response=Text,
    media_type=exposition.MEDIA_TYPE,
    summary="Show what is counted, as Prometheus reads it.",
)
async def show_metrics(call: Call[Nothing, Nothing]) -> Text:
    """Show what is counted."""
    services = call.services
    processes = metrics.shown_processes(services.runtime.processes(), services.fleet.labels(call.caller))
    page = metrics.page(
        call.caller,
        version=services.version,
        generation=services.fleet.generation,
        stats=services.runtime.stats(),
        processes=processes,
    )
    alarms = await asyncio.to_thread(gauges.seen, services.store, call.caller)
    watched = gauges.page(alarms, clock.rfc3339(clock.now()))
    measured = gauges.performance(await asyncio.to_thread(gauges.newest_seen, services, call.caller))
    return Text((page + watched + measured).encode())


@table.route(
    "GET",
    "/openapi.json",
    permission=("read", "predict"),
    query=Nothing,
    request=Nothing,
    response=dict,
    summary="Show this document.",
)
async def document(call: Call[Nothing, Nothing]) -> dict[str, Any]:
    """Show the document of the API."""
    return openapi.document([*call.api, *elsewhere.ENDPOINTS], call.services.version)
