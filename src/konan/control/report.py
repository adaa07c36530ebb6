"""The report of a deployment over HTTP: gathers what is known, and gives it as one page."""

import asyncio
from collections.abc import Callable
from typing import Annotated, TypeVar

import msgspec

from konan import clock
from konan.control.services import Services
from konan.control.table import Call, Nothing, Table, Text
from konan.errors import DeadlineExceeded, Invalid, NotFound, NotReady
from konan.monitoring.alarms.monitor import shown
from konan.monitoring.reports import query
from konan.monitoring.reports.query import DAY, HOUR, Query
from konan.records.access import Principal
from konan.records.alarms import Alarm, AlarmEvent, Incident
from konan.records.deployments import LARGEST_VERSION, Deployment, Version
from konan.web.figures import seconds
from konan.web.report.facts import Facts
from konan.web.report.page import page

MEDIA_TYPE = "text/html"
table = Table()
T = TypeVar("T")
_Short = Annotated[str, msgspec.Meta(max_length=300)]
_MOST = 1000
_EVENTS = 100
_DAYS = 7
_WINDOWS = 16
"""Over time a report is told in so many windows at most: more do not fit a table that people read."""

_LENGTHS = tuple(hours * HOUR for hours in (1, 2, 3, 4, 6, 8, 12, 24, 48, 96, 168, 336, 720, 2160, 8760))


class Stretch(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"since": "from", "until": "to"},
):
    """What a report is about; what is absent takes the live version, today and the six days before.

    Attributes:
        since: earliest time, RFC 3339; it counts from the start of its hour.
        until: the time before which rows lie, RFC 3339; to the end of its hour; absent is now.
        version: number of the version; absent is the live one.
    """

    since: _Short = ""
    until: _Short = ""
    version: Annotated[int, msgspec.Meta(ge=1, le=LARGEST_VERSION)] | None = None


@table.route(
    "GET",
    "/v1/deployments/{name}/report",
    permission="read",
    query=Stretch,
    request=Nothing,
    response=Text,
    media_type=MEDIA_TYPE,
    summary="Show traffic, drift, quality, performance and alarms as one page that needs nothing else.",
    errors=(NotFound,),
)
async def report(call: Call[Stretch, Nothing]) -> Text:
    """Show the report."""
    await call.services.alarms.ensure_first()
    facts = await asyncio.to_thread(gather, call.services, call.caller, call.path["name"], call.query)
    return Text(await asyncio.to_thread(page, facts))


def gather(services: Services, caller: Principal, name: str, asked: Stretch) -> Facts:
    """What is known of a deployment.

    Raises:
        Invalid: a time is none, or they lie the wrong way round.
        NotFound: the caller sees no such deployment or version.
        NotReady: profiles are damaged, and are counted again.
    """
    deployment = services.store.deployment(caller, name)
    start, end = span(deployment, asked)
    number = asked.version or deployment.live_version
    facts = Facts(
        deployment=name,
        version=_version(services, caller, name, number),
        live=number is not None and number == deployment.live_version,
        since=query.rfc3339(start),
        until=query.rfc3339(end),
        every=length(end - start),
        made_at=clock.rfc3339(clock.now()),
        konan=services.version,
        alarms=tuple(map(shown, services.store.list_alarms(caller, _MOST, "", name))),
    )
    facts = msgspec.structs.replace(facts, **_watched(services, caller, facts))
    if facts.version is None:
        return facts
    return msgspec.structs.replace(facts, **_counted(services, caller, facts, facts.version))


def span(deployment: Deployment, asked: Stretch) -> tuple[int, int]:
    """Start and end in seconds since 1970-01-01 UTC; nothing is told of the time before the deployment."""
    start, end, _ = query.span(asked.since, asked.until, "", clock.now())
    if not asked.since:
        start = (end - 1) // DAY * DAY - (_DAYS - 1) * DAY
    born = int(seconds(deployment.created_at)) // HOUR * HOUR
    return max(start, min(born, end - HOUR)), end


def length(whole: int) -> int:
    """Seconds of the windows in which a stretch of time is told.

    >>> length(DAY) // HOUR, length(7 * DAY) // HOUR, length(HOUR) // HOUR
    (2, 12, 1)
    """
    return next((one for one in _LENGTHS if whole <= one * _WINDOWS), _LENGTHS[-1])


def _version(services: Services, caller: Principal, name: str, number: int | None) -> Version | None:
    return None if number is None else services.store.version(caller, name, number)


def _counted(services: Services, caller: Principal, facts: Facts, version: Version) -> dict[str, object]:
    """What is counted of the rows of a version."""
    name, number, reports = facts.deployment, version.version, services.reports
    start, end = int(seconds(facts.since)), int(seconds(facts.until))
    whole, steps = (Query(start, end, every, number) for every in (end - start, facts.every))
    drift = reports.drift(caller, name, whole).windows
    quality = reports.quality(caller, name, whole).windows
    failed: dict[str, str] = {}

    def tried(what: str, make: Callable[[Principal, str, Query], T], asked: Query) -> T | None:
        """What may take too long, or is just being counted; a report goes without, and says so."""
        try:
            return make(caller, name, asked)
        except (DeadlineExceeded, Invalid, NotReady) as error:
            failed[what] = error.message
            return None

    performed = tried("Performance", reports.performance, whole)
    over_time = tried("Performance over time", reports.performance, steps)
    requests, traffic = (tried("Requests", services.operations.traffic, one) for one in (whole, steps))
    return {
        "drift": drift[0] if drift else None,
        "drift_windows": reports.drift(caller, name, steps).windows,
        "distributions": reports.distributions(caller, name, whole),
        "quality": quality[0] if quality else None,
        "performance": performed.windows[0] if performed and performed.windows else None,
        "performance_windows": over_time.windows if over_time else (),
        "headline": performed.headline if performed else "",
        "labels": tried("Soundness of the ground truth", reports.labels, whole),
        "traffic": requests.windows[0] if requests and requests.windows else None,
        "traffic_windows": traffic.windows if traffic else (),
        "failed": failed,
    }


def _watched(services: Services, caller: Principal, facts: Facts) -> dict[str, object]:
    """What alarms did in that time."""
    events = [event for alarm in facts.alarms for event in _events(services, caller, alarm, facts)]
    incidents = services.store.list_incidents(caller, _MOST, "", facts.deployment)
    return {
        "events": tuple(sorted(events, key=lambda event: event.at, reverse=True)),
        "incidents": tuple(one for one in incidents if _within(one, facts)),
    }


def _events(services: Services, caller: Principal, alarm: Alarm, facts: Facts) -> list[AlarmEvent]:
    found = services.store.list_alarm_events(caller, alarm.id, _EVENTS)
    return [one for one in found if seconds(facts.since) <= seconds(one.at) <= seconds(facts.until)]


def _within(incident: Incident, facts: Facts) -> bool:
    closed = seconds(incident.closed_at or facts.until)
    return seconds(incident.opened_at) < seconds(facts.until) and closed >= seconds(facts.since)
