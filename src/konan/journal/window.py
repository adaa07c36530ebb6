"""Reads a segment piece by piece, so that following a live journal costs what is new in it, not its size."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from konan.journal.segments import (
    GROUP_BYTES,
    HEAD_BYTES,
    Damage,
    Group,
    Head,
    Record,
    group_at,
    later_groups,
    later_record,
    record_at,
    unpack_head,
)

_PIECE = 256 * 1024


class Found(NamedTuple):
    """A good record and where it is.

    Attributes:
        record: the record.
        offset: where it begins in the file.
        group: the group that it is in.
    """

    record: Record
    offset: int
    group: Group

    @property
    def end(self) -> int:
        """Offset behind it in the file."""
        return self.offset + self.record.end - self.record.start


class Window:
    """One segment, open for reading.

    Args:
        path: its file.
        number: its number.

    Raises:
        FileNotFoundError: it is not there (any more).
        Damage: its head is not good.
    """

    def __init__(self, path: Path, number: int) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY)
        self._data = b""
        self._start = 0
        try:
            self.head = self._head(number)
        except Damage:
            self.close()
            raise

    def __enter__(self) -> "Window":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def good(self, offset: int, after: int) -> Iterator[Found]:
        """The good records from a group on, in order, over broken places too.

        Args:
            offset: where the group begins.
            after: groups that end with this sequence or before it are passed over.
        """
        while True:
            group = self.group(offset)
            if group is None:
                later = self.later(offset)
                if not later:
                    return
                offset = later[0].start - GROUP_BYTES
                continue
            if group.last > after:
                yield from self._records(group)
            offset = group.end

    def group(self, offset: int) -> Group | None:
        """The header of the group at an offset, or None if there is no good one."""
        return group_at(self._bytes(offset, GROUP_BYTES), 0, self.head.salt, offset)

    def later(self, offset: int) -> list[Group]:
        """The good headers of groups behind an offset."""
        return later_groups(self.rest(offset), self.head.salt, offset)

    def certain(self, offset: int) -> int:
        """Up to which sequence the headers behind an offset say that all was on disk; 0 without any."""
        return max((group.synced for group in self.later(offset)), default=0)

    def rest(self, offset: int) -> bytes:
        """Everything from an offset on, without the zeros at the end."""
        size = os.fstat(self._descriptor).st_size
        return os.pread(self._descriptor, max(size - offset, 0), offset).rstrip(b"\0")

    def _bytes(self, offset: int, size: int) -> bytes:
        """Bytes from an offset on; fewer where the file ends."""
        at = offset - self._start
        if at < 0 or at + size > len(self._data):
            self._data = os.pread(self._descriptor, max(size, _PIECE), offset)
            self._start, at = offset, 0
        return self._data[at : at + size]

    def _records(self, group: Group) -> Iterator[Found]:
        data, offset, wanted = self._bytes(group.start, group.end - group.start), 0, group.first
        while wanted <= group.last:
            record = record_at(data, offset)
            if record is None or record.sequence != wanted:
                record = later_record(data, offset, wanted, group.last)
                if record is None:
                    return
                offset = record.start
            yield Found(record, group.start + offset, group)
            offset, wanted = record.end, record.sequence + 1

    def _head(self, number: int) -> Head:
        try:
            head = unpack_head(os.pread(self._descriptor, HEAD_BYTES, 0))
        except ValueError as error:
            raise Damage(self.path, 0, str(error)) from None
        if head.number != number:
            raise Damage(self.path, 0, f"the file holds segment {head.number}")
        return head
