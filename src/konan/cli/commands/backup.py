"""``konan backup``: everything of a server in one file, made while it serves."""

import sys
from pathlib import Path

import click

from konan import clock
from konan.backup.reading import Contents, read
from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.shapes import BackedUp
from konan.errors import NotFound, Usage


@shared.command(
    "backup",
    examples=(
        "konan backup /mnt/backups",
        "konan backup konan.tar",
        "konan backup - | ssh elsewhere 'cat > konan.tar'",
        "konan backup --verify konan.tar",
    ),
)
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--verify", is_flag=True, help="Make none; read FILE and check every byte of it.")
def command(session: Session, file: Path, *, verify: bool) -> None:
    """Write everything of the server to FILE, into the folder FILE, or to standard output (-).

    The server goes on serving. Whatever was acknowledged before is in it: deployments, models, keys, the
    prediction log, the journal, ground truth. The file appears when all of it is there and has been read
    again. Whoever has it can do what every key could see: keep it as secret as the server itself.
    """
    if verify:
        _told(session, file, _verified(file), "is whole")
    elif str(file) == "-":
        _to_output(session)
    else:
        if file.is_dir():
            stamp = clock.rfc3339(clock.now())[:19].replace("-", "").replace(":", "")
            file /= f"konan-backup-{stamp}Z.tar"
        with session.client() as client, session.screen.progress("Backing up") as step:
            found = client.backup(file, step)
        _told(session, file, found, "is written and checked")


def _verified(file: Path) -> Contents:
    try:
        with file.open("rb") as source:
            return read(source)
    except FileNotFoundError:
        raise NotFound(f"There is no file {file}.") from None


def _to_output(session: Session) -> None:
    if session.screen.json:
        raise Usage("Standard output has the backup; it cannot have JSON as well.", hint="Name a file.")
    if sys.stdout.isatty():
        raise Usage("A backup is nothing for a terminal.", hint="Name a file, or pipe it into a program.")
    with session.client() as client:
        found = client.backup_to(sys.stdout.buffer)
    session.screen.say(f"{found.files} files, {found.bytes} bytes, checked.")


def _told(session: Session, file: Path, found: Contents, what: str) -> None:
    if session.screen.json:
        head = found.head
        session.screen.record(
            BackedUp(
                file=str(file),
                files=found.files,
                bytes=found.bytes,
                konan=head.konan,
                started_at=head.started_at,
            )
        )
        return
    held = f"{found.files} files, {found.bytes} bytes, of {found.head.started_at}"
    session.screen.say(f"{file} {what}: {held}")
