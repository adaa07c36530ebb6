"""Alarms over HTTP: what is watched, how it stands, and what people do about it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from msgspec.structs import replace

from konan import clock
from konan.control import pages
from konan.control.pages import Page
from konan.control.table import Call, Nothing, Table
from konan.errors import Conflict, Invalid, NotFound, NotReady
from konan.monitoring.alarms import states as rules
from konan.monitoring.alarms.monitor import shown
from konan.records.alarms import Alarm, AlarmEvent, AlarmRule, Incident, Name, Replay
from konan.records.deployments import LARGEST_VERSION

table = Table()
_DAYS = 30
_Short = Annotated[str, msgspec.Meta(max_length=300)]
_ByDeployment = Annotated[str, msgspec.Meta(max_length=63)]


class OfDeployment(Page, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which part of a list.

    Attributes:
        deployment: only what is about this one; absent is all.
    """

    deployment: _ByDeployment = ""


class NewAlarm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An alarm to make.

    Attributes:
        deployment: name.
        name: unique in the deployment.
        rule: what it watches.
    """

    deployment: _ByDeployment
    name: Name
    rule: AlarmRule


class Try(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """A rule to try on the logged past.

    Attributes:
        deployment: name.
        rule: what it watches.
        since: RFC 3339; absent is 30 days ago.
        to: RFC 3339; absent is now. A time to come also tries the window that has not ended, as it stands.
        version: number; absent is the live one.
    """

    deployment: _ByDeployment
    rule: AlarmRule
    since: _Short = ""
    to: _Short = ""
    version: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_VERSION)] | None = None


class Silence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long nobody is told.

    Attributes:
        seconds: from now on; 0 ends a silence.
        reason: for others to read.
    """

    seconds: Annotated[float, msgspec.Meta(ge=0, le=366 * 86_400)]
    reason: _Short = ""


class AlarmList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of alarms, and the cursor of the next one."""

    alarms: tuple[Alarm, ...]
    next: str | None


class EventList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of changes of an alarm's state, newest first, and the cursor of the next one."""

    events: tuple[AlarmEvent, ...]
    next: str | None


class IncidentList(msgspec.Struct, frozen=True, kw_only=True):
    """A page of incidents, newest first, and the cursor of the next one."""

    incidents: tuple[Incident, ...]
    next: str | None


@table.route(
    "GET",
    "/v1/alarms",
    permission="read",
    query=OfDeployment,
    request=Nothing,
    response=AlarmList,
    summary="List alarms: how each stands, on what evidence, and what of its false alarms is spent.",
    errors=(NotFound,),
)
async def listing(call: Call[OfDeployment, Nothing]) -> AlarmList:
    """List alarms."""
    page, store = call.query, call.services.store
    await call.services.alarms.ensure_first()
    if page.deployment:
        await asyncio.to_thread(store.deployment, call.caller, page.deployment)
    found = await asyncio.to_thread(
        store.list_alarms, call.caller, page.limit + 1, page.after(), page.deployment
    )
    items, following = pages.cut(found, page.limit, lambda alarm: alarm.id)
    return AlarmList(alarms=tuple(map(shown, items)), next=following)


@table.route(
    "POST",
    "/v1/alarms",
    permission="deploy",
    query=Nothing,
    request=NewAlarm,
    response=Alarm,
    status=201,
    summary="Make an alarm; try its rule on the logged past first.",
    errors=(Invalid, NotFound, Conflict),
)
async def create(call: Call[Nothing, NewAlarm]) -> Alarm:
    """Make an alarm."""
    asked = call.body
    return shown(await call.services.alarms.create(call.caller, asked.deployment, asked.name, asked.rule))


@table.route(
    "POST",
    "/v1/alarms/replay",
    permission="read",
    query=Nothing,
    request=Try,
    response=Replay,
    summary="Try a rule on the logged past: when it would have fired, and what it would have spent.",
    errors=(Invalid, NotFound, NotReady),
)
async def replay(call: Call[Nothing, Try]) -> Replay:
    """Try a rule."""
    asked, now = call.body, clock.now()
    until = _moment(asked.to, "to") if asked.to else now
    since = _moment(asked.since, "from") if asked.since else until - timedelta(days=_DAYS)
    if since >= until:
        raise Invalid("The field from lies behind to.")
    span = int(since.timestamp()), int(until.timestamp())
    watching = call.services.alarms
    return await watching.replay(call.caller, asked.deployment, asked.rule, span, asked.version)


