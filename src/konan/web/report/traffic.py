"""The section on traffic: how many rows there were, when, and what was refused."""

from konan.records.monitoring import DriftWindow, Finding
from konan.web import charts
from konan.web.charts import Bar, Frame
from konan.web.figures import count, counted, lasting, moment, seconds, share, tick
from konan.web.html import Child, tag
from konan.web.report.facts import Facts
from konan.web.report.parts import Column, Section, figure, more, note, table
from konan.web.report.verdict import State

_LABELS = 6
_STATES: dict[str, State] = {"problem": "problem", "notice": "attention", "ok": "good"}


def section(facts: Facts) -> Section:
    """The section."""
    volume = next((one for one in _findings(facts) if one.kind == "volume"), None)
    state = _STATES.get(volume.state, "unknown") if volume else "unknown"
    if state == "good" and any(one.kind == "rejected" and one.state == "problem" for one in _findings(facts)):
        state = "attention"
    return Section("traffic", "Traffic", state, _lead(facts, volume), [_over_time(facts), _refused(facts)])


def frame_of(facts: Facts) -> Frame:
    """The times across all charts of a report."""
    start, end = seconds(facts.since), seconds(facts.until)
    number = max(1, round((end - start) / facts.every))
    step = -(-number // _LABELS)
    places = [start + at * facts.every for at in range(0, number, step)]
    return Frame(start, end, [(at, tick(at, facts.every)) for at in places])


def _findings(facts: Facts) -> tuple[Finding, ...]:
    return facts.quality.findings if facts.quality is not None else ()


def _lead(facts: Facts, volume: Finding | None) -> Child:
    rows = f"{counted(facts.rows, 'row')} {'was' if facts.rows == 1 else 'were'} answered"
    refused = (
        f" and {counted(facts.refused, 'request')} refused" if facts.refused else ", no request was refused"
    )
    return f"{rows}{refused}.{_usual(volume)}"


def _usual(volume: Finding | None) -> str:
    """Whether so many rows are usual."""
    if volume is None or volume.low is None or volume.high is None:
        return ""
    reach = f"the usual {count(volume.low)} to {count(volume.high)} rows"
    return f" That is not {reach}." if volume.state == "problem" else f" That is within {reach}."


def _over_time(facts: Facts) -> Child:
    if len(facts.drift_windows) < 2:
        return note(
            f"All rows lie in one window of {lasting(facts.every)}: over time there is nothing to draw yet."
            if facts.rows
            else "There are no rows to draw."
        )
    shown = [_bar(window) for window in facts.drift_windows]
    drawn = charts.bars("Rows over time", frame_of(facts), shown)
    listed_rows = [(moment(one.since), moment(one.until), count(one.rows)) for one in facts.drift_windows]
    columns = (Column("from (UTC)"), Column("to"), Column("rows", "num"))
    return [
        figure(f"Rows answered, in windows of {lasting(facts.every)}", drawn),
        more("Rows as a table", table("Rows over time", columns, listed_rows)),
    ]


def _bar(window: DriftWindow) -> Bar:
    title = f"{moment(window.since)} to {moment(window.until)} UTC: {count(window.rows)} rows"
    return Bar(seconds(window.since), seconds(window.until), [(window.rows, "now")], title)


def _refused(facts: Facts) -> Child:
    rejected = facts.quality.rejected if facts.quality is not None else {}
    if not rejected:
        return None
    whole = facts.rows + facts.refused
    rows = [
        (code, count(number), share(number / whole))
        for code, number in sorted(rejected.items(), key=lambda pair: -pair[1])
    ]
    columns = (Column("error code"), Column("requests", "num"), Column("of rows and refusals", "num"))
    return [
        tag("h3", "Refused requests"),
        table("Refused requests by error code", columns, rows),
    ]
