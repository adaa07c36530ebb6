"""Decisions and metrics of deployments over HTTP: what an owner says that answers are worth."""

import asyncio
from typing import Annotated, Literal

import msgspec

from konan import clock
from konan.access.permissions import require
from konan.control.table import Call, Nothing, Table
from konan.errors import Conflict, Invalid, NotFound
from konan.monitoring.custom_metrics import running
from konan.monitoring.custom_metrics.running import Order
from konan.monitoring.reports import decision_rules
from konan.records.measures import LONGEST_CODE, CustomMetric, Decision, Name

table = Table()
_CODE = "model:upload-code"


class NewMetric(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A metric to make.

    Attributes:
        name: unique in the deployment; that of no metric that Konan has.
        code: a Python program that defines ``metric(rows)``.
        better: whether ``higher`` or ``lower`` is better.
    """

    name: Name
    code: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_CODE)]
    better: Literal["higher", "lower"] = "higher"


class MetricList(msgspec.Struct, frozen=True, kw_only=True):
    """All metrics that people wrote for a deployment, by name."""

    metrics: tuple[CustomMetric, ...]


@table.route(
    "GET",
    "/v1/deployments/{name}/decision",
    permission="read",
    query=Nothing,
    request=Nothing,
    response=Decision,
    summary="Show how a deployment's answers are used and what they are worth, as far as it is declared.",
    errors=(NotFound,),
)
async def show_decision(call: Call[Nothing, Nothing]) -> Decision:
    """Show a decision."""
    store = call.services.store
    return await asyncio.to_thread(store.decision, call.caller, call.path["name"]) or Decision()


@table.route(
    "PUT",
    "/v1/deployments/{name}/decision",
    permission="deploy",
    query=Nothing,
    request=Decision,
    response=Decision,
    summary="Declare a threshold, what answers are worth, and when truths are due; nothing takes it back.",
    errors=(Invalid, NotFound),
)
async def put_decision(call: Call[Nothing, Decision]) -> Decision:
    """Declare a decision."""
    await asyncio.to_thread(_put, call)
    return call.body


@table.route(
    "GET",
    "/v1/deployments/{name}/metrics",
    permission="read",
    query=Nothing,
    request=Nothing,
    response=MetricList,
    summary="List the metrics that people wrote for a deployment.",
    errors=(NotFound,),
)
async def list_metrics(call: Call[Nothing, Nothing]) -> MetricList:
    """List metrics."""
    found = await asyncio.to_thread(call.services.store.list_metrics, call.caller, call.path["name"])
    return MetricList(metrics=tuple(found))


@table.route(
    "POST",
    "/v1/deployments/{name}/metrics",
    permission="deploy",
    query=Nothing,
    request=NewMetric,
    response=CustomMetric,
    status=201,
    summary="Make a metric from a Python program, which runs in a sandbox; it needs model:upload-code too.",
    errors=(Invalid, NotFound, Conflict),
)
async def create_metric(call: Call[Nothing, NewMetric]) -> CustomMetric:
    """Make a metric."""
    require(call.caller, _CODE)
    services, name, new = call.services, call.path["name"], call.body
    deployment = await asyncio.to_thread(services.store.deployment, call.caller, name)
    made = CustomMetric(
        name=new.name,
        code=new.code,
        better=new.better,
        created_at=clock.rfc3339(clock.now()),
        made_by=call.caller.key_id,
    )
    order = Order(
        directory=str(services.paths.predictions),
        deployment=deployment.uuid,
        schemas={},
        parts=(),
        metrics=(made,),
        rows=0,
        unsafe=services.settings.unsafe_models,
    )
    await running.measured(order)
    await asyncio.to_thread(services.store.add_metric, call.caller, name, made)
    return made


@table.route(
    "DELETE",
    "/v1/deployments/{name}/metrics/{metric}",
    permission="deploy",
    query=Nothing,
    request=Nothing,
    response=CustomMetric,
    summary="Remove a metric that somebody wrote.",
    errors=(NotFound,),
)
async def remove_metric(call: Call[Nothing, Nothing]) -> CustomMetric:
    """Remove a metric."""
    store, path = call.services.store, call.path
    return await asyncio.to_thread(store.remove_metric, call.caller, path["name"], path["metric"])


def _put(call: Call[Nothing, Decision]) -> None:
    store, caller, name = call.services.store, call.caller, call.path["name"]
    number = store.deployment(caller, name).live_version
    version = None if number is None else store.version(caller, name, number)
    if version is not None and version.schema is not None:
        decision_rules.check(call.body, version.schema.output)
    store.put_decision(caller, name, None if call.body == Decision() else call.body)
