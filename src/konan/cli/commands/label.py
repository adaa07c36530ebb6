"""``konan label``: how sound ground truth is, and which rows need it next."""

from collections.abc import Callable
from typing import Any

import click

from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.screen import Screen
from konan.cli.windowing import moment, percent, told
from konan.records.labels import LabelQueue, LabelReport

_FLAGS = (
    click.option("--from", "since", metavar="TIME", help="Earliest hour, as 2026-11-23T08:00:00Z."),
    click.option("--to", "until", metavar="TIME", help="The time before which rows lie; else now."),
    click.option("--version", type=click.IntRange(min=1), help="Number of a version; else the live one."),
)
_MOST = 12
_UNITS = ((86_400.0, "d"), (3600.0, "h"), (60.0, "min"))


def _windowed(function: Callable[..., Any]) -> Callable[..., Any]:
    for flag in reversed(_FLAGS):
        function = flag(function)
    return function


@click.group("label")
def command() -> None:
    """Look at ground truth itself: how late it comes, whether it is sound, and what to label next."""


@shared.command("show", examples=("konan label show churn", "konan label show churn --version 3 --json"))
@click.argument("name")
@_windowed
def show(session: Session, name: str, **window: Any) -> None:
    """Show how sound the ground truth of the deployment NAME is, of rows of the last 30 days.

    It tells what share of rows is labelled at which age, which slices get fewer truths, and truths that look
    one-sided or wrong: only of some answers, all the same, copied from the answers, of no known class, or
    contradicted by those of other senders.
    """
    with session.client() as client:
        found = client.labels.health(name, **window)
    if session.screen.json:
        session.screen.record(found)
        return
    _health(session.screen, found)


@shared.command(
    "queue",
    examples=("konan label queue churn", "konan label queue churn --limit 100 --json"),
)
@click.argument("name")
@_windowed
@click.option("--limit", type=click.IntRange(1, 1000), default=20, help="So many rows at most (20).")
def queue(session: Session, name: str, limit: int, **window: Any) -> None:
    """List the rows of the deployment NAME to label next, the one that tells most first.

    These are drawn by chance from groups of rows that are large, uncertain and little labelled. With their
    truths (konan feedback) the interval of the headline metric becomes narrower than with as many others.
    """
    with session.client() as client:
        found = client.labels.queue(name, limit, **window)
    if session.screen.json:
        session.screen.record(found)
        return
    _queue(session.screen, found)


def _health(screen: Screen, report: LabelReport) -> None:
    state = report.state.upper() if report.state == "problem" else report.state
    screen.data(
        f"version {report.version}, {moment(report.since)} to {moment(report.until)} UTC, "
        f"{report.labelled:,} of {report.rows:,} rows are labelled ({percent(report.share)}): {state}"
    )
    if report.median_delay is not None and report.slowest_delay is not None:
        median, slowest = duration(report.median_delay), duration(report.slowest_delay)
        screen.data(f"delay     half of the truths came within {median}, 95 % within {slowest}")
    if report.labelled and report.delays:
        ages = ", ".join(f"{duration(one.seconds)} {percent(one.share)}" for one in report.delays)
        screen.data(f"labelled  by age: {ages}")
    for found in report.findings:
        screen.data(f"{found.state.upper() if found.state == 'problem' else found.state:9} {found.detail}")
    if report.coverage:
        screen.data("")
        screen.table(
            ("segment", "rows", "labelled", "share", "state"),
            [
                (
                    f"{one.segment.column} = {told(one.segment.value)}",
                    one.rows,
                    one.labelled,
                    percent(one.share),
                    "PROBLEM" if one.state == "problem" else one.state,
                )
                for one in report.coverage[:_MOST]
            ],
        )


def _queue(screen: Screen, found: LabelQueue) -> None:
    if not found.labels:
        screen.say(f"{found.deployment} has no row without a truth in that time.")
        return
    screen.table(
        ("prediction", "answered", "group", "why"),
        [(one.prediction_id, moment(one.at), one.group, one.reason) for one in found.labels],
    )


def duration(seconds: float) -> str:
    """Seconds for people.

    >>> duration(86_400.0), duration(5400.0), duration(60.0), duration(2.0)
    ('1 d', '1.5 h', '1 min', '2 s')
    """
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.2g} {unit}"
    return f"{seconds:.2g} s"


command.add_command(show)
command.add_command(queue)
