"""One incident per cause, and the messages about it (pure).

Alarms of one deployment that fire within a day of each other have one cause until somebody knows better: a
unit that changes makes inputs drift, values leave their range, and requests fail. One that fires again, or
whose windows are longer, opens an incident anew that was closed. The model's own verdict, the drift alarm,
gives the incident its headline.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from konan.monitoring.alarms.states import event_of, is_news
from konan.records.alarms import Alarm, AlarmEvent, Incident
from konan.records.notifications import Delivery, Receiver

_TOGETHER = timedelta(days=1)
_LOUDEST = ("firing", "warning", "resolved")


class Happened(NamedTuple):
    """A change of an alarm.

    Attributes:
        at: end of the window that made it, or the moment of a person's act; RFC 3339.
        before: the alarm.
        after: the alarm.
    """

    at: str
    before: Alarm
    after: Alarm


class Outcome(NamedTuple):
    """What is to be kept of some changes.

    Attributes:
        alarms: as they are now.
        events: changes of state, oldest first.
        incidents: that changed.
        deliveries: messages to send.
    """

    alarms: tuple[Alarm, ...]
    events: tuple[AlarmEvent, ...]
    incidents: tuple[Incident, ...]
    deliveries: tuple[Delivery, ...]


class Around(NamedTuple):
    """What changes of alarms meet.

    Attributes:
        incidents: the newest ones of the deployment.
        receivers: of its project.
        now: the present, RFC 3339.
        new_id: makes ids.
        by: public id of the key of the person who acts; empty if windows do.
    """

    incidents: Sequence[Incident]
    receivers: Sequence[Receiver]
    now: str
    new_id: Callable[[], str]
    by: str = ""


def outcome(happened: Sequence[Happened], finals: Mapping[str, Alarm], around: Around) -> Outcome:
    """What becomes of changes of alarms of one deployment: events, incidents, one message for each window.

    Args:
        happened: oldest first.
        finals: every alarm as it is after all of them, by its id.
        around: what they meet.
    """
    kept = {one.id: one for one in around.incidents}
    events, deliveries = list[AlarmEvent](), list[Delivery]()
    linked: dict[str, tuple[str, str]] = {}
    for at, changes in groupby(happened, key=lambda one: one.at):
        pairs = [(_linked(one.before, linked), _linked(one.after, linked)) for one in changes]
        after, changed = grouped(pairs, list(kept.values()), at, around.new_id)
        kept |= {one.id: one for one in changed}
        for (before, _), one in zip(pairs, after, strict=True):
            event = event_of(before, one, at, around.by)
            if event is not None:
                events.append(replace(event, silenced=one.silenced(around.now)))
        told, made = messages(after, around)
        deliveries += made
        linked |= {one.id: (one.incident, one.told) for one in told}
    last, made = messages([_linked(one, linked) for one in finals.values()], around)
    known = {one.id: one for one in around.incidents}
    return Outcome(
        alarms=tuple(last),
        events=tuple(events),
        incidents=tuple(one for one in kept.values() if known.get(one.id) != one),
        deliveries=(*deliveries, *made),
    )


def grouped(
    changes: Sequence[tuple[Alarm, Alarm]], known: Sequence[Incident], at: str, new_id: Callable[[], str]
) -> tuple[list[Alarm], list[Incident]]:
    """Put alarms of one deployment that begin to fire into an incident, and take those out that ended.

    Args:
        changes: alarms before and after.
        known: incidents of the deployment.
        at: when, RFC 3339.
        new_id: makes an id.

    Returns:
        The alarms after, with their incidents, and the incidents that changed.
    """
    open_ones = {incident.id: incident for incident in known}
    changed: dict[str, Incident] = {}
    after_all = list[Alarm]()
    for before, after in changes:
        kept = after
        if after.state == "firing" and before.state != "firing":
            joined = _joined(_fitting(open_ones.values(), at) or _opened(after, at, new_id), after, at)
            changed[joined.id] = open_ones[joined.id] = joined
            kept = replace(after, incident=joined.id)
        elif before.state == "firing" and after.state != "firing":
            kept = replace(after, incident="")
            if (left := open_ones.get(before.incident)) is not None:
                changed[left.id] = open_ones[left.id] = _left(left, after.name, at)
        after_all.append(kept)
    return after_all, list(changed.values())


def messages(alarms: Sequence[Alarm], around: Around) -> tuple[list[Alarm], list[Delivery]]:
    """One message to each receiver about everything of one deployment that is news.

    Args:
        alarms: of one deployment, as they are now.
        around: who is told, and when.

    Returns:
        The alarms, with what was told, and the messages.
    """
    news = {alarm.id: state for alarm in alarms if (state := is_news(alarm, around.now))}
    told = [replace(alarm, told=_told(alarm, news.get(alarm.id, ""))) for alarm in alarms]
    made = list[Delivery]()
    for receiver in around.receivers:
        heard = [(news[alarm.id], alarm) for alarm in alarms if alarm.id in news]
        wanted = [(state, alarm) for state, alarm in heard if state in receiver.states]
        if wanted and (not receiver.deployments or wanted[0][1].deployment in receiver.deployments):
            made.append(_delivery(receiver, wanted, around.now, around.new_id()))
    return told, made


def trial(receiver: Receiver, deployment: str, now: str, new_id: str) -> Delivery:
    """A message that only shows that messages arrive."""
    text = "This is a test: nothing has happened."
    title = f"Konan: test message about {deployment}" if deployment else "Konan: test message"
    body = {"type": "alarm.test", "timestamp": now, "data": {"deployment": deployment, "message": text}}
    return _made(receiver, deployment, title, text, body, (now, new_id))


def _linked(alarm: Alarm, linked: Mapping[str, tuple[str, str]]) -> Alarm:
    """An alarm with its incident and what was told of it, which the windows do not know."""
    incident, told = linked.get(alarm.id, (alarm.incident, alarm.told))
    return replace(alarm, incident=incident, told=told)


def _told(alarm: Alarm, news: str) -> str:
    """The last state that was told of an alarm; that it is well again need not be remembered."""
    if news:
        return "" if news == "resolved" else news
    quiet = alarm.state not in {"warning", "firing"}
    return "" if quiet and alarm.told == "warning" else alarm.told


def _delivery(receiver: Receiver, news: Sequence[tuple[str, Alarm]], now: str, new_id: str) -> Delivery:
    state = min((state for state, _ in news), key=_LOUDEST.index)
    first = news[0][1]
    title = f"Konan: {first.deployment}: {state}: " + ", ".join(alarm.name for _, alarm in news)
    text = "\n".join(f"{alarm.name} is {state}. {alarm.why}" for state, alarm in news)
    data = {
        "deployment": first.deployment,
        "incident": next((alarm.incident for _, alarm in news if alarm.incident), ""),
        "alarms": [_shown(state, alarm) for state, alarm in news],
    }
    body = {"type": f"alarm.{state}", "timestamp": now, "data": data}
    return _made(receiver, first.deployment, title, text, body, (now, new_id))


def _shown(state: str, alarm: Alarm) -> dict[str, object]:
    """What a message says of an alarm: which columns, never which values."""
    grounds = alarm.grounds
    said: dict[str, object] = {
        "id": alarm.id,
        "name": alarm.name,
        "kind": alarm.rule.kind,
        "state": state,
        "since": alarm.since,
        "version": alarm.version,
        "why": alarm.why,
    }
    if grounds is not None:
        guilty = [column.column for column in grounds.columns if column.guilty]
        said |= {"evidence": grounds.evidence, "threshold": grounds.threshold, "effect": grounds.effect}
        said |= {"cause": grounds.cause, "columns": guilty}
    return said


def _made(
    receiver: Receiver, deployment: str, title: str, text: str, body: object, when: tuple[str, str]
) -> Delivery:
    now, new_id = when
    return Delivery(
        id=new_id,
        project=receiver.project,
        receiver=receiver.id,
        deployment=deployment,
        created_at=now,
        title=title,
        text=text,
        body=msgspec.json.encode(body).decode(),
        next_at=now,
    )


def _fitting(known: Iterable[Incident], at: str) -> Incident | None:
    moment = datetime.fromisoformat(at)
    for incident in known:
        if abs(moment - datetime.fromisoformat(incident.joined_at)) <= _TOGETHER:
            return incident
    return None


def _opened(alarm: Alarm, at: str, new_id: Callable[[], str]) -> Incident:
    return Incident(
        id=new_id(), project=alarm.project, deployment=alarm.deployment, opened_at=at, joined_at=at
    )


def _joined(incident: Incident, alarm: Alarm, at: str) -> Incident:
    leads = not incident.alarms or alarm.rule.kind == "drift"
    cause = alarm.grounds.cause if alarm.grounds is not None else ""
    return replace(
        incident,
        joined_at=at,
        closed_at=None,
        alarms=tuple(dict.fromkeys((*incident.alarms, alarm.name))),
        firing=tuple(dict.fromkeys((*incident.firing, alarm.name))),
        headline=alarm.why if leads else incident.headline,
        cause=(cause or incident.cause) if leads else (incident.cause or cause),
    )


def _left(incident: Incident, name: str, at: str) -> Incident:
    firing = tuple(each for each in incident.firing if each != name)
    return replace(incident, firing=firing, closed_at=None if firing else at)
