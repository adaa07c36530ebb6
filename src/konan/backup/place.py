"""Where a backup keeps second names of files while it is made: one at a time, and nothing is left behind."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from konan import ids
from konan.config import Paths
from konan.errors import Conflict

_PLACE = "backup"


def sweep(paths: Paths) -> None:
    """Remove what a backup that was killed has left; not that of one which runs."""
    with _locked(paths) as mine:
        if mine:
            _clear(paths)


@contextmanager
def alone(paths: Paths) -> Iterator[Path]:
    """A directory for one backup, gone at the end.

    Raises:
        Conflict: another backup is being made.
    """
    with _locked(paths) as mine:
        if not mine:
            raise Conflict("A backup is being made already.", hint="Wait until it has ended.")
        _clear(paths)
        place = paths.run / _PLACE / ids.new_uuid()
        place.mkdir(mode=0o700, parents=True)
        try:
            yield place
        finally:
            _clear(paths)


@contextmanager
def _locked(paths: Paths) -> Iterator[bool]:
    handle = os.open(paths.run / f"{_PLACE}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def _clear(paths: Paths) -> None:
    shutil.rmtree(paths.run / _PLACE, ignore_errors=True)