@table.route(
    "GET",
    "/v1/alarms/{id}",
    permission="read",
    query=Nothing,
    request=Nothing,
    response=Alarm,
    summary="Show an alarm.",
    errors=(NotFound,),
)
async def show(call: Call[Nothing, Nothing]) -> Alarm:
    """Show an alarm."""
    return shown(await asyncio.to_thread(call.services.store.alarm, call.caller, call.path["id"]))


@table.route(
    "DELETE",
    "/v1/alarms/{id}",
    permission="deploy",
    query=Nothing,
    request=Nothing,
    response=Alarm,
    summary="Remove an alarm that somebody made; those that every deployment has can be silenced.",
    errors=(NotFound, Conflict),
)
async def remove(call: Call[Nothing, Nothing]) -> Alarm:
    """Remove an alarm."""
    return shown(await call.services.alarms.remove(call.caller, call.path["id"]))


@table.route(
    "GET",
    "/v1/alarms/{id}/events",
    permission="read",
    query=Page,
    request=Nothing,
    response=EventList,
    summary="List the changes of an alarm's state, newest first, each with its evidence.",
    errors=(NotFound,),
)
async def events(call: Call[Page, Nothing]) -> EventList:
    """List changes."""
    page, store = call.query, call.services.store
    after = page.after()
    if after and not after.isdecimal():
        raise Invalid("The cursor is not one that a list gave as its `next`.")
    which = call.path["id"]
    found = await asyncio.to_thread(
        store.list_alarm_events, call.caller, which, page.limit + 1, int(after or 0)
    )
    items, following = pages.cut(found, page.limit, lambda event: str(event.number))
    return EventList(events=items, next=following)


@table.route(
    "POST",
    "/v1/alarms/{id}/silence",
    permission="deploy",
    query=Nothing,
    request=Silence,
    response=Alarm,
    summary="Tell nobody of an alarm for a while; it counts on.",
    errors=(NotFound, Conflict),
)
async def silence(call: Call[Nothing, Silence]) -> Alarm:
    """Silence an alarm."""
    asked, by = call.body, call.caller.key_id

    def act(alarm: Alarm, at: str) -> Alarm:
        until = datetime.fromisoformat(at) + timedelta(seconds=asked.seconds)
        ends = clock.rfc3339(until) if asked.seconds else None
        return replace(alarm, silenced_until=ends, silenced_by=by, silence_reason=asked.reason)

    return shown(await call.services.alarms.change(call.caller, call.path["id"], act))


@table.route(
    "POST",
    "/v1/alarms/{id}/acknowledge",
    permission="deploy",
    query=Nothing,
    request=Nothing,
    response=Alarm,
    summary="Say that somebody looks after an alarm that fires or warns.",
    errors=(NotFound, Conflict),
)
async def acknowledge(call: Call[Nothing, Nothing]) -> Alarm:
    """Acknowledge an alarm."""
    by = call.caller.key_id

    def act(alarm: Alarm, at: str) -> Alarm:
        if alarm.state not in {"firing", "warning"}:
            raise Conflict(f"The alarm is {alarm.state}: there is nothing to look after.")
        return replace(alarm, acknowledged_at=at, acknowledged_by=by)

    return shown(await call.services.alarms.change(call.caller, call.path["id"], act))


@table.route(
    "POST",
    "/v1/alarms/{id}/resolve",
    permission="deploy",
    query=Nothing,
    request=Nothing,
    response=Alarm,
    summary="End an alarm that fires or warns; its detectors begin anew, and it learns anew what is usual.",
    errors=(NotFound, Conflict),
)
async def resolve(call: Call[Nothing, Nothing]) -> Alarm:
    """Resolve an alarm."""

    def act(alarm: Alarm, at: str) -> Alarm:
        if alarm.state not in {"firing", "warning"}:
            raise Conflict(f"The alarm is {alarm.state}: there is nothing to resolve.")
        return rules.resolved(alarm, at, "Somebody has resolved it.")

    return shown(await call.services.alarms.change(call.caller, call.path["id"], act))


@table.route(
    "GET",
    "/v1/incidents",
    permission="read",
    query=OfDeployment,
    request=Nothing,
    response=IncidentList,
    summary="List incidents, newest first: alarms of one deployment that fired for one cause.",
    errors=(NotFound,),
)
async def incidents(call: Call[OfDeployment, Nothing]) -> IncidentList:
    """List incidents."""
    page, store = call.query, call.services.store
    if page.deployment:
        await asyncio.to_thread(store.deployment, call.caller, page.deployment)
    found = await asyncio.to_thread(
        store.list_incidents, call.caller, page.limit + 1, page.after(), page.deployment
    )
    items, following = pages.cut(found, page.limit, lambda incident: incident.id)
    return IncidentList(incidents=items, next=following)


def _moment(text: str, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"The field {name} is no RFC 3339 time.") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
