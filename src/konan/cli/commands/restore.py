"""``konan restore``: a data directory from a backup, without a server."""

import sys
from pathlib import Path
from typing import BinaryIO

import click
import msgspec

from konan import config
from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.commands.up import require_server
from konan.cli.shapes import Erasures, Restored
from konan.errors import Conflict, Invalid, NotFound
from konan.records.erasure import Erasure


@shared.command(
    "restore",
    examples=(
        "konan restore konan.tar --data-dir /srv/konan",
        "KONAN_DATABASE_URL=postgresql://konan@db/konan konan restore konan.tar",
        "ssh elsewhere 'cat konan.tar' | konan restore - --data-dir ./konan-data",
    ),
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True))
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Where everything is put.")
@click.option(
    "--erasures",
    type=click.Path(dir_okay=False, path_type=Path),
    help="What `konan erasure list --json` printed: what was erased since the backup is erased again.",
)
def command(session: Session, file: Path, data_dir: Path | None, erasures: Path | None) -> None:
    """Put the backup FILE into a data directory that is empty or not there yet.

    Every byte is checked before the directory takes its name; a restore that is cut off leaves no directory
    that a server would start on. The metadata goes into SQLite there, or into the empty PostgreSQL database
    that KONAN_DATABASE_URL names, whichever the server had. `konan up` then starts from it, and builds the
    environments of models again from their locks.
    """
    require_server()
    from konan import keeping
    from konan.supervisor import lock

    settings, _ = config.load({"data_dir": str(data_dir) if data_dir else None})
    paths = config.paths(settings)
    if paths.root.is_dir() and lock.holder(paths) is not None:
        raise Conflict("Konan runs on this data directory.", hint="Name another one with --data-dir.")
    with _opened(file) as source, session.screen.waiting("Restoring"):
        found = keeping.restore(source, paths.root, settings.database_url, _erasures(erasures))
    if session.screen.json:
        session.screen.record(
            Restored(
                data_dir=str(paths.root),
                files=found.files,
                bytes=found.bytes,
                konan=found.head.konan,
                started_at=found.head.started_at,
            )
        )
        return
    held = f"{found.files} files, {found.bytes} bytes, of {found.head.started_at}"
    session.screen.say(f"Restored into {paths.root}: {held}")
    session.screen.say(f"Start it:  konan up --data-dir {paths.root}")


def _erasures(file: Path | None) -> tuple[Erasure, ...]:
    if file is None:
        return ()
    try:
        return msgspec.json.decode(file.read_bytes(), type=Erasures).erasures
    except FileNotFoundError:
        raise NotFound(f"There is no file {file}.") from None
    except msgspec.DecodeError:
        raise Invalid(f"{file} is not what `konan erasure list --json` prints.") from None


def _opened(file: Path) -> BinaryIO:
    if str(file) == "-":
        return sys.stdin.buffer
    try:
        return file.open("rb")
    except FileNotFoundError:
        raise NotFound(f"There is no file {file}.") from None
