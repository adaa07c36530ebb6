"""The calls about alarms and who is told of them, as steps (see `konan.client.steps`)."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import msgspec

from konan.client.answers import decode
from konan.client.steps import JSON, Request, Steps, ask, everything
from konan.errors import NotFound
from konan.records.alarms import Alarm, AlarmEvent, AlarmRule, Incident, Replay
from konan.records.notifications import ListedDelivery, ListedReceiver, MadeReceiver, Tried


def alarms(deployment: str = "") -> Steps[list[Alarm]]:
    """All alarms, or those of one deployment."""
    return (yield from everything("/v1/alarms", "alarms", Alarm, **_of(deployment)))


def alarm(which: str) -> Steps[Alarm]:
    """One alarm, by its id or as ``DEPLOYMENT/NAME``."""
    return decode((yield from ask(Request("GET", (yield from _at(which))))), Alarm)


def events(which: str) -> Steps[list[AlarmEvent]]:
    """All changes of an alarm's state, newest first."""
    return (yield from everything((yield from _at(which)) + "/events", "events", AlarmEvent))


def incidents(deployment: str = "") -> Steps[list[Incident]]:
    """All incidents, or those of one deployment, newest first."""
    return (yield from everything("/v1/incidents", "incidents", Incident, **_of(deployment)))


def create(deployment: str, name: str, rule: AlarmRule) -> Steps[Alarm]:
    """Make an alarm."""
    body = {"deployment": deployment, "name": name, "rule": rule}
    return decode((yield from ask(_post("/v1/alarms", body))), Alarm)


def remove(which: str) -> Steps[Alarm]:
    """Remove an alarm."""
    return decode((yield from ask(Request("DELETE", (yield from _at(which))))), Alarm)


def replay(
    deployment: str, rule: AlarmRule, since: str | None, to: str | None, version: int | None
) -> Steps[Replay]:
    """Try a rule on the logged past."""
    body = {"deployment": deployment, "rule": rule, "from": since, "to": to, "version": version}
    given = {name: value for name, value in body.items() if value is not None}
    return decode((yield from ask(_post("/v1/alarms/replay", given))), Replay)


def silence(which: str, seconds: float, reason: str) -> Steps[Alarm]:
    """Tell nobody of an alarm for a while."""
    path = (yield from _at(which)) + "/silence"
    return decode((yield from ask(_post(path, {"seconds": seconds, "reason": reason}))), Alarm)


def act(which: str, what: str) -> Steps[Alarm]:
    """Acknowledge or resolve an alarm."""
    return decode((yield from ask(Request("POST", (yield from _at(which)) + f"/{what}"))), Alarm)


def add_receiver(
    name: str, url: str, kind: str, deployments: Iterable[str], states: Iterable[str]
) -> Steps[MadeReceiver]:
    """Add somebody who is told of alarms."""
    body = {"name": name, "url": url, "kind": kind, "deployments": list(deployments), "states": list(states)}
    return decode((yield from ask(_post("/v1/receivers", body))), MadeReceiver)


def receivers() -> Steps[list[ListedReceiver]]:
    """Everybody who is told of alarms."""
    return (yield from everything("/v1/receivers", "receivers", ListedReceiver))


def remove_receiver(receiver_id: str) -> Steps[ListedReceiver]:
    """Remove a receiver."""
    path = f"/v1/receivers/{quote(receiver_id, safe='')}"
    return decode((yield from ask(Request("DELETE", path))), ListedReceiver)


def deliveries() -> Steps[list[ListedDelivery]]:
    """All messages, newest first."""
    return (yield from everything("/v1/deliveries", "deliveries", ListedDelivery))


def try_out(deployment: str = "") -> Steps[list[Tried]]:
    """Send test messages."""
    response = yield from ask(_post("/v1/receivers/test", {"deployment": deployment}))
    return decode(response, dict[str, list[Tried]])["tests"]


def _of(deployment: str) -> dict[str, str]:
    return {"deployment": deployment} if deployment else {}


def _at(which: str) -> Steps[str]:
    """The path of an alarm."""
    deployment, slash, name = which.partition("/")
    if not slash:
        return f"/v1/alarms/{quote(which, safe='')}"
    for one in (yield from alarms(deployment)):
        if one.name == name:
            return f"/v1/alarms/{one.id}"
    raise NotFound(f"The deployment {deployment} has no alarm named {name}.")


def _post(path: str, body: Any) -> Request:
    return Request("POST", path, body=msgspec.json.encode(body), media_type=JSON)
