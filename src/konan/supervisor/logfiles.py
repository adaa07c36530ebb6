"""Log files that the supervisor opens for its children, and turns over when they are large.

A child writes to a descriptor that was opened for appending, so a file can be cut while it is written to.
Lines that are written between the copy and the cut are lost; a model that prints without end costs disk for
two files at most.
"""

import os
from pathlib import Path

_NEW = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


def open_append(path: Path) -> int:
    """Open a log file for appending, private to this user; returns the descriptor."""
    return os.open(path, _NEW, 0o600)


def turn_over(directory: Path, size: int) -> None:
    """Keep the last ``size`` bytes of every ``*.log`` larger than that as ``*.log.1``, and empty it."""
    for path in directory.glob("*.log"):
        if path.stat().st_size > size:
            _keep_end(path, size)
            os.truncate(path, 0)


def _keep_end(path: Path, size: int) -> None:
    old = path.with_suffix(".log.1")
    with path.open("rb") as source, os.fdopen(os.open(old, _NEW | os.O_TRUNC, 0o600), "wb") as target:
        source.seek(-size, os.SEEK_END)
        target.write(source.read(size))
