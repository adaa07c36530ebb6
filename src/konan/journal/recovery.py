"""What a writer finds in its journal when it starts: where to go on, and what may have been acknowledged.

Nothing is repaired and nothing is thrown away: the writer goes on in a new segment. Bytes behind the last
good record are copied to a file of their own, because the segment that they are in will be freed one day.
"""

import contextlib
import logging
import os
from pathlib import Path
from typing import NamedTuple

from konan.journal.files import sync_directory
from konan.journal.mark import Mark, read_mark
from konan.journal.segments import HEAD_BYTES, Damage, segments
from konan.journal.window import Window

ASIDE = "doubtful-*.bytes"
"""Names of the files with what was set aside."""

_log = logging.getLogger(__name__)


class Place(NamedTuple):
    """Where a journal is gone on with.

    Attributes:
        number: of the next segment.
        last: sequence of the last record.
        previous: CRC of that record; 0 if it is not there.
        leftover: bytes behind the last good record that are not zero.
    """

    number: int
    last: int
    previous: int
    leftover: int


class _End(NamedTuple):
    """The end of a segment: its last record, the CRC of that, and the offset behind it."""

    last: int
    previous: int
    offset: int


def resume(directory: Path) -> Place:
    """Find the place to go on from, and put what leads there on disk.

    Raises:
        OSError: the journal cannot be read, or not be put on disk.
    """
    mark = read_mark(directory) or Mark(0, 0)
    found = segments(directory)
    number = found[-1][0] + 1 if found else 1
    leftover = 0
    for each, path in reversed(found):
        try:
            with Window(path, each) as window:
                end = _end(window, mark)
                doubtful = window.rest(end.offset)
                if path == found[-1][1]:
                    leftover = len(doubtful)
                    if end.last > mark.synced:
                        _put_on_disk(window, end)
        except Damage:
            _log.exception("a segment of the journal cannot be read")
            continue
        if leftover:
            _set_aside(directory, path, end.offset, doubtful)
        _tell_lost(mark, end.last)
        if end.last < mark.synced:  # acknowledged records are missing: their sequences are not used again
            end = _End(mark.synced, 0, end.offset)
        return Place(number, end.last, end.previous, leftover)
    return Place(number, mark.acknowledged, 0, leftover)


def _end(window: Window, mark: Mark) -> _End:
    """The end of what is to be kept: over a broken place only if what it held was on disk."""
    end = _End(window.head.first - 1, window.head.previous, HEAD_BYTES)
    for found in window.good(HEAD_BYTES, 0):
        record = found.record
        if record.sequence > end.last + 1:
            if end.last + 1 > max(mark.synced, window.certain(end.offset)):
                break
            _log.error("records of the journal are broken", extra={"first": end.last + 1})
        if record.sequence > end.last:
            end = _End(record.sequence, record.crc, found.end)
    return end


def _put_on_disk(window: Window, end: _End) -> None:
    """Write the segment again as it reads.

    What a killed process wrote may be in memory only; and after a failed sync it may read well and never
    reach the disk, unless it is written again.
    """
    descriptor = os.open(window.path, os.O_RDWR)
    try:
        data = os.pread(descriptor, end.offset, 0)
        os.pwrite(descriptor, data, 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _set_aside(directory: Path, segment: Path, offset: int, doubtful: bytes) -> None:
    path = directory / ASIDE.replace("*", f"{segment.stem}-{offset}")
    _log.error(
        "bytes behind the last record of the journal may have been acknowledged; they are kept",
        extra={"bytes": len(doubtful), "file": path.name},
    )
    with contextlib.suppress(OSError):  # without room they stay where they are
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(doubtful)
            file.flush()
            os.fsync(descriptor)
        sync_directory(directory)


def _tell_lost(mark: Mark, last: int) -> None:
    if mark.synced > last:
        lost = {"first": last + 1, "last": mark.synced}
        _log.error("acknowledged records of the journal are missing", extra=lost)
    elif mark.acknowledged > last:
        lost = {"first": last + 1, "last": mark.acknowledged}
        _log.warning("buffered records of the journal were lost with the machine", extra=lost)
