"""Keeps the archive that a server sends: whole and checked under its name, or not at all."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from konan.backup.reading import Contents, read
from konan.client.steps import Request
from konan.errors import Conflict, NotAllowed, StorageFull

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class _Passing:
    """An archive that is read by somebody and passed on to a file."""

    def __init__(self, pieces: Iterator[bytes], file: BinaryIO, progress: Callable[[int], None]) -> None:
        self._pieces = pieces
        self._file = file
        self._progress = progress
        self._rest = memoryview(b"")

    def read(self, size: int) -> bytes:
        """At most so many bytes, none at the end."""
        if not self._rest:
            piece = next((piece for piece in self._pieces if piece), b"")
            self._file.write(piece)
            self._progress(len(piece))
            self._rest = memoryview(piece)
        part, self._rest = self._rest[:size], self._rest[size:]
        return bytes(part)


def request() -> Request:
    """The request for an archive of everything."""
    return Request("GET", "/v1/backup")


def pass_on(pieces: Iterator[bytes], file: BinaryIO, progress: Callable[[int], None]) -> Contents:
    """Write an archive to a file while it comes, and check it on the way.

    Raises:
        Invalid: it is damaged or cut off.
        OSError: it cannot be written.
    """
    found = read(_Passing(pieces, file, progress))
    file.flush()
    return found


def save(pieces: Iterator[bytes], path: Path, progress: Callable[[int], None]) -> Contents:
    """Keep an archive in a file that only this user may read, and check what is on disk then.

    Raises:
        Conflict: the file exists.
        NotAllowed: the file cannot be made there.
        StorageFull: there is no room; nothing is left.
        Invalid: the archive is damaged or cut off; nothing is left.
    """
    if path.exists():
        raise Conflict(f"{path.name} exists already.", hint="Name another file.")
    part = path.with_name(f".{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            pass_on(pieces, file, progress)
            os.fsync(file.fileno())
        with part.open("rb") as file:
            found = read(file)
        part.replace(path)
        _sync(path.parent)
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull("The disk is full; no backup was kept.", hint="Make room.") from error
        raise NotAllowed(f"{path.name} cannot be written there: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)
    return found


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
