"""The part of the section on performance that says whether the ground truth itself is sound."""

from collections.abc import Sequence

from konan.records.labels import LabelCoverage, LabelFinding, LabelReport
from konan.web.figures import NONE, count, lasting, points, share, short
from konan.web.html import Child, tag
from konan.web.report.parts import Column, more, note, pairs, pill, table
from konan.web.report.verdict import State

_STATES: dict[str, State] = {"problem": "problem", "notice": "attention", "ok": "good"}


def part(report: LabelReport | None) -> Child:
    """What is known of the truths; nothing where there are none."""
    if report is None or not report.labelled:
        return None
    entries: list[tuple[str, Child]] = [("Labelled", f"{share(report.share)} of {count(report.rows)} rows")]
    if report.median_delay is not None:
        entries.append(("Half of the truths came within", lasting(report.median_delay)))
    if report.slowest_delay is not None:
        entries.append(("95 of 100 within", lasting(report.slowest_delay)))
    return [
        tag("h3", "Ground truth"),
        pairs(entries),
        _findings(report.findings) if report.findings else note("Nothing about the truths looks wrong."),
        more("Labelled by slice", _coverage(report.coverage)) if report.coverage else None,
    ]


def _findings(found: Sequence[LabelFinding]) -> Child:
    columns = (
        Column("what"),
        Column("state"),
        Column("about"),
        Column("now", "num"),
        Column("usual", "num"),
        Column("in words", "wide"),
    )
    rows = [
        (
            one.kind,
            pill(_STATES[one.state], one.state),
            short(one.about) or None,
            share(one.current),
            NONE if one.usual is None else share(one.usual),
            one.detail,
        )
        for one in found
    ]
    return table("What looks wrong about the truths", columns, rows)


def _coverage(slices: Sequence[LabelCoverage]) -> Child:
    columns = (
        Column("slice"),
        Column("rows", "num"),
        Column("labelled", "num"),
        Column("share", "num"),
        Column("beside the others, in points", "num"),
        Column("state"),
    )
    rows = [
        (
            f"{one.segment.column} = {'(none)' if one.segment.value is None else one.segment.value}",
            count(one.rows),
            count(one.labelled),
            share(one.share),
            f"{points(one.low)} to {points(one.high)}",
            pill(_STATES[one.state], one.state),
        )
        for one in slices
    ]
    return table("How much of each slice is labelled", columns, rows)
