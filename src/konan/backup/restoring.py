"""Puts an archive back into an empty data directory: all of it, checked, or nothing.

Everything is laid into a directory beside the wanted one and takes its name in one step at the end, so a
restore that is killed leaves no data directory that a server would start on.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from konan.backup import members
from konan.backup.members import Head
from konan.backup.reading import Contents, Readable, read
from konan.errors import Conflict, Invalid, NotAllowed, StorageFull

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Error numbers of a full disk."""


def restore(source: Readable, target: Path, load: Callable[[Head, Path, Path], None]) -> Contents:
    """Make a data directory of an archive.

    Args:
        source: the archive.
        target: the data directory; absent or empty.
        load: makes the database of a file with the rows of the metadata; told what the archive says of
            itself, that file, and the directory that will be the data directory.

    Raises:
        Invalid: the archive is not one, is damaged, or a newer Konan made it.
        Conflict: the directory is not empty, or another restore into it runs.
        NotAllowed: the directory cannot be made or replaced.
        StorageFull: there is no room.
        KonanError: what ``load`` raises.
    """
    _check_empty(target)
    with _named(), _beside(target) as place:
        found = read(source, lambda name: _file(place, name))
        metadata = place / members.METADATA
        if not metadata.is_file():
            raise Invalid("The backup is damaged: it has no metadata.")
        load(found.head, metadata, place / members.DATA)
        metadata.unlink()
        _sync_all(place / members.DATA)
        _check_empty(target)
        (place / members.DATA).replace(target)
        _sync(target.parent)
    return found


def _check_empty(target: Path) -> None:
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise Conflict("The data directory that is named is no directory.")
    if target.is_mount():
        raise _mounted()
    if target.is_dir() and any(target.iterdir()):
        raise Conflict(
            "The data directory is not empty; a backup is never laid over what is there.",
            hint="Name one that does not exist with --data-dir, or move the old one away.",
        )


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A directory beside the target, gone at the end; what one that was killed has left is gone before."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    place = target.with_name(f".{target.name}.restoring")
    place.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise Conflict("Another restore into this data directory runs.") from None
    try:
        for left in place.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        (place / members.DATA).mkdir(mode=0o700)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.close(handle)


def _file(place: Path, name: str) -> BinaryIO:
    path = place / name  # a name that was checked: it leads nowhere else
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise Invalid(f"The backup is damaged: {name} is in it twice.") from None
    return os.fdopen(descriptor, "wb")


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise StorageFull("The disk is full; nothing was restored.", hint="Make room.") from error
        if error.errno in {errno.EBUSY, errno.EXDEV}:
            raise _mounted() from error
        raise NotAllowed(f"The data directory cannot be made: {error.strerror}.") from error


def _mounted() -> NotAllowed:
    return NotAllowed(
        "The data directory cannot be replaced, because it is a mount point.",
        hint="Name a directory below it with --data-dir.",
    )


def _sync_all(root: Path) -> None:
    """Put every file and every name on disk."""
    for path in root.rglob("*"):
        _sync(path)
    _sync(root)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
