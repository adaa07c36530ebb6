"""``konan rollback``: the version that was live before answers again."""

import click

from konan.cli import command as shared
from konan.cli.command import Session
from konan.records.deployments import Deployment


@shared.command(
    "rollback",
    examples=(
        "konan rollback bikes",
        "konan rollback bikes --to 2 --why 'version 3 is too slow'",
        "konan rollback bikes --to '2026-11-20 14:00'",
    ),
)
@click.argument("name")
@click.option(
    "--to", metavar="N|TIME", help="Version N, or the one that was live then (UTC); else the one before."
)
@click.option("--why", default="", help="Is written in the ledger.")
def command(session: Session, name: str, *, to: str | None, why: str) -> None:
    """Have the version of the deployment NAME that was live before answer again.

    No request fails meanwhile. While the version is kept warm (ten minutes after it was live) this takes less
    than a second, else as long as its processes take to start.
    """
    chosen = int(to) if to is not None and to.isdecimal() else to
    with session.client() as client:
        told(session, client.live.rollback(name, chosen, why))


def told(session: Session, deployment: Deployment) -> None:
    """Say who answers now."""
    if session.screen.json:
        session.screen.record(deployment)
        return
    session.screen.data(f"{deployment.name}: version {deployment.live_version} answers now")
