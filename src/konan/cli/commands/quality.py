"""``konan quality``: what is wrong with the rows that a deployment is sent."""

from typing import Any

import click

from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.screen import Screen
from konan.cli.windowing import moment, named, percent, short, told, windowed
from konan.records.monitoring import Finding, QualityReport, QualityWindow


@shared.command(
    "quality",
    examples=(
        "konan quality bikes",
        "konan quality bikes --from 2026-11-01T00:00:00Z --window 1d",
        "konan quality bikes --segment city=Bern --json",
    ),
)
@click.argument("name")
@windowed
def command(session: Session, name: str, **windowing: Any) -> None:
    """Show what is wrong with the rows that the deployment NAME was sent in the last 24 hours.

    It looks at refused requests, missing values, unknown categories, numbers out of range or invalid,
    features that do not vary, repeated rows, and how many rows there are. A problem is more than chance and
    large enough to matter.
    """
    with session.client() as client:
        found = client.quality(name, **windowing)
    if session.screen.json:
        session.screen.record(found)
        return
    show(session.screen, found)


def show(screen: Screen, report: QualityReport) -> None:
    """Write a report for a person: a line per window, and of a single one all that was found."""
    if not report.windows:
        screen.say(f"{report.deployment} was sent nothing in that time.")
    elif len(report.windows) == 1:
        _whole(screen, report.windows[0])
    else:
        screen.table(
            ("from", "version", "segment", "rows", "state", "problems"),
            [
                (
                    moment(one.since),
                    one.version,
                    told(one.segment.value) if one.segment else None,
                    one.rows,
                    _loud(one.state),
                    ", ".join(f"{short(each.column)} {each.kind}".strip() for each in _problems(one)),
                )
                for one in report.windows
            ],
        )


def _whole(screen: Screen, window: QualityWindow) -> None:
    screen.data(f"{named(window)}: {_loud(window.state)}")
    codes = ", ".join(f"{count:,} {code}" for code, count in sorted(window.rejected.items()))
    if codes:
        screen.data(f"refused   {codes}")
    if window.findings:
        screen.data("")
        screen.table(
            ("state", "what", "column", "now", "usual", "difference", "in words"),
            [_row(found) for found in window.findings],
        )


def _row(found: Finding) -> tuple[str | None, ...]:
    counted = found.kind == "volume"
    shown = _count if counted else percent
    interval = None
    if found.low is not None and found.high is not None and not counted:
        interval = f"{100 * found.low:+.2g} to {100 * found.high:+.2g} points"
    return (
        _loud(found.state),
        found.kind,
        short(found.column) or None,
        shown(found.current),
        None if found.usual is None else shown(found.usual),
        interval,
        found.detail,
    )


def _count(rows: float) -> str:
    return f"{rows:,.0f}"


def _problems(window: QualityWindow) -> list[Finding]:
    return [found for found in window.findings if found.state == "problem"]


def _loud(state: str) -> str:
    return "PROBLEM" if state == "problem" else state
