"""``konan kpi``: measures of users' own, beside those of the platform."""

from typing import Any

import click

from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.windowing import moment
from konan.records.kpis import KpiStored


@click.group("kpi")
def command() -> None:
    """Send and show KPIs: what a deployment is worth to you, measured by yourself."""


@shared.command(
    "send",
    examples=(
        "konan kpi send bikes revenue 1250.50",
        "konan kpi send bikes complaints 3 --at 2026-11-23T08:00:00Z --version 2",
    ),
)
@click.argument("name")
@click.argument("kpi")
@click.argument("value", type=float)
@click.option("--at", metavar="TIME", help="When it was so, as 2026-11-23T08:00:00Z; else now.")
@click.option("--version", type=click.IntRange(min=1), help="Number of the version that it is about.")
def send(session: Session, name: str, kpi: str, value: float, **more: Any) -> None:
    """Send the VALUE of a KPI of the deployment NAME; one of the same time and version takes its place."""
    point = {"name": kpi, "value": value, **{key: one for key, one in more.items() if one is not None}}
    with session.client() as client:
        stored = client.operations.send_kpis(name, [point])
    if session.screen.json:
        session.screen.record(KpiStored(stored=stored))
    else:
        session.screen.say(f"{kpi} of {name} is kept.")


@shared.command("list", examples=("konan kpi list bikes",))
@click.argument("name")
def listed(session: Session, name: str) -> None:
    """List the KPIs of the deployment NAME."""
    with session.client() as client:
        found = client.operations.kpis(name)
    if session.screen.json:
        session.screen.record(found)
    elif not found.kpis:
        session.screen.say(f"{name} has no KPIs; `konan kpi send` makes them.")
    else:
        rows = [
            (one.name, one.points, moment(one.first_at), moment(one.last_at), one.last) for one in found.kpis
        ]
        session.screen.table(("kpi", "points", "first", "last", "value"), rows)


@shared.command("show", examples=("konan kpi show bikes revenue --window 1d --from 2026-11-01T00:00:00Z",))
@click.argument("name")
@click.argument("kpi")
@click.option("--from", "since", metavar="TIME", help="Earliest hour, as 2026-11-23T08:00:00Z.")
@click.option("--to", "until", metavar="TIME", help="The time before which points lie; else now.")
@click.option("--window", metavar="LENGTH", help="Length of a window, as 1h or 1d; else all is one.")
@click.option("--version", type=click.IntRange(min=1), help="Number of a version; else all.")
def show(session: Session, name: str, kpi: str, **windowing: Any) -> None:
    """Show a KPI of the deployment NAME in the last 24 hours, of each version that it was sent for."""
    with session.client() as client:
        found = client.operations.kpi(name, kpi, **windowing)
    if session.screen.json:
        session.screen.record(found)
    elif not found.windows:
        session.screen.say(f"{name} has no points of {kpi} in that time.")
    else:
        session.screen.table(
            ("from", "version", "points", "sum", "mean", "least", "most"),
            [
                (moment(one.since), one.version, one.points, one.sum, one.mean, one.least, one.most)
                for one in found.windows
            ],
        )


for each in (send, listed, show):
    command.add_command(each)
