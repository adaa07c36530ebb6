"""The high-water mark: how far a journal has been acknowledged, kept apart from its segments.

The writer notes it after every group, before anyone is told. A reader takes nothing that lies behind it, so
it never sees a record that is taken back, and a journal whose end was cut off is found out. The mark costs no
sync: after a power cut it may be older than the segments; what it says is on disk always is.

Beside it stands where the last group is before which everything is on disk, so that the next start need not
read a whole segment to find its end.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import google_crc32c

NAME = "mark"
_SLOT_BYTES = 512
_SLOT = struct.Struct("<QQI")
_COVERED = struct.Struct("<QQ")
_START = 32
"""Offset in a slot of where the last group is; a slot of an earlier program has zeros there."""


class Mark(NamedTuple):
    """How far a journal has come.

    Attributes:
        acknowledged: sequence of the last record whose group was written.
        synced: up to which sequence all records are on disk; not above ``acknowledged``.
    """

    acknowledged: int
    synced: int


class Start(NamedTuple):
    """A group before which everything is on disk.

    Attributes:
        number: of its segment.
        offset: where it begins in there.
    """

    number: int
    offset: int


NOWHERE = Start(0, 0)
"""No such group is known."""


def read_mark(directory: Path) -> Mark | None:
    """The mark of a journal, or None if it has none that is good."""
    return max((Mark(*found) for found in _found(directory, 0)), default=None)


def read_start(directory: Path) -> Start:
    """The last group that is known before which everything is on disk."""
    return max((Start(*found) for found in _found(directory, _START)), default=NOWHERE)


class MarkFile:
    """Where the one writer of a journal notes its mark; two slots take turns, so one is always whole.

    Args:
        directory: of the journal.
        mark: how far the journal is found to be; it may be less than what was noted before.
        start: a group before which everything is on disk.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, directory: Path, mark: Mark, start: Start = NOWHERE) -> None:
        self._descriptor = os.open(directory / NAME, os.O_RDWR | os.O_CREAT, 0o600)
        if os.fstat(self._descriptor).st_size < 2 * _SLOT_BYTES:
            os.pwrite(self._descriptor, bytes(2 * _SLOT_BYTES), 0)
        self._slot = 0
        self.note(mark, start)
        self.note(mark, start)

    def note(self, mark: Mark, start: Start) -> None:
        """Note the mark; it outlives this process from here on.

        Raises:
            OSError: it could not be noted.
        """
        os.pwrite(self._descriptor, _packed(mark).ljust(_START, b"\0") + _packed(start), self._slot)
        self._slot ^= _SLOT_BYTES

    def sync(self) -> None:
        """Put the mark on disk.

        Raises:
            OSError: it is not known to be there.
        """
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def _packed(numbers: tuple[int, int]) -> bytes:
    packed = _COVERED.pack(*numbers)
    return _SLOT.pack(*numbers, google_crc32c.value(packed))


def _found(directory: Path, where: int) -> Iterator[tuple[int, int]]:
    """The numbers of both slots that are good."""
    try:
        data = (directory / NAME).read_bytes()
    except FileNotFoundError:
        return
    for offset in (where, where + _SLOT_BYTES):
        if len(data) >= offset + _SLOT.size:
            first, second, crc = _SLOT.unpack_from(data, offset)
            if crc == google_crc32c.value(data[offset : offset + _COVERED.size]):
                yield first, second
