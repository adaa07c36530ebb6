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
from konan.journal.mark import NOWHERE, Mark, Start, read_mark, read_start
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
        start: a group before which everything is on disk.
    """

    number: int
    last: int
    previous: int
    leftover: int
    start: Start


class _End(NamedTuple):
    """The end of a part of a segment: its last record, the CRC of that, and the offset behind it."""

    last: int
    previous: int
    offset: int


def resume(directory: Path) -> Place:
    """Find the place to go on from, and put what leads there on disk.

    Raises:
        OSError: the journal cannot be read, or not be put on disk.
    """
    mark, start = read_mark(directory) or Mark(0, 0), read_start(directory)
    found = segments(directory)
    number = found[-1][0] + 1 if found else 1
    leftover = 0
    for each, path in reversed(found):
        try:
            with Window(path, each) as window:
                known = _known(window, mark, start)
                end = _end(window, mark, known)
                doubtful = window.rest(end.offset)
                if path == found[-1][1]:
                    leftover = len(doubtful)
                    if end.last > mark.synced:
                        _put_on_disk(window, known, end)
        except Damage:
            _log.exception("a segment of the journal cannot be read")
            continue
        if leftover:
            _set_aside(directory, path, end.offset, doubtful)
        _tell_lost(mark, end.last)
        if end.last < mark.synced:  # acknowledged records are missing: their sequences are not used again
            end = _End(mark.synced, 0, end.offset)
        return Place(number, end.last, end.previous, leftover, start)
    return Place(number, mark.acknowledged, 0, leftover, NOWHERE)


def _known(window: Window, mark: Mark, start: Start) -> _End:
    """The end of the part of a segment that need not be read, because all of it was on disk.

    Whether it still is as it was written is a matter of those who read it, and of `konan.journal.verify`.
    """
    nothing = _End(window.head.first - 1, window.head.previous, HEAD_BYTES)
    if start.number != window.head.number or start.offset < HEAD_BYTES:
        return nothing
    group = window.group(start.offset)
    if group is None or not nothing.last < group.first <= mark.synced + 1:
        return nothing
    return _End(group.first - 1, group.previous, start.offset)


def _end(window: Window, mark: Mark, known: _End) -> _End:
    """The end of what is to be kept: over a broken place only if what it held was on disk."""
    end = known
    for found in window.good(known.offset, 0):
        record = found.record
        if record.sequence > end.last + 1:
            if end.last + 1 > max(mark.synced, window.certain(end.offset)):
                break
            _log.error("records of the journal are broken", extra={"first": end.last + 1})
        if record.sequence > end.last:
            end = _End(record.sequence, record.crc, found.end)
    return end


def _put_on_disk(window: Window, known: _End, end: _End) -> None:
    """Write again as it reads what is not known to be on disk.

    What a killed process wrote may be in memory only; and after a failed sync it may read well and never
    reach the disk, unless it is written again.
    """
    descriptor = os.open(window.path, os.O_RDWR)
    try:
        begin = known.offset if known.offset > HEAD_BYTES else 0
        data = os.pread(descriptor, end.offset - begin, begin)
        os.pwrite(descriptor, data, begin)
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
