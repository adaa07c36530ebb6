"""Reads a journal, in order, and says so when it is not as it was written; a writer may be at work.

`tail` gives what was acknowledged behind a sequence, and is what the prediction log is made from. `read`
gives everything there is, also the end of which nobody knows whether it was acknowledged.
"""

from collections.abc import Iterator
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import NamedTuple

from konan.journal.entry import Entry, decode
from konan.journal.mark import read_mark
from konan.journal.segments import GROUP_BYTES, HEAD_BYTES, Damage, segments
from konan.journal.window import Found, Window


class _Segment(NamedTuple):
    """A segment as its head tells it; of a head that is not good, what is wrong with it."""

    number: int
    path: Path
    first: int | None
    damage: str | None = None


def read(directory: Path) -> Iterator[tuple[int, Entry]]:
    """Sequence and content of every record, oldest first.

    What was written behind the last good record and is no record ends the reading without an error if it
    may be a write that was torn or is just going on (`konan.journal.verify` tells of it).

    Raises:
        Damage: something that was on disk is broken, missing or out of order.
    """
    return Tail(directory, 0).everything()


def tail(directory: Path, after_sequence: int, *, durable: bool = False) -> Iterator[tuple[int, Entry]]:
    """Sequence and content of every acknowledged record behind a sequence, oldest first.

    Args:
        directory: of the journal; records whose segments were freed are left out.
        after_sequence: sequence of the last record that is not wanted; 0 for all.
        durable: only records that are on disk; without it also `buffered` ones that a power cut may take
            back, after which their sequences are used again.

    Raises:
        Damage: as of `read`; `Damage.resume` says where reading can go on.
    """
    return Tail(directory, after_sequence).read(durable=durable)


def free(directory: Path, through: int) -> list[Path]:
    """Delete the segments of which no record is wanted any more; the newest is always kept.

    Args:
        directory: of the journal.
        through: sequence of the last record that is not wanted.

    Returns:
        The deleted files.
    """
    freed = []
    for (_, path), (number, newer) in pairwise(segments(directory)):
        try:
            with Window(newer, number) as window:
                unwanted = window.head.first <= through + 1
        except (Damage, FileNotFoundError):
            break
        if not unwanted:
            break
        path.unlink(missing_ok=True)
        freed.append(path)
    return freed


class Place(NamedTuple):
    """Where a record is.

    Attributes:
        path: of its segment.
        start: offset of it in there.
        end: offset behind it.
    """

    path: Path
    start: int
    end: int


