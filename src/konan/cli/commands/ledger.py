"""``konan ledger``: what was live when, who changed it, and why."""

import click

from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.shapes import LedgerShown
from konan.errors import Conflict
from konan.records.ledger import Share


@shared.command("ledger", examples=("konan ledger bikes", "konan ledger bikes --json"))
@click.argument("name")
def command(session: Session, name: str) -> None:
    """Show what was live of the deployment NAME when, who changed it, and why; the newest first.

    Every entry carries the hash of the one before it. They are checked each time; if one is not as it was
    written, this says which, and the exit code is 5.
    """
    with session.client() as client:
        entries, checked = client.live.ledger(name), client.live.check_ledger(name)
    if session.screen.json:
        session.screen.record(LedgerShown(entries=tuple(entries), checked=checked))
    else:
        session.screen.table(
            ("number", "at", "action", "live", "by", "why"),
            [(one.number, one.at, one.action, _live(one.live), one.by, one.why) for one in entries],
        )
        session.screen.say(f"{checked.entries} entries; the last has the hash {checked.hash or '-'}.")
    if checked.broken is not None:
        raise Conflict(
            f"Entry {checked.broken} of the ledger is not as it was written.",
            hint="Compare the database with a backup; hashes that were noted before tell which is right.",
        )


def _live(shares: tuple[Share, ...]) -> str:
    return ", ".join(
        f"version {one.version}" + ("" if one.share == 1 else f" {one.share:.0%}") for one in shares
    )
