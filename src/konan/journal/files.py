"""The segment that is being written, and the next one, made ready beside it.

A segment is written full of zeros and synced before it is used; then a group of records is one write that
changes no metadata (`O_DSYNC`), the fastest way to have it on disk. Filling the next segment happens in a
thread of its own, so that a turn-over costs a rename and two syncs.

A group may also be written without waiting for the disk. The next group that waits then waits for those
before it too, so that what is on disk never has a hole.
"""

import contextlib
import os
import threading
from pathlib import Path

from konan.journal.mark import NOWHERE, Start
from konan.journal.segments import HEAD_BYTES, Head, name_of, pack_head

PREPARED = "prepared"
"""Name of the segment that is made ready; it holds no record."""

_CHUNK = 1024 * 1024
_ZEROS = bytes(_CHUNK)


class SegmentFiles:
    """Writes groups of records into segments of one directory; used by one thread.

    Args:
        directory: where the segments are; a descriptor of it is kept open.
        segment_bytes: size of a segment; a group that is larger gets a segment of its own size.
        number: number of the first segment to make.
        salt: for the heads of the segments.

    Attributes:
        last: the group that was written last, or was begun to be.
    """

    def __init__(self, directory: Path, segment_bytes: int, number: int, salt: int) -> None:
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._number = number
        self._salt = salt
        self.last = NOWHERE
        self._descriptor: int | None = None
        self._quick: int | None = None
        self._dirty = False
        self._offset = 0
        self._size = 0
        self._preparation: _Preparation | None = None
        self.prepare()

    def prepare(self) -> None:
        """Start to make the next segment ready."""
        self._preparation = _Preparation(self._directory / PREPARED, self._segment_bytes)

    def fits(self, size: int) -> bool:
        """Whether so many bytes can be written without a turn-over."""
        return self._descriptor is not None and self._offset + size <= self._size

    def write(self, first: int, previous: int, group: bytes, *, durable: bool) -> None:
        """Write a group; if it is durable, it and all before it are on disk when this returns.

        Args:
            first: sequence of the group's first record.
            previous: CRC of the record before that.
            group: as `konan.journal.segments.pack_group` makes it; may be empty, to sync what is there.
            durable: whether to wait for the disk.

        Raises:
            OSError: it is not known to be there; `abandon` must be called before the next write.
        """
        if group and not self.fits(len(group)):
            self._turn_over(first, previous, HEAD_BYTES + len(group))
        if group:
            self.last = Start(self._number - 1, self._offset)
            self._put(group, self._quick if self._dirty or not durable else self._descriptor)
            self._dirty = self._dirty or not durable
        if durable:
            self._sync()

    def turn_over(self, first: int, previous: int) -> None:
        """Go on in a new segment, also if the present one has room.

        Args:
            first: sequence of the next record.
            previous: CRC of the record before it.

        Raises:
            OSError: as of `write`.
        """
        self._turn_over(first, previous, HEAD_BYTES)

    def abandon(self) -> None:
        """Never write to the segment again; what is in it stays as it is.

        Raises:
            OSError: groups that were written without waiting for the disk are not known to be there.
        """
        try:
            self._sync()
        finally:
            self._dirty = False
            self._close_segment()

    def close(self) -> None:
        """Give the unused zeros back to the disk and close the segment.

        Raises:
            OSError: groups that were written without waiting for the disk are not known to be there.
        """
        try:
            self._finish_segment()
        finally:
            self._close_segment()
            if self._preparation is not None:
                self._preparation.wait()
            with contextlib.suppress(OSError):
                (self._directory / PREPARED).unlink()

    def _put(self, group: bytes, descriptor: int | None) -> None:
        if descriptor is None:
            raise OSError("the segment is closed")
        view = memoryview(group)
        while view:
            written = os.pwrite(descriptor, view, self._offset)
            view = view[written:]
            self._offset += written

    def _sync(self) -> None:
        if self._dirty and self._quick is not None:
            os.fdatasync(self._quick)
        self._dirty = False

    def _finish_segment(self) -> None:
        self._sync()
        if self._quick is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._quick, self._offset)
                os.fsync(self._quick)
        self._close_segment()

    def _close_segment(self) -> None:
        for descriptor in (self._descriptor, self._quick):
            if descriptor is not None:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
        self._descriptor = self._quick = None

    def _turn_over(self, first: int, previous: int, least: int) -> None:
        self._finish_segment()
        prepared = self._directory / PREPARED
        self._ready(prepared, least)
        descriptor = os.open(prepared, os.O_WRONLY | os.O_DSYNC)
        try:
            os.pwrite(descriptor, pack_head(Head(self._number, first, previous, self._salt)), 0)
            path = prepared.rename(self._directory / name_of(self._number))
            sync_directory(self._directory)
            self._quick = os.open(path, os.O_WRONLY)
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        self._offset = HEAD_BYTES
        self._size = max(least, self._segment_bytes)
        self._number += 1
        self.prepare()

    def _ready(self, prepared: Path, least: int) -> None:
        """Wait for the next segment; make it now if that failed before or if it is too small."""
        done = self._preparation is not None and self._preparation.wait() is None
        self._preparation = None
        if not done or least > self._segment_bytes:
            fill(prepared, max(least, self._segment_bytes))


class _Preparation:
    """A segment that is being filled by a thread."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="journal-prepare", daemon=True)
        self._thread.start()

    def wait(self) -> OSError | None:
        """Wait until it is done; why it failed, or None."""
        self._thread.join()
        return self._error

    def _run(self) -> None:
        try:
            fill(self._path, self._size)
        except OSError as error:
            self._error = error


def fill(path: Path, size: int) -> None:
    """Make a file of zeros that is wholly on disk.

    Raises:
        OSError: it cannot be made, and nothing of it is left; with errno ENOSPC if the disk is full.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        if hasattr(os, "posix_fallocate"):  # says at once whether there is room
            os.posix_fallocate(descriptor, 0, size)
        offset = 0
        while offset < size:
            offset += os.pwrite(descriptor, memoryview(_ZEROS)[: size - offset], offset)
            os.fsync(descriptor)  # in small steps, or it would hold up the groups of the segment before
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
    finally:
        os.close(descriptor)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable.

    Raises:
        OSError: they are not known to be on disk.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
