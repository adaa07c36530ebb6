"""Chooses the adapters for backup and restore; run as ``python -m konan.keeping`` it makes a backup.

It reads the settings of the server on standard input and writes the archive to standard output. When it
cannot, it writes the reason to standard error as JSON.
"""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from konan import clock, config
from konan.adapters.sql import fill_store, open_store, sqlite_url
from konan.backup import making, restoring
from konan.backup.members import Head
from konan.backup.reading import Contents, Readable
from konan.config import Settings
from konan.erasure.replaying import replay
from konan.errors import KonanError, StorageFull
from konan.records.erasure import Erasure


def back_up(settings: Settings) -> None:
    """Write an archive of everything to standard output.

    Raises:
        KonanError: it cannot be made.
        OSError: likewise, or nobody reads it.
    """
    paths = config.paths(settings)
    metadata = open_store(settings.database_url or sqlite_url(paths.database))
    try:
        making.make(paths, metadata.export_rows, sys.stdout.buffer)
    finally:
        metadata.close()


def restore(source: Readable, target: Path, database_url: str, erasures: Sequence[Erasure] = ()) -> Contents:
    """Make a data directory, and a database, of an archive; what was erased since is erased at its start.

    Args:
        source: the archive.
        target: the data directory; absent or empty.
        database_url: of an empty database; empty is SQLite in the data directory.
        erasures: of the server that the archive was made of, those since then among them.

    Raises:
        KonanError: nothing was restored; see `konan.backup.restoring.restore`. A database outside the data
            directory may hold the rows if the very last step fails.
    """

    def load(head: Head, rows: Path, data: Path) -> None:
        url = database_url or sqlite_url(config.Paths(data).database)
        fill_store(url, rows)
        metadata = open_store(url)
        try:
            replay(metadata, erasures, since=head.started_at, at=clock.rfc3339(clock.now()))
        finally:
            metadata.close()

    return restoring.restore(source, target, load)


def main() -> int:
    """Make a backup; returns the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that it clears up
    settings = config.from_json(sys.stdin.buffer.read())
    try:
        back_up(settings)
    except BrokenPipeError:
        return 1
    except KonanError as error:
        return _failed(error)
    except OSError as error:
        if error.errno in restoring.FULL:
            return _failed(StorageFull("The server's disk is full.", hint="Make room, then try again."))
        return _failed(KonanError(f"The backup could not be made: {error.strerror or error}."))
    return 0


def _failed(error: KonanError) -> int:
    told = {"code": error.code, "message": error.message, "hint": error.hint}
    sys.stderr.buffer.write(msgspec.json.encode(told))
    return 1


if __name__ == "__main__":
    code = main()
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = 1
    sys.exit(code)
