"""Deployments and their versions over HTTP."""

import asyncio
import re
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from konan import clock, ids
from konan.control import pages
from konan.control.bodies import Upload
from konan.control.pages import Page
from konan.control.services import Services
from konan.control.table import Call, Nothing, Table
from konan.control.tail import Wanted, search
from konan.errors import (
    BodyTooLarge,
    Fault,
    Invalid,
    MediaTypeUnsupported,
    ModelFileInvalid,
    NotFound,
    NotReady,
    RequestTimeout,
    StorageFull,
)
from konan.records.access import Principal
from konan.records.deployments import LARGEST_VERSION, Deployment, Version
from konan.records.logs import Level, LogLine
from konan.serving import openapi

table = Table()
_NUMBER = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


class DeploymentList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of deployments, and the cursor of the next one."""

    deployments: tuple[Deployment, ...]
    next: str | None


class VersionList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of versions, newest first, and the cursor of the next one."""

    versions: tuple[Version, ...]
    next: str | None


class LogQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which lines of a log.

    Attributes:
        version: number of the version; absent is the live one, else the newest.
        lines: most lines, 1 to 10000.
        grep: text that is in the lines, in any case of letters.
        since: earliest time, RFC 3339.
        until: the time before which they came, RFC 3339.
        level: least severe ones: ``debug``, ``info``, ``warning`` or ``error``.
    """

    version: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_VERSION)] | None = None
    lines: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 100
    grep: Annotated[str, msgspec.Meta(max_length=300)] = ""
    since: Annotated[str, msgspec.Meta(max_length=40)] = msgspec.field(default="", name="from")
    until: Annotated[str, msgspec.Meta(max_length=40)] = msgspec.field(default="", name="to")
    level: Level = "debug"

    def wanted(self) -> Wanted:
        """As it is searched for.

        Raises:
            Invalid: a time is none.
        """
        return Wanted(
            self.lines, self.grep, _moment(self.since, "from"), _moment(self.until, "to"), self.level
        )


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """The newest lines that a version's model wrote, oldest first: as texts, and with time and level."""

    deployment: str
    version: int
    lines: tuple[str, ...]
    entries: tuple[LogLine, ...] = ()


@table.route(
    "POST",
    "/v1/deployments/{name}/versions",
    permission="deploy",
    query=Nothing,
    request=Upload,
    response=Version,
    status=202,
    summary="Upload a model as a new version; it is built, certified and made live in the background. "
    "A format that runs code needs the scope model:upload-code too.",
    errors=(
        BodyTooLarge,
        Invalid,
        MediaTypeUnsupported,
        ModelFileInvalid,
        NotFound,
        RequestTimeout,
        StorageFull,
    ),
)
async def upload(call: Call[Nothing, Upload]) -> Version:
    """Take in a version."""
    services, name = call.services, call.path["name"]
    if not ids.is_name(name):
        rule = "Lower-case letters, digits and inner hyphens, at most 63."
        fault = Fault(pointer="", code="invalid_name", message=rule)
        raise Invalid("That cannot be the name of a deployment.", faults=(fault,))
    if not call.caller.sees(name):
        raise NotFound("There is no such deployment.")
    path = services.paths.uploads / f"{ids.new_uuid()}.zip"
    try:
        await call.body.save(path)
        version = await asyncio.to_thread(services.registrar.accept, call.caller, name, path)
    finally:
        path.unlink(missing_ok=True)
    services.fleet.bring_up(call.caller, version)
    return version


@table.route(
    "GET",
    "/v1/deployments",
    permission="read",
    query=Page,
    request=Nothing,
    response=DeploymentList,
    summary="List the deployments that the key reaches, by name.",
)
async def listing(call: Call[Page, Nothing]) -> DeploymentList:
    """List deployments."""
    page = call.query
    found = await asyncio.to_thread(
        call.services.store.list_deployments, call.caller, page.limit + 1, page.after()
    )
    shown, following = pages.cut(found, page.limit, lambda deployment: deployment.name)
    states = [await _shown(call.services, call.caller, deployment) for deployment in shown]
    return DeploymentList(deployments=tuple(states), next=following)


