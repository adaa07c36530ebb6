"""Appends to the journal and says when it is on disk, without holding up the event loop.

One thread does the blocking writes. While one group is being written the next one collects: there is no
timer, a quiet server writes single records at once, and a busy one releases many answers with one write.
"""

import asyncio
import contextlib
import errno
import fcntl
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from konan.errors import Conflict, JournalUnavailable, KonanError, StorageFull
from konan.journal.files import SegmentFiles
from konan.journal.segments import last_sequence, pack_record, segments, unpack_head

GROUP_BYTES = 4 * 1024 * 1024
"""A group takes no further record once it has so many bytes."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
Done = Callable[[KonanError | None], None]
logger = logging.getLogger(__name__)


class _Group(NamedTuple):
    first: int
    data: bytes
    waiting: list[Done]


class Writer:
    """The one writer of a journal's directory.

    Args:
        directory: made if it does not exist, private to this user.
        segment_bytes: size of a segment.
        loop: the event loop in which `append` is called and answered.

    Attributes:
        next_sequence: sequence of the next record.
        leftover: bytes found behind the last good record of the newest segment; they may have been
            acknowledged and are kept.
        records: records on disk since the start.
        groups: writes that it took.
        bytes: their size.

    Raises:
        Conflict: another process writes this journal.
    """

    def __init__(self, directory: Path, segment_bytes: int, loop: asyncio.AbstractEventLoop) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _locked(directory)
        self._loop = loop
        number, last, self.leftover = _resume(directory)
        if self.leftover:
            logger.warning(
                "bytes behind the last record of the journal are kept", extra={"bytes": self.leftover}
            )
        self.next_sequence = last + 1
        self.records = self.groups = self.bytes = 0
        self._pending: deque[tuple[bytes, Done]] = deque()
        self._writing = self._scheduled = False
        self._error: KonanError | None = None
        self._files = SegmentFiles(directory, segment_bytes, number)
        self._jobs: SimpleQueue[_Group | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="journal-writer", daemon=True)
        self._thread.start()

    def append(self, payload: bytes, done: Done) -> None:
        """Write a record; ``done`` is told None once it is on disk, else why it is not.

        The errors are StorageFull, which passes when there is room again, and JournalUnavailable, which
        does not pass; the latter may be told before this returns.
        """
        if self._error is not None:
            _tell(done, self._error)
            return
        self._pending.append((payload, done))
        if not self._writing and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._start)

    def close(self) -> None:
        """Write what waits, wait for the disk, and close; answers arrive in the loop's next passes."""
        if self._error is None:
            while self._pending:
                self._jobs.put(self._collect())
            self._error = JournalUnavailable("The server is stopping.")
        self._jobs.put(None)
        self._thread.join()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _start(self) -> None:
        self._scheduled = False
        if self._pending and not self._writing:
            self._writing = True
            self._jobs.put(self._collect())

    def _collect(self) -> _Group:
        first = self.next_sequence
        records, waiting, size = [], [], 0
        while self._pending and size < GROUP_BYTES:
            payload, done = self._pending.popleft()
            records.append(pack_record(self.next_sequence, payload))
            waiting.append(done)
            size += len(payload)
            self.next_sequence += 1
        return _Group(first, b"".join(records), waiting)

    def _finished(self, group: _Group, error: KonanError | None) -> None:
        """The end of a group, in the event loop."""
        self._writing = False
        if error is None:
            self.records += len(group.waiting)
            self.groups += 1
            self.bytes += len(group.data)
        elif isinstance(error, StorageFull):
            self.next_sequence = group.first
        else:
            self._error = error
        waiting = group.waiting
        if self._error is not None:
            waiting = waiting + [done for _, done in self._pending]
            self._pending.clear()
        elif self._pending:
            self._start()
        for done in waiting:
            _tell(done, error)

    # In the writer's thread

    def _work(self) -> None:
        broken: KonanError | None = None
        expected = self.next_sequence
        while (group := self._jobs.get()) is not None:
            if group.first != expected:  # only while closing: the group before it failed
                broken = JournalUnavailable("The prediction log cannot be written.")
            error = broken or self._write(group)
            if error is None:
                expected += len(group.waiting)
            elif isinstance(error, JournalUnavailable):
                broken = error
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._finished, group, error)
        self._files.close()

    def _write(self, group: _Group) -> KonanError | None:
        try:
            self._files.write(group.first, group.data)
        except OSError as error:
            self._files.abandon()
            logger.exception("the journal could not be written")
            if error.errno in _FULL:
                return StorageFull("The disk is full; the prediction was not logged.", retry_after=5)
            return JournalUnavailable("The prediction log cannot be written.")
        return None


def _tell(done: Done, error: KonanError | None) -> None:
    """Answer one append; a caller that has gone must not keep the others from being answered."""
    try:
        done(error)
    except Exception:
        logger.exception("an answer could not be sent after it was logged")


def _locked(directory: Path) -> int:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise Conflict("Another process writes this journal.") from None
    return descriptor


def _resume(directory: Path) -> tuple[int, int, int]:
    """Number of the next segment, last sequence, and doubtful bytes of what is there."""
    found = segments(directory)
    leftover: int | None = None
    for _, path in reversed(found):
        data = path.read_bytes()
        last, beyond = last_sequence(data)
        leftover = beyond if leftover is None else leftover
        if last is None:
            with contextlib.suppress(ValueError):
                last = unpack_head(data).first - 1
        if last is not None:
            return found[-1][0] + 1, last, leftover
    return (found[-1][0] + 1 if found else 1), 0, leftover or 0
