"""``konan status``: which deployments there are and whether they can answer."""

from collections import Counter

import click
import msgspec

from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.shapes import Status
from konan.records.retention import Retention


@shared.command("status", examples=("konan status", "konan status bikes", "konan status --json"))
@click.argument("name", required=False)
def command(session: Session, name: str | None) -> None:
    """Show all deployments, or the one called NAME with its versions."""
    screen = session.screen
    with session.client() as client:
        found = [client.deployment(name)] if name else client.deployments()
        versions = client.versions(name) if name else []
        retention = client.retention(name) if name else msgspec.UNSET
    if screen.json:
        shown = tuple(versions) if name else msgspec.UNSET
        screen.record(Status(deployments=tuple(found), versions=shown, retention=retention))
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
    if retention is not msgspec.UNSET:
        screen.data("")
        for line in aged(retention):
            screen.data(line)


def aged(retention: Retention) -> list[str]:
    """How rows age, in lines for a person."""
    says = f"version {retention.version}" if retention.version else "the server's setting retention_days"
    kept = f"{retention.days} days" if retention.days else "for ever"
    lines = [f"rows are kept {kept}, as {says} says"]
    counts = Counter[str]()
    for one in retention.removed:
        counts[one.place] += one.count
    what = (("predictions", "predictions"), ("rejected", "rejected requests"), ("truths", "truths"))
    gone = [f"{counts[place]} {words}" for place, words in what if counts[place]]
    gone += [f"{counts['aside']} bytes of the server that nobody could read"] if counts["aside"] else []
    if gone:
        lines.append(f"removed because of their age: {', '.join(gone)}")
    return lines
