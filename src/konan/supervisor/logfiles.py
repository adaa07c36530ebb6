"""Log files of the platform's processes, kept small.

Our own processes write to a descriptor that was opened for appending, so that their file can be cut while
they write; lines between the copy and the cut are lost. A model gets a pipe: it can neither rewrite what it
printed nor fill the disk with it.
"""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from konan import clock
from konan.records.logs import stamped

_NEW = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_CHUNK = 64 * 1024
_TICK = timedelta(microseconds=1)


def open_append(path: Path) -> int:
    """Open a log file for appending, private to this user; returns the descriptor."""
    return os.open(path, _NEW, 0o600)


def turn_over_all(directory: Path, size: int) -> None:
    """Turn over every ``*.log`` larger than ``size`` bytes."""
    for path in directory.glob("*.log"):
        if path.stat().st_size > size:
            turn_over(path, size)


def turn_over(path: Path, size: int) -> None:
    """Keep the last ``size`` bytes of a log file in another with ``.1`` at its name's end, and empty it."""
    old = path.with_suffix(".log.1")
    with path.open("rb") as source, os.fdopen(os.open(old, _NEW | os.O_TRUNC, 0o600), "wb") as target:
        source.seek(max(0, source.seek(0, os.SEEK_END) - size))
        target.write(source.read(size))
    os.truncate(path, 0)


class PipedLog:
    """A log file that is written through a pipe, each line behind the time at which it came.

    It belongs to the running event loop. A line is written when it is whole.

    Args:
        path: the file.
        size: bytes at which it is turned over.

    Attributes:
        writer: descriptor to write to.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size
        self._file = open_append(path)
        self._begun = b""
        self._last = datetime.min.replace(tzinfo=UTC)
        self._reader, self.writer = os.pipe()
        os.set_blocking(self._reader, False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._reader, self._copy)

    def close(self) -> None:
        """Write what is still in the pipe, and close all."""
        self._loop.remove_reader(self._reader)
        self._copy()
        if self._begun:
            self._write(self._begun + b"\n")
        for handle in (self._reader, self.writer, self._file):
            os.close(handle)

    def _copy(self) -> None:
        try:
            data = self._begun + os.read(self._reader, _CHUNK)
        except BlockingIOError:
            return
        whole, newline, self._begun = data.rpartition(b"\n")
        if len(self._begun) > _CHUNK:
            whole, newline, self._begun = data, b"\n", b""
        if newline:
            self._write(whole + newline)

    def _write(self, lines: bytes) -> None:
        """Write lines, each behind its time; times of two writes are never the same."""
        self._last = max(clock.now(), self._last + _TICK)
        try:
            os.write(self._file, stamped(lines, clock.rfc3339(self._last)))
            if os.fstat(self._file).st_size > self._size:
                turn_over(self._path, self._size)
        except OSError:  # a full disk costs log lines, never the platform
            return
