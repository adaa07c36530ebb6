"""``konan status``: which deployments there are and whether they can answer."""

import click
import msgspec

from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.shapes import Status


@shared.command("status", examples=("konan status", "konan status bikes", "konan status --json"))
@click.argument("name", required=False)
def command(session: Session, name: str | None) -> None:
    """Show all deployments, or the one called NAME with its versions."""
    screen = session.screen
    with session.client() as client:
        found = [client.deployment(name)] if name else client.deployments()
        versions = client.versions(name) if name else []
    if screen.json:
        shown = tuple(versions) if name else msgspec.UNSET
        screen.record(Status(deployments=tuple(found), versions=shown))
        return
    if not found:
        screen.say("There are no deployments yet. `konan deploy NAME MODEL --data FILE` makes one.")
        return
    screen.table(
        ("deployment", "state", "live version", "created at"),
        [(one.name, one.state, one.live_version, one.created_at) for one in found],
    )
    if versions:
        screen.data("")
        screen.table(
            ("version", "state", "flavor", "created at"),
            [(one.version, one.state, one.flavor, one.created_at) for one in versions],
        )
