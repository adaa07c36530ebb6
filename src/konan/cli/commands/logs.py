"""``konan logs``: what a model wrote to its standard output and error."""

import click

from konan.cli import command as shared
from konan.cli.command import Session


@shared.command("logs", examples=("konan logs bikes", "konan logs bikes --version 2 --lines 20"))
@click.argument("name")
@click.option("--version", type=click.IntRange(min=1), help="Number of a version other than the live one.")
@click.option("--lines", type=click.IntRange(min=1), help="How many of the newest lines.")
def command(session: Session, name: str, version: int | None, lines: int | None) -> None:
    """Show the newest lines that the model of the deployment NAME wrote, oldest first."""
    with session.client() as client:
        log = client.logs(name, version, lines)
    if session.screen.json:
        session.screen.record(log)
        return
    for line in log.lines:
        session.screen.data(line)
    if not log.lines:
        session.screen.say(f"Version {log.version} of {name} has written nothing.")
