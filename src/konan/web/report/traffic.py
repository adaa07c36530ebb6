"""The section on traffic: how many requests there were, when, how fast, what went wrong."""

import math
from collections.abc import Sequence

from konan.records.monitoring import DriftWindow, Finding
from konan.records.operations import ErrorCount, Latency, TrafficWindow
from konan.web import charts
from konan.web.charts import Bar, Frame, Line, Point
from konan.web.figures import (
    NONE,
    brief,
    count,
    counted,
    decimal,
    duration,
    lasting,
    moment,
    seconds,
    share,
    tick,
)
from konan.web.html import Child, Html, tag
from konan.web.report.facts import Facts
from konan.web.report.parts import Column, Section, figure, legend, more, note, pairs, table
from konan.web.report.verdict import State

_LABELS = 6
_STATES: dict[str, State] = {"problem": "problem", "notice": "attention", "ok": "good"}
_QUANTILES = (("p50", "half", "now"), ("p95", "95 of 100", "guess"), ("p99", "99 of 100", "drift"))


def section(facts: Facts) -> Section:
    """The section."""
    volume = next((one for one in _findings(facts) if one.kind == "volume"), None)
    state = _STATES.get(volume.state, "unknown") if volume else "unknown"
    if state == "good" and any(one.kind == "rejected" and one.state == "problem" for one in _findings(facts)):
        state = "attention"
    body = [_meta(facts.traffic), _over_time(facts), _latency(facts), _errors(facts)]
    return Section("traffic", "Traffic", state, _lead(facts, volume), body)


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


def _meta(window: TrafficWindow | None) -> Html | None:
    """The figures of the whole time."""
    if window is None or not window.requests:
        return None
    entries = [
        ("Requests", count(window.requests)),
        ("A second", decimal(window.per_second)),
        ("Without an answer", share(window.error_share)),
    ]
    if window.latency is not None:
        took = " · ".join(duration(getattr(window.latency, name)) for name, _, _ in _QUANTILES)
        entries.append(("Latency: half · 95 · 99 of 100 within", took))
    if window.saturation is not None:
        busy = f"{share(window.saturation.busy)}, {share(window.saturation.busy_most)} in the busiest minute"
        entries.append(("Workers busy", busy))
    return pairs(entries)


def _over_time(facts: Facts) -> Child:
    parts = facts.traffic_windows or facts.drift_windows
    if sum(bool(_rows(one)) for one in parts) < 2:
        return note(
            f"All rows lie in one window of {lasting(facts.every)}: over time there is nothing to draw yet."
            if facts.rows
            else "There are no rows to draw."
        )
    requests = bool(facts.traffic_windows)
    title = "Requests" if requests else "Rows answered"
    columns = [Column("from (UTC)"), Column("to"), Column("rows answered", "num")]
    if requests:
        columns += [Column("requests", "num"), Column("without an answer", "num"), *_heads()]
    key = legend(("now", "answered"), ("refused", "refused or failed")) if requests else None
    return [
        figure(
            f"{title}, in windows of {lasting(facts.every)}",
            key or [],
            charts.bars(title, frame_of(facts), list(map(_bar, parts))),
        ),
        more(f"{title} as a table", table(f"{title} over time", columns, [_told(one) for one in parts])),
    ]


def _heads() -> list[Column]:
    return [Column(f"{name}, latency", "num") for _, name, _ in _QUANTILES]


def _rows(one: TrafficWindow | DriftWindow) -> int:
    return one.requests if isinstance(one, TrafficWindow) else one.rows


def _bar(one: TrafficWindow | DriftWindow) -> Bar:
    when = f"{moment(one.since)} to {moment(one.until)} UTC"
    start, end = seconds(one.since), seconds(one.until)
    if isinstance(one, DriftWindow):
        return Bar(start, end, [(one.rows, "now")], f"{when}: {count(one.rows)} rows")
    lost = round(one.requests * one.error_share)
    title = f"{when}: {count(one.requests)} requests, {count(lost)} without an answer"
    return Bar(start, end, [(one.requests - lost, "now"), (lost, "refused")], title)


def _told(one: TrafficWindow | DriftWindow) -> Sequence[Child]:
    if isinstance(one, DriftWindow):
        return (moment(one.since), moment(one.until), count(one.rows))
    took = [
        NONE if one.latency is None else duration(getattr(one.latency, name)) for name, _, _ in _QUANTILES
    ]
    figures = (count(one.predictions), count(one.requests), share(one.error_share))
    return (moment(one.since), moment(one.until), *figures, *took)


def _latency(facts: Facts) -> Child:
    """How fast answers were, over time."""
    known = [(one, one.latency) for one in facts.traffic_windows if one.latency is not None]
    if len(known) < 2:
        return None
    shown = [Line(kind, [_point(one, took, name) for one, took in known]) for name, _, kind in _QUANTILES]
    key = legend(*((kind, f"{words} within") for _, words, kind in _QUANTILES))
    drawn = charts.lines("Latency", frame_of(facts), shown[::-1], ground=0.0, unit=duration)
    return figure(f"Latency of answers, in windows of {lasting(facts.every)}", key, drawn)


def _point(one: TrafficWindow, took: Latency, name: str) -> Point:
    value: float = getattr(took, name)
    middle = (seconds(one.since) + seconds(one.until)) / 2
    return Point(middle, value, math.nan, math.nan, f"{moment(one.since)} UTC: {name} {duration(value)}")


def _errors(facts: Facts) -> Child:
    """What was not answered: as it is counted of requests, else only what was refused."""
    if facts.traffic is not None and facts.traffic.errors:
        columns = (
            Column("error code"),
            Column("HTTP", "num"),
            Column("whose"),
            Column("requests", "num"),
            Column("of all", "num"),
        )
        return _lost("Requests without an answer", columns, [_error(one) for one in facts.traffic.errors])
    rejected = facts.quality.rejected if facts.quality is not None else {}
    if not rejected:
        return None
    rows = [(code, brief(number)) for code, number in sorted(rejected.items(), key=lambda pair: -pair[1])]
    return _lost("Refused requests", (Column("error code"), Column("requests", "num")), rows)


def _lost(title: str, columns: Sequence[Column], rows: Sequence[Sequence[Child]]) -> Child:
    return [tag("h3", title), table(f"{title} by error code", columns, rows, "narrow")]


def _error(one: ErrorCount) -> Sequence[Child]:
    return (one.code, one.status, f"the {one.kind}'s", count(one.requests), share(one.share))