class Tail:
    """Follows a journal: each `read` goes on where the one before it stopped.

    Args:
        directory: of the journal.
        after: sequence of the last record that is not wanted.

    Attributes:
        after: sequence of the last record that was given.
        place: where that is, once one was given.
    """

    def __init__(self, directory: Path, after: int) -> None:
        self.after = after
        self.place = Place(directory, 0, 0)
        self._directory = directory
        self._number = 0
        self._offset = HEAD_BYTES

    def read(self, *, durable: bool = False) -> Iterator[tuple[int, Entry]]:
        """The records that were acknowledged since; see `tail`."""
        mark = read_mark(self._directory)
        if mark is not None:
            yield from self._walk(mark.synced if durable else mark.acknowledged)

    def everything(self) -> Iterator[tuple[int, Entry]]:
        """All records to the end; see `konan.journal.reader.read`."""
        yield from self._walk(None)

    def _walk(self, limit: int | None) -> Iterator[tuple[int, Entry]]:
        if limit is not None and limit <= self.after:
            return
        found = self._wanted()
        for segment, newer in zip_longest(found, found[1:]):
            if segment.damage is not None:
                raise Damage(segment.path, 0, segment.damage, resume=newer.first if newer else None)
            onward = newer.first if newer and newer.number == segment.number + 1 else None
            ends = [onward, limit + 1 if limit is not None else None]
            until = min((end for end in ends if end is not None), default=None)
            try:
                with Window(segment.path, segment.number) as window:
                    yield from self._segment(window, until, onward, newest=newer is None)
            except FileNotFoundError:
                return  # freed meanwhile, so another reader has no use for it: the next reading goes on
            if limit is not None and self.after >= limit:
                return
            if newer is not None and newer.number != segment.number + 1:
                wrong = f"segment {segment.number + 1} before it is missing"
                raise Damage(newer.path, 0, wrong, resume=newer.first)

    def _wanted(self) -> list[_Segment]:
        """The segments from the one on that holds the first wanted record."""
        found: list[_Segment] = []
        for number, path in reversed(segments(self._directory)):
            segment = _looked_at(number, path)
            if segment is None:
                break
            found.append(segment)
            if segment.first is not None and segment.first <= self.after + 1:
                break
        return found[::-1]

    def _segment(
        self, window: Window, until: int | None, onward: int | None, *, newest: bool
    ) -> Iterator[tuple[int, Entry]]:
        """The wanted records of one segment.

        Args:
            window: the segment.
            until: sequence of the first record that is not wanted, or None for all.
            onward: sequence of the first record of the next segment, or None if that is not known.
            newest: whether no segment follows.
        """
        if window.head.number != self._number:
            self._number, self._offset = window.head.number, HEAD_BYTES
        expected = max(window.head.first, self.after + 1)
        end = self._offset
        if until is None or expected < until:
            for found in self._in_order(window, expected, until):
                entry = self._entry(window, found)
                self.after, end = found.record.sequence, found.end
                self.place = Place(window.path, found.offset, end)
                yield self.after, entry
                expected = self.after + 1
                self._offset = end if self.after == found.group.last else found.group.start - GROUP_BYTES
                if expected == until:
                    return
        if self._is_damage(window, end, expected, until, newest=newest):
            raise _damage(window.path, end, expected, onward)

    def _in_order(self, window: Window, expected: int, until: int | None) -> Iterator[Found]:
        """The records from a sequence on, up to the first that is not there."""
        end, before = self._offset, None
        for found in window.good(self._offset, self.after):
            record, group = found.record, found.group
            if until is not None and record.sequence >= until:
                return
            if record.sequence > expected:
                if self._is_damage(window, end, expected, until):
                    raise _damage(window.path, end, expected, record.sequence)
                return
            if record.sequence == group.first and before not in {None, group.previous}:
                wrong = f"record {record.sequence} does not follow the one before it"
                raise Damage(window.path, found.offset, wrong, first=expected, resume=expected + 1)
            end, before = found.end, record.crc
            if record.sequence == expected:
                yield found
                expected += 1

    def _is_damage(
        self, window: Window, offset: int, expected: int, until: int | None, *, newest: bool = True
    ) -> bool:
        """Whether a record that is not there must have been on disk."""
        if until is not None:
            return expected < until
        mark = read_mark(self._directory) if newest else None
        return expected <= max(window.certain(offset), mark.synced if mark else 0)

    def _entry(self, window: Window, found: Found) -> Entry:
        try:
            return decode(found.record.payload)
        except ValueError as error:
            sequence = found.record.sequence
            wrong = f"record {sequence} is no entry: {error}"
            raise Damage(window.path, found.offset, wrong, first=sequence, resume=sequence + 1) from None


def _damage(path: Path, offset: int, expected: int, resume: int | None) -> Damage:
    several = resume is not None and resume > expected + 1
    lost = f"records {expected} to {(resume or 0) - 1} are" if several else f"record {expected} is"
    return Damage(path, offset, f"{lost} broken or missing", first=expected, resume=resume)


def _looked_at(number: int, path: Path) -> _Segment | None:
    """A segment's head, or None if the segment was freed meanwhile."""
    try:
        with Window(path, number) as window:
            return _Segment(number, path, window.head.first)
    except FileNotFoundError:
        return None
    except Damage as damage:
        return _Segment(number, path, None, damage.what)
