"""``konan alarm``: what is watched, how it stands, and what people do about it."""

from typing import Any

import click

from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.rules import rule, ruled, seconds
from konan.cli.screen import Screen
from konan.cli.shapes import Alarms, Tests
from konan.errors import GateFailed
from konan.records.alarms import Alarm, AlarmEvent, Grounds

_WHICH = click.argument("which", metavar="ALARM")
_SHOWN = 5


@click.group("alarm")
def command() -> None:
    """Watch deployments; an ALARM is named by its id or as DEPLOYMENT/NAME."""


@shared.command("list", examples=("konan alarm list", "konan alarm list --deployment bikes --json"))
@click.option("--deployment", default="", help="Only those of this one.")
def list_alarms(session: Session, deployment: str) -> None:
    """List alarms: how each stands, its evidence, and what of its false alarms is spent."""
    with session.client() as client:
        found = client.alarms.list(deployment)
    if session.screen.json:
        session.screen.record(Alarms(alarms=tuple(found)))
        return
    rows = [
        (
            f"{one.deployment}/{one.name}",
            _state(one),
            one.rule.kind,
            _evidence(one.grounds),
            _effect(one.grounds),
            f"{one.budget.spent:.3f} of {one.budget.per_year:g}" if one.budget else "",
            one.since[:16].replace("T", " "),
        )
        for one in found
    ]
    session.screen.table(("alarm", "state", "kind", "evidence", "effect", "spent a year", "since"), rows)
    allowed = sum(one.rule.false_alarms for one in found)
    deployments = {one.deployment for one in found}
    if len(deployments) == 1:
        session.screen.say(f"Together they are allowed {allowed:g} false alarms a year, on average.")


@shared.command("show", examples=("konan alarm show bikes/drift",))
@_WHICH
def show(session: Session, which: str) -> None:
    """Show an alarm with its evidence and what it did before."""
    with session.client() as client:
        found = client.alarms.show(which)
        events = [] if session.screen.json else client.alarms.events(found.id)
    if session.screen.json:
        session.screen.record(found)
        return
    _told(session.screen, found)
    _events(session.screen, events[:_SHOWN])


@shared.command(
    "create",
    examples=(
        "konan alarm create bikes temperature --column features.temp --window 1h --effect 0.2",
        "konan alarm create bikes failing --kind errors --effect 0.05 --false-alarms 1",
    ),
)
@click.argument("deployment")
@click.argument("name")
@ruled
def create(session: Session, deployment: str, name: str, **given: Any) -> None:
    """Make an alarm NAME of DEPLOYMENT; `konan alarm replay` with the same flags tries it first."""
    with session.client() as client:
        made = client.alarms.create(deployment, name, rule(given))
    if session.screen.json:
        session.screen.record(made)
        return
    session.screen.data(made.id)
    if made.budget is not None:
        session.screen.say(
            f"It fires falsely at most once in {made.budget.run_length:,.0f} windows, on average."
        )


@shared.command("delete", examples=("konan alarm delete bikes/temperature --yes",))
@_WHICH
def delete(session: Session, which: str) -> None:
    """Remove an alarm that somebody made; those that every deployment has can be silenced."""
    if not session.confirm(f"Remove the alarm {which} and what it did?"):
        raise click.Abort
    with session.client() as client:
        _answered(session, client.alarms.remove(which), "is removed")


@shared.command(
    "replay",
    examples=(
        "konan alarm replay bikes --kind data-fault --from 2026-11-01T00:00:00Z",
        "konan alarm replay bikes --column features.temp --effect 0.2 --json",
    ),
)
@click.argument("deployment")
@ruled
@click.option("--from", "since", metavar="TIME", help="Earliest time, RFC 3339; else 30 days ago.")
@click.option("--to", metavar="TIME", help="The time before which windows end; else now.")
@click.option("--version", type=click.IntRange(min=1), help="Number of a version; else the live one.")
def replay(
    session: Session, deployment: str, since: str | None, to: str | None, version: int | None, **given: Any
) -> None:
    """Try a rule on the logged past: when it would have fired, and what it would have spent."""
    with session.client() as client:
        found = client.alarms.replay(deployment, rule(given), since, to, version)
    screen = session.screen
    if screen.json:
        screen.record(found)
        return
    screen.data(f"{found.windows:,} windows of version data, then {found.state}: {found.why}")
    _grounds(screen, found.grounds)
    spent = f"{found.budget.spent:g} of the {found.budget.per_year:g} false alarms a year"
    screen.data(f"spent     {spent} at most")
    _events(screen, list(found.events))


