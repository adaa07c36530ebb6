"""Appends to the journal and says when it is on disk, without holding up the event loop.

One thread does the writes that wait for the disk. While one group is being written the next one collects:
there is no timer, a quiet server writes single records at once, and a busy one releases many answers with one
write. A group of which nobody waits for the disk is written by the event loop itself, and synced within a
second.
"""

import asyncio
import contextlib
import errno
import fcntl
import logging
import os
import secrets
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from konan.errors import Conflict, JournalUnavailable, KonanError, StorageFull
from konan.journal.files import SegmentFiles
from konan.journal.mark import Mark, MarkFile
from konan.journal.recovery import resume
from konan.journal.segments import crc_of, pack_group, pack_record

GROUP_BYTES = 4 * 1024 * 1024
"""A group takes no further record once it has so many bytes."""

SYNC_SECONDS = 1.0
"""After so long a buffered record is on disk."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
Done = Callable[[KonanError | None], None]
logger = logging.getLogger(__name__)


class _Group(NamedTuple):
    first: int
    previous: int
    data: bytes
    waiting: list[Done]
    durable: bool
    turned: Done | None = None


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
        records: records written since the start.
        groups: writes that it took.
        bytes: their size.
        answered: sequence up to which every record was written and its caller told.

    Raises:
        Conflict: another process writes this journal.
        OSError: what is there cannot be read, or not be put on disk.
    """

    def __init__(self, directory: Path, segment_bytes: int, loop: asyncio.AbstractEventLoop) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _locked(directory)
        self._loop = loop
        place = resume(directory)
        self.leftover = place.leftover
        self.next_sequence = place.last + 1
        self.records = self.groups = self.bytes = 0
        self.answered = place.last
        self._previous = place.previous
        self._synced = place.last
        self._begun = place.start
        self._mark = MarkFile(directory, Mark(place.last, place.last), place.start)
        self._mark.sync()
        self._salt = secrets.randbits(32)
        self._pending: deque[tuple[bytes | None, Done, bool]] = deque()
        self._writing = self._scheduled = self._sync_due = False
        self._sync_timer: asyncio.TimerHandle | None = None
        self._error: KonanError | None = None
        self._files = SegmentFiles(directory, segment_bytes, place.number, self._salt)
        self._jobs: SimpleQueue[_Group | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="journal-writer", daemon=True)
        self._thread.start()

    @property
    def broken(self) -> bool:
        """Whether nothing can be appended any more."""
        return self._error is not None

    def append(self, payload: bytes, done: Done, *, durable: bool = True) -> None:
        """Write a record; ``done`` is told None once it is written, else why it is not.

        The errors are StorageFull, which passes when there is room again, and JournalUnavailable, which
        does not pass; the latter may be told before this returns.

        Args:
            payload: the record.
            done: called in the event loop.
            durable: whether to wait until it is on disk; without that it outlives this process, and after
                `SYNC_SECONDS` the machine.
        """
        self._put(payload, done, durable=durable)

    def turn_over(self, done: Done) -> None:
        """Go on in a new segment behind all that was appended by now, so that the ones before can be freed.

        Args:
            done: called in the event loop: with None once the new segment is there, else with why it is not;
                StorageFull passes.
        """
        self._put(None, done, durable=True)

    def _put(self, payload: bytes | None, done: Done, *, durable: bool) -> None:
        if self._error is not None:
            _tell(done, self._error)
            return
        self._pending.append((payload, done, durable))
        if not self._writing and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._start)

    def close(self) -> None:
        """Write what waits, wait for the disk, and close; answers arrive in the loop's next passes."""
        if self._sync_timer is not None:
            self._sync_timer.cancel()
        if self._error is None:
            while self._pending:
                self._jobs.put(self._collect())
            self._error = JournalUnavailable("The server is stopping.")
        self._jobs.put(None)
        self._thread.join()
        if self._lock >= 0:
            os.close(self._lock)
            self._mark.close()
            self._lock = -1

    # In the event loop

    def _start(self) -> None:
        self._scheduled = False
        if self._writing or self._error is not None or not (self._pending or self._sync_due):
            return
        group = self._collect()
        if not group.durable and self._files.fits(len(group.data)):  # the thread is idle
            self._finished(group, self._write(group))
            return
        self._writing = True
        self._jobs.put(group)

    def _collect(self) -> _Group:
        first, previous = self.next_sequence, self._previous
        durable = self._sync_due
        records: list[bytes] = []
        waiting: list[Done] = []
        size = 0
        while self._pending and size < GROUP_BYTES:
            payload, done, wanted = self._pending.popleft()
            if payload is None:
                if not records:
                    return _Group(first, previous, b"", [], durable=True, turned=done)
                self._pending.appendleft((payload, done, wanted))
                break
            records.append(pack_record(self.next_sequence, payload))
            waiting.append(done)
            durable = durable or wanted
            size += len(payload)
            self.next_sequence += 1
        self._sync_due = False
        if not records:
            return _Group(first, previous, b"", waiting, durable=True)
        self._previous = crc_of(records[-1])
        data = pack_group(self._salt, first, self._synced, previous, records)
        return _Group(first, previous, data, waiting, durable)

    def _finished(self, group: _Group, error: KonanError | None) -> None:
        """The end of a group, in the event loop."""
        self._writing = False
        if error is None:
            self._count(group)
        elif isinstance(error, StorageFull):
            self.next_sequence, self._previous = group.first, group.previous
        else:
            self._error = self._error or error
        waiting = group.waiting
        if self._error is not None:
            waiting = waiting + [done for _, done, _ in self._pending]
            self._pending.clear()
        elif (self._pending or self._sync_due) and not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._start)
        for done in waiting:
            _tell(done, error)
        if error is None:
            self.answered = group.first + len(group.waiting) - 1
        if group.turned is not None:
            _tell(group.turned, error)

    def _count(self, group: _Group) -> None:
        self.records += len(group.waiting)
        self.groups += bool(group.waiting)
        self.bytes += len(group.data)
        if group.durable:
            self._synced = group.first + len(group.waiting) - 1
        elif self._sync_timer is None and self._error is None:
            self._sync_timer = self._loop.call_later(SYNC_SECONDS, self._sync)

    def _sync(self) -> None:
        """Buffered records have waited long enough for the disk."""
        self._sync_timer = None
        self._sync_due = True
        self._start()

    # In the writer's thread, or in the event loop while that is idle

    def _write(self, group: _Group) -> KonanError | None:
        last = group.first + len(group.waiting) - 1
        try:
            if group.turned is not None:
                self._files.turn_over(group.first, group.previous)
            self._files.write(group.first, group.previous, group.data, durable=group.durable)
            if group.durable:
                self._begun = self._files.last
            self._mark.note(Mark(last, last if group.durable else self._synced), self._begun)
        except OSError as error:
            logger.exception("the journal could not be written")
            return self._given_up(error, group)
        return None

    def _given_up(self, error: OSError, group: _Group) -> KonanError:
        try:
            self._files.abandon()
        except OSError:
            logger.exception("buffered records of the journal may be lost")
        else:
            if error.errno in _FULL and (group.waiting or group.turned):
                return StorageFull("The disk is full; the prediction was not logged.", retry_after=5)
        return JournalUnavailable("The prediction log cannot be written.")

    # In the writer's thread

    def _work(self) -> None:
        broken: KonanError | None = None
        refused: int | None = None
        while (group := self._jobs.get()) is not None:
            if refused is not None and group.first > refused:  # only while closing
                broken = JournalUnavailable("The prediction log cannot be written.")
            error = broken or self._write(group)
            refused = group.first if isinstance(error, StorageFull) else None
            if isinstance(error, JournalUnavailable):
                broken = error
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._finished, group, error)
        try:
            self._files.close()
        except OSError:
            logger.exception("buffered records of the journal may be lost")


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
