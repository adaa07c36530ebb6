"""The section on quality: what is wrong with the rows, each share with its interval."""

from collections.abc import Sequence

from konan.records.monitoring import Finding
from konan.web import charts
from konan.web.figures import count, points, share, short
from konan.web.html import Child
from konan.web.report.facts import Facts
from konan.web.report.parts import Column, Section, more, note, pill, table
from konan.web.report.verdict import State
from konan.web.scales import Scale

_STATES: dict[str, State] = {"problem": "problem", "notice": "attention", "ok": "good"}


def section(facts: Facts) -> Section:
    """The section."""
    window = facts.quality
    if window is None:
        return Section("quality", "Quality", "unknown", "There is no version that could be sent rows.", None)
    loud = [one for one in window.findings if one.state in {"problem", "notice"}]
    open_ = [one for one in window.findings if one.state in {"learning", "too few rows"}]
    calm = [one for one in window.findings if one.state == "ok"]
    state = _STATES.get(window.state, "unknown") if window.findings else "unknown"
    body = [
        _table("What was found", loud) if loud else None,
        more(
            f"{len(open_)} of which is not known what is usual, or rows are too few",
            _table("Not known", open_),
        )
        if open_
        else None,
        more(f"{len(calm)} that are as usual", _table("As usual", calm)) if calm else None,
        note(
            "A problem is more than chance and at least one row in a hundred. The line is an interval of how "
            "much the share changed."
        ),
    ]
    return Section("quality", "Quality", state, _lead(window.findings), body if window.findings else None)


def _lead(findings: Sequence[Finding]) -> str:
    if not findings:
        return "There is nothing to look at yet: no rows, or no reference."
    bad = [one for one in findings if one.state == "problem"]
    notices = sum(one.state == "notice" for one in findings)
    if bad:
        more_of = f" {len(bad) - 1} more below." if len(bad) > 1 else ""
        name = f"{short(bad[0].column)}: " if bad[0].column else ""
        return f"{name}{bad[0].detail}{more_of}"
    if notices:
        return f"Nothing bad; {notices} changed a little."
    return f"{len(findings)} things were looked at, and nothing is wrong."


def _table(caption: str, findings: Sequence[Finding]) -> Child:
    scale = _scale(findings)
    columns = (
        Column("what"),
        Column("state"),
        Column("column"),
        Column("now", "num"),
        Column("usual", "num"),
        Column("change, in points", "chart", charts.axis(scale, (scale.low, 0, scale.high), points)),
        Column("in words", "wide"),
    )
    return table(caption, columns, [_row(one, scale) for one in findings], "quality")


def _scale(findings: Sequence[Finding]) -> Scale:
    reach = [
        abs(end) for one in findings if one.kind != "volume" for end in (one.low, one.high) if end is not None
    ]
    most = min(1.0, max([0.02, *reach]) * 1.05)
    return Scale(-most, most, 4, 96)


def _row(one: Finding, scale: Scale) -> Sequence[Child]:
    counted = one.kind == "volume"
    shown = count if counted else share
    return (
        one.kind,
        pill(_STATES.get(one.state, "unknown"), one.state),
        short(one.column) or None,
        shown(one.current),
        None if one.usual is None else shown(one.usual),
        None if counted else _interval(one, scale),
        one.detail,
    )


def _interval(one: Finding, scale: Scale) -> Child:
    if one.usual is None or one.low is None or one.high is None:
        return None
    kind = {"problem": "bad", "notice": "drift"}.get(one.state, "calm")
    return charts.interval(one.low, one.current - one.usual, one.high, scale, kind)
