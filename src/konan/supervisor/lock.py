"""The data directory belongs to one supervisor at a time and to one user.

There are two locks. The first is the supervisor's own and refuses a second one at once. The second is
inherited by the gateways and by control and is free only when all of them are gone: a new supervisor waits
for it, so it never runs beside what one that was killed has left for a moment.
"""

import contextlib
import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from konan import clock
from konan.config import Paths
from konan.errors import Conflict, NotAllowed, StorageFull

GRACE = 5.0
"""Seconds in which the processes of a supervisor that was killed must be gone."""

_FULL = frozenset((errno.ENOSPC, errno.EDQUOT))
_PAUSE = 0.02


def claim(paths: Paths, grace: float = GRACE) -> int:
    """Make the data directory ready and lock it until this process ends.

    Args:
        paths: where the data directory is.
        grace: seconds to wait for what is left of a supervisor that was killed.

    Returns:
        The descriptor of the second lock, for the children to inherit.

    Raises:
        NotAllowed: others than this user may enter the directory, or it cannot be made.
        StorageFull: its disk is full.
        Conflict: another supervisor runs on it, or processes of a dead one do not end.
    """
    make_private(paths)
    with usable(paths):
        return _claimed(paths, grace)


def _claimed(paths: Paths, grace: float) -> int:
    own = _opened(paths.lock)
    if not _locked(own):
        os.close(own)
        raise Conflict(
            "Konan already runs on this data directory.",
            hint="Stop it with `konan down`, or name another directory with --data-dir.",
        )
    children = _opened(_children(paths))
    deadline = clock.monotonic() + grace
    while not _locked(children):
        if clock.monotonic() > deadline:
            os.close(own)
            os.close(children)
            raise Conflict("Processes of an earlier start still run on this data directory.")
        time.sleep(_PAUSE)
    os.ftruncate(own, 0)
    os.pwrite(own, f"{os.getpid()}\n".encode(), 0)
    return children


def holder(paths: Paths) -> int | None:
    """Process id of the supervisor that runs on the data directory; None if none does."""
    try:
        handle = os.open(paths.lock, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        text = b"" if _locked(handle) else os.pread(handle, 32, 0).strip()
        return int(text) if text.isdigit() else None
    finally:
        os.close(handle)


def _children(paths: Paths) -> Path:
    return paths.run / "lock"


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def make_private(paths: Paths) -> None:
    """Make the data directory if there is none, for this user alone, as all files from now on.

    Raises:
        NotAllowed: others may enter it, or it cannot be made.
        StorageFull: the disk is full.
    """
    os.umask(0o077)
    with usable(paths):
        paths.make()
        found = paths.root.stat()
    if found.st_uid != os.geteuid():
        raise NotAllowed(
            f"The data directory {paths.root} belongs to another user.",
            hint="Start the server as that user, or name another directory with --data-dir.",
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise NotAllowed(
            f"The data directory {paths.root} can be entered by other users.",
            hint=f"Make it private: chmod 700 {paths.root}",
        )


@contextlib.contextmanager
def usable(paths: Paths) -> Iterator[None]:
    """Name what the system says when the data directory cannot be used.

    Raises:
        StorageFull: its disk is full.
        NotAllowed: anything else.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(
                f"The disk that holds the data directory {paths.root} is full.",
                hint="Make room, then start again; nothing was lost.",
            ) from None
        place = error.filename or paths.root
        raise NotAllowed(
            f"The data directory cannot be used: {place}: {error.strerror}.",
            hint="Make it writable for this user, or name another directory with --data-dir.",
        ) from None


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
