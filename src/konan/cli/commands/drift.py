"""``konan drift``: how live rows compare with what the model knows."""

import math
from typing import Any

import click

from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.screen import Screen
from konan.cli.windowing import moment, named, percent, short, told, windowed
from konan.records.monitoring import DriftedColumn, DriftReport, DriftWindow, MultivariateDrift

_MOST = 5
_MOVED = 2
_SHARES = 0.01


@shared.command(
    "drift",
    examples=(
        "konan drift bikes",
        "konan drift bikes --from 2026-11-01T00:00:00Z --window 1d",
        "konan drift bikes --by segment:city --json",
        "konan drift bikes --from 2026-11-23T00:00:00Z --season 7d",
        "konan drift bikes --multivariate",
    ),
)
@click.argument("name")
@windowed
@click.option("--season", metavar="LENGTH", help="Compare also with live rows of so long before, as 7d.")
@click.option(
    "--multivariate", is_flag=True, help="Have a classifier tell live rows from given ones instead."
)
def command(session: Session, name: str, *, multivariate: bool, **windowing: Any) -> None:
    """Show how the rows of the deployment NAME compare with its reference, in the last 24 hours.

    Each column has its significance (p of a two-sample test, and evidence that may be looked at any time),
    its effect (population stability index without its noise), and the floor that noise alone reaches in one
    of a thousand windows of that size. The verdict is one for the model.

    With --multivariate, small trees learn to tell rows of the log from rows given at deploy: that finds
    changes of several columns together that no column shows alone. It reads rows, and takes seconds.
    With --season, what drifts beside the reference but not beside live rows of so long before is told to be
    of the season.
    """
    if multivariate:
        _together(session, name, windowing)
        return
    with session.client() as client:
        found = client.drift(name, **windowing)
    if session.screen.json:
        session.screen.record(found)
        return
    show(session.screen, found)


def show(screen: Screen, report: DriftReport) -> None:
    """Write a report for a person: a line per window, and of a single one all columns."""
    if not report.windows:
        screen.say(f"{report.deployment} has answered nothing in that time.")
    elif len(report.windows) == 1:
        for line in described(report.windows[0]):
            screen.data(line)
        _columns(screen, report.windows[0])
    else:
        screen.table(
            ("from", "version", "segment", "rows", "verdict", "evidence", "guilty"),
            [
                (
                    moment(one.since),
                    one.version,
                    told(one.segment.value) if one.segment else None,
                    one.rows,
                    _loud(one.verdict),
                    power(one.evidence),
                    ", ".join(map(short, one.guilty)),
                )
                for one in report.windows
            ],
        )


def _together(session: Session, name: str, windowing: dict[str, Any]) -> None:
    given = [flag for flag in ("by", "window", "season") if windowing.pop(flag) is not None]
    if given:
        raise click.UsageError("--multivariate takes only --from, --to, --version and --segment.")
    with session.client() as client:
        found = client.multivariate_drift(name, **windowing)
    if session.screen.json:
        session.screen.record(found)
        return
    for line in told_together(found):
        session.screen.data(line)


def told_together(found: MultivariateDrift) -> list[str]:
    """What a classifier found, in lines."""
    lines = [f"{named(found)}: {_loud(found.verdict)}"]
    if found.auc is not None and found.low is not None and found.high is not None:
        sizes = f"{found.used:,} rows beside {found.usual_used:,} of {found.reference}"
        lines.append(f"area      {found.auc:.3f} ({found.low:.3f} to {found.high:.3f}), {sizes}")
        lines.append(f"p         {significance(found.p_value)}")
    if found.verdict == "drift":
        parts = [f"{short(one.column)} {percent(one.share)}" for one in found.columns[:_MOST]]
        lines.append(f"told by   {', '.join(parts)}")
    return [*lines, found.reason]


def described(window: DriftWindow) -> list[str]:
    """The verdict of a window in lines."""
    lines = [f"{named(window)}: {_loud(window.verdict)}"]
    if window.evidence > 0:
        lines.append(
            f"evidence  {power(window.evidence)}, drift from {power(window.threshold)} on if it matters"
        )
    if window.cause:
        lines.append(f"cause     {window.cause}")
    if window.guilty:
        lines.append(f"guilty    {', '.join(map(short, window.guilty))}")
    if window.segments:
        lines.append(f"only in   {', '.join(window.segments)}")
    if window.season is not None:
        since = f"{moment(window.season.since)}, {window.season.rows:,} rows"
        lines.append(f"season    {_loud(window.season.verdict)} beside {since}")
    lines += [f"doubt     {doubt}" for doubt in window.doubts]
    return [*lines, *([window.reason] if window.reason else [])]


def power(evidence: float) -> str:
    """Evidence as a power of ten.

    >>> power(14.23), power(3.0), power(-2.0)
    ('10^14.2', '10^3.0', '-')
    """
    return f"10^{evidence:.1f}" if evidence > 0 else "-"


def significance(p_value: float | None) -> str:
    """The p-value of a test.

    >>> significance(0.0341), significance(1e-40), significance(None)
    ('0.034', '<1e-16', '-')
    """
    if p_value is None or math.isnan(p_value):
        return "-"
    return "<1e-16" if p_value < 1e-16 else f"{p_value:.2g}"


def moved(column: DriftedColumn) -> str:
    """Where the column's values went, in words."""
    parts = [
        f"{one.what} {percent(one.usual)} → {percent(one.current)}"
        for one in column.shares
        if abs(one.current - one.usual) >= _SHARES
    ]
    named_already = {one.what for one in column.shares}
    cells = [one for one in column.moved if one.cell not in named_already][:_MOVED]
    parts += [f"{one.cell} {percent(one.usual)} → {percent(one.current)}" for one in cells]
    return ", ".join(parts)


def _columns(screen: Screen, window: DriftWindow) -> None:
    if not window.columns:
        return
    screen.data("")
    screen.table(
        ("column", "verdict", "effect", "floor", "p", "evidence", "rows", "moved"),
        [
            (
                short(one.column),
                _loud(one.verdict),
                f"{one.effect:.3f}",
                f"{one.floor:.3f}",
                significance(one.p_value),
                power(one.evidence),
                one.rows,
                moved(one) if one.verdict == "drift" else "",
            )
            for one in sorted(window.columns, key=lambda one: one.verdict == "no rows")
        ],
    )


def _loud(verdict: str) -> str:
    return "DRIFT" if verdict == "drift" else verdict
