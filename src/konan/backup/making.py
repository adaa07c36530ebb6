"""Makes an archive of a data directory that is being served; run by control in a process of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import konan
from konan import clock, priority
from konan.backup import members, place, snapshot, writing
from konan.backup.members import Head
from konan.config import Paths


def make(paths: Paths, export: Callable[[Path], None], out: BinaryIO) -> None:
    """Write an archive of everything.

    Nothing is written before the snapshot stands; from then on it takes the time that its reader takes.

    Args:
        paths: the data directory.
        export: writes the rows of the metadata to a file.
        out: where the archive goes.

    Raises:
        Conflict: another backup is being made.
        KonanError: the snapshot could not be taken; see `konan.backup.snapshot.take`.
        OSError: a file cannot be read, or nobody reads what is written.
    """
    priority.give_way()
    head = Head(format=members.FORMAT, konan=konan.__version__, started_at=clock.rfc3339(clock.now()))
    with place.alone(paths) as own:
        out.writelines(writing.archive(head, snapshot.take(paths, own, export)))
        out.flush()