@table.route(
    "GET",
    "/v1/deployments/{name}",
    permission="read",
    query=Nothing,
    request=Nothing,
    response=Deployment,
    summary="Show a deployment and how it is.",
    errors=(NotFound,),
)
async def show(call: Call[Nothing, Nothing]) -> Deployment:
    """Show a deployment."""
    deployment = await asyncio.to_thread(call.services.store.deployment, call.caller, call.path["name"])
    return await _shown(call.services, call.caller, deployment)


@table.route(
    "GET",
    "/v1/deployments/{name}/versions",
    permission="read",
    query=Page,
    request=Nothing,
    response=VersionList,
    summary="List the versions of a deployment, newest first.",
    errors=(NotFound,),
)
async def versions(call: Call[Page, Nothing]) -> VersionList:
    """List versions."""
    page = call.query
    after = page.after()
    before = number_of(after) if after else None
    found = await asyncio.to_thread(
        call.services.store.list_versions, call.caller, call.path["name"], page.limit + 1, before
    )
    shown, following = pages.cut(found, page.limit, lambda version: str(version.version))
    return VersionList(versions=shown, next=following)


@table.route(
    "GET",
    "/v1/deployments/{name}/versions/{number}",
    permission="read",
    query=Nothing,
    request=Nothing,
    response=Version,
    summary="Show a version: its state, schema, certificate, and why it failed if it did.",
    errors=(NotFound,),
)
async def version(call: Call[Nothing, Nothing]) -> Version:
    """Show a version."""
    return await asyncio.to_thread(
        call.services.store.version, call.caller, call.path["name"], number_of(call.path["number"])
    )


@table.route(
    "GET",
    "/v1/deployments/{name}/logs",
    permission="read",
    query=LogQuery,
    request=Nothing,
    response=Log,
    summary="Show the newest lines that a model wrote to its output: all, or those that are searched for.",
    errors=(NotFound,),
)
async def logs(call: Call[LogQuery, Nothing]) -> Log:
    """Show a model's log."""
    wanted = call.query.wanted()
    chosen = await chosen_version(call.services, call.caller, call.path["name"], call.query.version)
    # The path is made of an id that this server made, never of what the caller sent.
    path = call.services.paths.logs / f"{chosen.uuid}.log"
    found = await asyncio.to_thread(search, path, wanted)
    lines = tuple(one.text for one in found)
    return Log(deployment=chosen.deployment, version=chosen.version, lines=lines, entries=tuple(found))


@table.route(
    "GET",
    "/v1/deployments/{name}/openapi.json",
    permission=("read", "predict"),
    query=Nothing,
    request=Nothing,
    response=dict,
    summary="Show the document of a deployment's own API, typed for its model.",
    errors=(NotFound, NotReady),
)
async def document(call: Call[Nothing, Nothing]) -> dict[str, Any]:
    """Show the document of one deployment."""
    chosen = await chosen_version(call.services, call.caller, call.path["name"], None)
    if chosen.schema is None:
        raise NotReady("The deployment has no version with a schema yet.", retry_after=1)
    return openapi.document(chosen.deployment, chosen.version, chosen.schema)


def _moment(text: str, name: str) -> str:
    if not text:
        return ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"The parameter {name} is no RFC 3339 time.") from None
    return clock.rfc3339(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


async def chosen_version(services: Services, caller: Principal, name: str, number: int | None) -> Version:
    """A version by its number, else the live one, else the newest.

    Raises:
        NotFound: there is none, or it is not the caller's.
    """
    deployment = await asyncio.to_thread(services.store.deployment, caller, name)
    number = number or deployment.live_version
    if number is not None:
        return await asyncio.to_thread(services.store.version, caller, name, number)
    newest = await asyncio.to_thread(services.store.list_versions, caller, name, 1)
    if not newest:
        raise NotFound("There is no such version.")
    return newest[0]


def number_of(text: str) -> int:
    """The number of a version from a path.

    Raises:
        NotFound: no version can have it.
    """
    if _NUMBER.fullmatch(text) is None:
        raise NotFound("There is no such version.")
    return int(text)


async def _shown(services: Services, caller: Principal, deployment: Deployment) -> Deployment:
    newest: list[Version] = []
    if deployment.live_version is None:
        newest = await asyncio.to_thread(services.store.list_versions, caller, deployment.name, 1)
    state = services.fleet.state_of(deployment, newest[0] if newest else None)
    return msgspec.structs.replace(deployment, state=state)
