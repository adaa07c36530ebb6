"""The high-water mark: how far a journal has been acknowledged, kept apart from its segments.

The writer notes it after every group, before anyone is told. A reader takes nothing that lies behind it, so
it never sees a record that is taken back, and a journal whose end was cut off is found out. The mark costs no
sync: after a power cut it may be older than the segments; what it says is on disk always is.
"""

import os
import struct
from pathlib import Path
from typing import NamedTuple

import google_crc32c

NAME = "mark"
_SLOT_BYTES = 512
_SLOT = struct.Struct("<QQI")
_COVERED = struct.Struct("<QQ")


class Mark(NamedTuple):
    """How far a journal has come.

    Attributes:
        acknowledged: sequence of the last record whose group was written.
        synced: up to which sequence all records are on disk; not above ``acknowledged``.
    """

    acknowledged: int
    synced: int


def read_mark(directory: Path) -> Mark | None:
    """The mark of a journal, or None if it has none that is good."""
    try:
        data = (directory / NAME).read_bytes()
    except FileNotFoundError:
        return None
    found = [mark for mark in (_slot(data, offset) for offset in (0, _SLOT_BYTES)) if mark is not None]
    return max(found, default=None)


class MarkFile:
    """Where the one writer of a journal notes its mark; two slots take turns, so one is always whole.

    Args:
        directory: of the journal.
        mark: how far the journal is found to be; it may be less than what was noted before.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, directory: Path, mark: Mark) -> None:
        self._descriptor = os.open(directory / NAME, os.O_RDWR | os.O_CREAT, 0o600)
        if os.fstat(self._descriptor).st_size < 2 * _SLOT_BYTES:
            os.pwrite(self._descriptor, bytes(2 * _SLOT_BYTES), 0)
        self._slot = 0
        self.note(mark)
        self.note(mark)

    def note(self, mark: Mark) -> None:
        """Note the mark; it outlives this process from here on.

        Raises:
            OSError: it could not be noted.
        """
        packed = _COVERED.pack(*mark)
        os.pwrite(self._descriptor, packed + google_crc32c.value(packed).to_bytes(4, "little"), self._slot)
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


def _slot(data: bytes, offset: int) -> Mark | None:
    if len(data) < offset + _SLOT.size:
        return None
    acknowledged, synced, crc = _SLOT.unpack_from(data, offset)
    if crc != google_crc32c.value(data[offset : offset + _COVERED.size]):
        return None
    return Mark(acknowledged, synced)
