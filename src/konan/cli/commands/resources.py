"""``konan resources``: what processes and the machine use."""

from typing import Any

import click

from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.screen import Screen
from konan.cli.windowing import moment, percent
from konan.records.operations import ResourceReport, ResourceWindow

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


@shared.command(
    "resources",
    examples=(
        "konan resources",
        "konan resources bikes --window 5m",
        "konan resources --from 2026-11-01T00:00:00Z --window 1d --json",
    ),
)
@click.argument("name", required=False)
@click.option("--from", "since", metavar="TIME", help="Earliest time, as 2026-11-23T08:00:00Z.")
@click.option("--to", "until", metavar="TIME", help="The time before which it lies; else now.")
@click.option("--window", metavar="LENGTH", help="Length of a window, as 5m, 1h or 1d; else all is one.")
def command(session: Session, name: str | None, **windowing: Any) -> None:
    """Show what processes and the machine used in the last hour, or the workers of the deployment NAME.

    Minutes are kept for a day, hours for a year. `platform` is all processes of the server together, `jobs`
    what it has done by short-lived ones.
    """
    with session.client() as client:
        found = client.operations.resources(deployment=name, **windowing)
    if session.screen.json:
        session.screen.record(found)
        return
    show(session.screen, found)


def show(screen: Screen, report: ResourceReport) -> None:
    """Write a report for a person."""
    if not report.windows:
        screen.say("Nothing was sampled in that time; the first samples come within two minutes.")
        return
    screen.data(
        f"{report.processors} processors, {size(report.memory)} memory, {size(report.disk)} disk in all"
    )
    several = len({one.since for one in report.windows}) > 1
    headings = ("process", "cpu", "most", "memory", "most", "read", "written", "received", "sent", "disk")
    screen.table(
        (*(["from"] if several else []), *headings),
        [(*([moment(one.since)] if several else []), *_row(one)) for one in report.windows],
    )


def size(count: float) -> str:
    """Bytes with a unit that fits.

    >>> size(512), size(1536), size(3 * 2**30)
    ('512 B', '1.5 KiB', '3 GiB')
    """
    unit = 0
    while count >= 1024 and unit < len(_UNITS) - 1:
        count, unit = count / 1024, unit + 1
    return f"{count:.3g} {_UNITS[unit]}" if count < 1000 else f"{count:.0f} {_UNITS[unit]}"


def _row(one: ResourceWindow) -> tuple[object, ...]:
    sizes = (one.memory, one.memory_most, one.read, one.written, one.received, one.sent, one.disk)
    return (
        one.process,
        percent(one.cpu),
        percent(one.cpu_most),
        *(None if count is None else size(count) for count in sizes),
    )
