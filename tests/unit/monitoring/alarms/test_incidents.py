"""One incident per cause, one message per window, from changes that are said."""

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from konan.monitoring.alarms.incidents import Around, Happened, Outcome, outcome, trial
from konan.records.alarms import Alarm, AlarmRule, AlarmState, ColumnGrounds, Grounds, Incident
from konan.records.notifications import Receiver

NOON = "2026-11-23T12:00:00.000000Z"
LATER = "2026-11-23T14:00:00.000000Z"
DAYS_LATER = "2026-11-26T12:00:00.000000Z"
HOOK = Receiver(id="r1", project="p", name="hook", kind="webhook", url="https://a.example/t", created_at=NOON)


def alarm(name: str, state: AlarmState = "ok", **more: object) -> Alarm:
    kind = "drift" if name == "drift" else "errors"
    known = Alarm(
        id=name,
        project="p",
        deployment="bikes",
        name=name,
        rule=AlarmRule(kind=kind),  # type: ignore[arg-type] # one of two words
        created_at=NOON,
        state=state,
        why=f"{name} {state}.",
    )
    return msgspec.structs.replace(known, **more)


def run(
    *happened: tuple[str, Alarm, Alarm],
    known: tuple[Incident, ...] = (),
    receivers: tuple[Receiver, ...] = (HOOK,),
    now: str = NOON,
) -> Outcome:
    numbers: Iterator[int] = iter(range(100))
    finals = {after.id: after for _, _, after in happened}
    around = Around(known, receivers, now, lambda: f"id{next(numbers)}")
    return outcome([Happened(*one) for one in happened], finals, around)


def fires(name: str, at: str = NOON) -> tuple[str, Alarm, Alarm]:
    return at, alarm(name), alarm(name, "firing", events=1)


def test_alarms_of_one_window_are_one_incident_and_one_message() -> None:
    found = run(fires("errors"), fires("drift"))
    (incident,) = found.incidents
    assert incident.alarms == incident.firing == ("errors", "drift")
    assert incident.headline == "drift firing."
    assert {one.incident for one in found.alarms} == {incident.id}
    assert [(one.name, one.incident) for one in found.events] == [
        ("errors", incident.id),
        ("drift", incident.id),
    ]
    (message,) = found.deliveries
    assert message.title == "Konan: bikes: firing: errors, drift"
    body = msgspec.json.decode(message.body)
    assert (body["type"], body["data"]["incident"]) == ("alarm.firing", incident.id)
    assert [one["name"] for one in body["data"]["alarms"]] == ["errors", "drift"]


def test_one_that_fires_soon_after_joins_and_is_told() -> None:
    first = run(fires("drift"))
    second = run(fires("errors", LATER), known=first.incidents, now=LATER)
    (joined,) = second.incidents
    assert (joined.id, joined.alarms, joined.joined_at) == (
        first.incidents[0].id,
        ("drift", "errors"),
        LATER,
    )
    assert joined.headline == "drift firing."
    assert len(second.deliveries) == 1


def test_one_that_fires_days_after_has_a_cause_of_its_own() -> None:
    first = run(fires("drift"))
    second = run(fires("errors", DAYS_LATER), known=first.incidents, now=DAYS_LATER)
    assert [one.alarms for one in second.incidents] == [("errors",)]


def test_an_incident_ends_with_the_last_of_its_alarms() -> None:
    known = run(fires("errors"), fires("drift"))
    after = {one.id: one for one in known.alarms}
    one = run((LATER, after["drift"], replace(after["drift"], state="resolved")), known=known.incidents)
    (left,) = one.incidents
    assert (left.firing, left.closed_at) == (("errors",), None)
    assert [(event.after, event.incident) for event in one.events] == [("resolved", left.id)]
    two = run((LATER, after["errors"], replace(after["errors"], state="resolved")), known=one.incidents)
    assert two.incidents[0].closed_at == LATER
    assert two.alarms[0].incident == two.alarms[0].told == ""
    assert msgspec.json.decode(two.deliveries[0].body)["type"] == "alarm.resolved"


def test_what_fires_and_ends_in_one_batch_is_told_in_two_messages() -> None:
    fired = alarm("drift", "firing", events=1)
    ended = replace(fired, state="resolved", events=2)
    found = run((NOON, alarm("drift"), fired), (LATER, fired, ended), now=LATER)
    types = [msgspec.json.decode(one.body)["type"] for one in found.deliveries]
    assert types == ["alarm.firing", "alarm.resolved"]
    (incident,) = found.incidents
    assert (incident.closed_at, incident.firing) == (LATER, ())
    assert [one.number for one in found.events] == [1, 2]


def test_nobody_is_told_while_it_is_silenced() -> None:
    until = "2026-11-23T13:00:00.000000Z"
    silenced = alarm("drift", silenced_until=until)
    fired = replace(silenced, state="firing", events=1)
    found = run((NOON, silenced, fired))
    assert found.deliveries == ()
    assert found.events[0].silenced
    assert len(found.incidents) == 1
    again = run((LATER, found.alarms[0], replace(found.alarms[0], looks=2)), known=found.incidents, now=LATER)
    assert [one.title for one in again.deliveries] == ["Konan: bikes: firing: drift"]


def test_receivers_hear_what_they_asked_for() -> None:
    warned = (NOON, alarm("drift"), alarm("drift", "warning", events=1))
    elsewhere = replace(HOOK, id="r2", deployments=("churn",))
    curious = replace(HOOK, id="r3", states=("warning",), deployments=("bikes",))
    assert [one.receiver for one in run(warned, receivers=(HOOK, elsewhere, curious)).deliveries] == ["r3"]
    heard = run(fires("drift"), receivers=(HOOK, elsewhere, curious)).deliveries
    assert [one.receiver for one in heard] == ["r1"]


def test_messages_name_columns_and_never_values() -> None:
    column = ColumnGrounds(
        column="features.city", evidence=9.0, effect=0.5, guilty=True, moved=("Bern: 9 %",)
    )
    grounds = Grounds(rows=10, evidence=9.0, threshold=4.5, effect=0.5, columns=(column,))
    found = run((NOON, alarm("drift"), alarm("drift", "firing", grounds=grounds)))
    said = found.deliveries[0].body
    assert msgspec.json.decode(said)["data"]["alarms"][0]["columns"] == ["features.city"]
    assert "Bern" not in said


def test_a_trial_says_that_nothing_happened() -> None:
    message = trial(HOOK, "bikes", NOON, "t1")
    assert msgspec.json.decode(message.body)["type"] == "alarm.test"
    assert (message.id, message.receiver, message.deployment) == ("t1", "r1", "bikes")