@shared.command("silence", examples=("konan alarm silence bikes/drift --for 4h --reason 'new sensors'",))
@_WHICH
@click.option("--for", "length", metavar="LENGTH", help="How long, as 30m, 4h or 7d.")
@click.option("--end", is_flag=True, help="End a silence.")
@click.option("--reason", default="", help="For others to read.")
def silence(session: Session, which: str, length: str | None, reason: str, *, end: bool) -> None:
    """Tell nobody of an alarm for a while; if it still fires at the end, it tells then."""
    if end == (length is not None):
        raise click.UsageError("Give --for or --end.")
    with session.client() as client:
        found = client.alarms.silence(which, seconds(length) if length else 0, reason)
    _answered(session, found, f"is silent until {found.silenced_until}" if length else "is not silent")


@shared.command("acknowledge", examples=("konan alarm acknowledge bikes/drift",))
@_WHICH
def acknowledge(session: Session, which: str) -> None:
    """Say that you look after an alarm that fires or warns."""
    with session.client() as client:
        _answered(session, client.alarms.acknowledge(which), "is acknowledged")


@shared.command("resolve", examples=("konan alarm resolve bikes/drift",))
@_WHICH
def resolve(session: Session, which: str) -> None:
    """End an alarm that fires or warns; its detectors begin anew, and it learns anew what is usual."""
    with session.client() as client:
        _answered(session, client.alarms.resolve(which), "is resolved")


@shared.command("test", examples=("konan alarm test", "konan alarm test --deployment bikes --json"))
@click.option("--deployment", default="", help="Only receivers that hear of this one.")
def test(session: Session, deployment: str) -> None:
    """Send receivers a test message now; fails if one of them did not take it."""
    with session.client() as client:
        found = client.alarms.test(deployment)
    if session.screen.json:
        session.screen.record(Tests(tests=tuple(found)))
    elif not found:
        session.screen.say("Nobody is told of alarms; `konan receiver create` adds somebody.")
    else:
        rows = [(one.name, "yes" if one.delivered else "NO", one.detail) for one in found]
        session.screen.table(("receiver", "taken", "what it said"), rows)
    if not all(one.delivered for one in found) and not session.screen.json:
        raise GateFailed("A receiver did not take the test message.", hint="Look at what it said.")


def _answered(session: Session, alarm: Alarm, what: str) -> None:
    if session.screen.json:
        session.screen.record(alarm)
    else:
        session.screen.say(f"The alarm {alarm.deployment}/{alarm.name} {what}.")


def _told(screen: Screen, alarm: Alarm) -> None:
    screen.data(f"{alarm.deployment}/{alarm.name}  {_state(alarm)} since {alarm.since}")
    screen.data(alarm.why)
    _grounds(screen, alarm.grounds)
    if alarm.budget is not None:
        budget = alarm.budget
        screen.data(
            f"budget    {budget.spent:g} of {budget.per_year:g} false alarms a year spent at most, "
            f"in {budget.looks:,} windows"
        )
    if alarm.silenced_until:
        screen.data(f"silenced  until {alarm.silenced_until} {alarm.silence_reason}".rstrip())
    if alarm.acknowledged_at:
        screen.data(f"taken on  at {alarm.acknowledged_at} by {alarm.acknowledged_by}")


def _grounds(screen: Screen, grounds: Grounds | None) -> None:
    if grounds is None:
        return
    screen.data(f"evidence  {_evidence(grounds)}, fires from 10^{grounds.threshold:.1f}")
    screen.data(f"effect    {grounds.effect:.3f} (noise up to {grounds.floor:.3f}) in {grounds.rows:,} rows")
    if grounds.cause:
        screen.data(f"cause     {grounds.cause}")
    for doubt in grounds.doubts:
        screen.data(f"doubt     {doubt}")
    guilty = [one for one in grounds.columns if one.guilty] or list(grounds.columns[:_SHOWN])
    rows = [
        (
            one.column,
            "yes" if one.guilty else "",
            f"10^{one.evidence:.1f}",
            f"{one.effect:.3f}",
            "; ".join(one.moved),
        )
        for one in guilty
    ]
    if rows:
        screen.table(("column", "guilty", "evidence", "effect", "moved"), rows)


def _events(screen: Screen, events: list[AlarmEvent]) -> None:
    if events:
        screen.data("")
        rows = [(one.at[:16].replace("T", " "), one.before, one.after, one.why) for one in events]
        screen.table(("at", "before", "after", "why"), rows)


def _state(alarm: Alarm) -> str:
    shown = alarm.state.upper() if alarm.state == "firing" else alarm.state
    return f"{shown} (silenced)" if alarm.silenced_until else shown


def _evidence(grounds: Grounds | None) -> str:
    return "-" if grounds is None or grounds.evidence <= 0 else f"10^{grounds.evidence:.1f}"


def _effect(grounds: Grounds | None) -> str:
    return "-" if grounds is None else f"{grounds.effect:.3f}"


for each in (list_alarms, show, create, delete, replay, silence, acknowledge, resolve, test):
    command.add_command(each)
