"""The section on alarms: how each stands, on what evidence, and what happened."""

from collections.abc import Sequence

from konan.records.alarms import Alarm, AlarmEvent, Incident
from konan.web import charts
from konan.web.figures import NONE, count, decimal, listed, moment, power, short
from konan.web.html import Child, tag
from konan.web.report.facts import Facts
from konan.web.report.parts import Column, Section, note, pill, table
from konan.web.report.verdict import State

_STATES: dict[str, State] = {
    "firing": "problem",
    "warning": "attention",
    "ok": "good",
    "resolved": "good",
}
_EVENTS = 30


def section(facts: Facts) -> Section:
    """The section."""
    alarms = sorted(facts.alarms, key=lambda one: (_rank(one), one.name))
    state = _STATES.get(alarms[0].state, "unknown") if alarms else "unknown"
    body = [
        _alarms(alarms) if alarms else None,
        _incidents(facts.incidents),
        _events(facts.events),
        note(
            "An alarm fires when its evidence reaches its threshold and the effect is as large as its rule "
            "asks. While nothing changes, it does so at most as often as its budget of false alarms allows."
        ),
    ]
    return Section("alarms", "Alarms", state, _lead(alarms, facts.events), body)


def _rank(alarm: Alarm) -> int:
    order = ("firing", "warning", "ok", "resolved", "learning", "no data")
    return order.index(alarm.state)


def _lead(alarms: Sequence[Alarm], events: Sequence[AlarmEvent]) -> str:
    if not alarms:
        return "No alarm watches this deployment."
    parts = []
    for state, words in (
        ("firing", "fires"),
        ("warning", "warns"),
        ("learning", "is learning what is usual"),
    ):
        names = [one.name for one in alarms if one.state == state]
        if names:
            parts.append(f"{listed(names)} {words if len(names) == 1 else _plural(words)}")
    told = f"{'; '.join(parts)}." if parts else f"{len(alarms)} alarms watch, and none fires."
    changed = f" {len(events)} changes of state in this time." if events else ""
    return told[0].upper() + told[1:] + changed


def _plural(words: str) -> str:
    return {"fires": "fire", "warns": "warn", "is learning what is usual": "are learning what is usual"}[
        words
    ]


def _alarms(alarms: Sequence[Alarm]) -> Child:
    columns = (
        Column("alarm"),
        Column("state"),
        Column("evidence beside threshold", "chart"),
        Column("evidence", "num"),
        Column("effect", "num"),
        Column("noise", "num"),
        Column("budget spent", "num"),
        Column("why", "wide"),
    )
    return table("How the alarms stand", columns, [_row(one) for one in alarms])


def _row(alarm: Alarm) -> Sequence[Child]:
    grounds, state = alarm.grounds, _STATES.get(alarm.state, "unknown")
    kind = {"problem": "bad", "attention": "drift"}.get(state, "calm")
    budget = alarm.budget
    return (
        [alarm.name, tag("small", alarm.rule.kind)] if alarm.name != alarm.rule.kind else alarm.name,
        [pill(state, alarm.state), tag("small", "silenced") if alarm.silenced_until else None],
        charts.meter(grounds.evidence, grounds.threshold, kind) if grounds else None,
        power(grounds.evidence) if grounds else NONE,
        decimal(grounds.effect) if grounds else NONE,
        decimal(grounds.floor) if grounds else NONE,
        f"{budget.spent:.2g} of {budget.per_year:g} a year" if budget else NONE,
        [alarm.why, tag("small", _columns(alarm)) if grounds and state in {"problem", "attention"} else None],
    )


def _columns(alarm: Alarm) -> str:
    """What the columns that an alarm names say."""
    guilty = [one for one in (alarm.grounds.columns if alarm.grounds else ()) if one.guilty]
    told = [
        f"{short(one.column)} (effect {decimal(one.effect)}{', ' + one.moved[0] if one.moved else ''})"
        for one in guilty
    ]
    return listed(told, 4)


def _incidents(incidents: Sequence[Incident]) -> Child:
    if not incidents:
        return None
    columns = (Column("opened (UTC)"), Column("closed"), Column("alarms"), Column("what happened", "wide"))
    rows = [
        (
            moment(one.opened_at),
            moment(one.closed_at) if one.closed_at else pill("problem", "open"),
            ", ".join(one.alarms),
            one.headline,
        )
        for one in incidents
    ]
    return [tag("h3", "Incidents"), table("Incidents", columns, rows)]


def _events(events: Sequence[AlarmEvent]) -> Child:
    if not events:
        return None
    columns = (
        Column("when (UTC)"),
        Column("alarm"),
        Column("change"),
        Column("evidence", "num"),
        Column("why", "wide"),
    )
    rows = [
        (
            moment(one.at),
            one.name,
            [one.before, " → ", pill(_STATES.get(one.after, "unknown"), one.after)],
            power(one.grounds.evidence) if one.grounds else NONE,
            one.why,
        )
        for one in events[:_EVENTS]
    ]
    left = len(events) - _EVENTS
    rest = (
        note(f"{count(left)} earlier changes are not shown: konan alarm show tells all.")
        if left > 0
        else None
    )
    return [tag("h3", "What happened"), table("Changes of state", columns, rows), rest]
