"""Where in a journal the entries are that wait for their table: they stay there, and only this is held."""

import os
from array import array
from collections.abc import Iterator
from pathlib import Path

from konan.journal.entry import Entry
from konan.journal.reader import Place
from konan.journal.segments import record_at

ENTRIES = 1000
ROWS = 4000
"""Most entries in a stretch, and rows after which none is added: what a reader decodes at once."""

SPAN = 16
"""Bytes that say where one entry is."""


class Segment:
    """A segment that is held open, so that it can be read also when it was freed.

    Args:
        path: of it.

    Attributes:
        descriptor: to read from.
    """

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        os.close(self.descriptor)


class Stretch:
    """Entries of one log in one segment of a gateway's journal, in their order.

    Args:
        gateway: index of the gateway.
        path: of the segment.
        segment: the same, open.

    Attributes:
        rows: rows of the entries; one that was rejected counts as one.
        bytes: size of the entries.
        oldest: nanoseconds since 1970-01-01 UTC of the first entry.
        first: sequence of the first entry.
        end: sequence of the last entry.
        last: largest id.
        full: whether no entry may be added any more.
        broken: whether entries of it are known not to be as they were written.
    """

    def __init__(self, gateway: int, path: Path, segment: Segment) -> None:
        self.gateway = gateway
        self.path = path
        self.segment = segment
        self.rows = self.bytes = self.oldest = self.first = self.end = 0
        self.last = ""
        self.broken = self.full = False
        self._spans = array("Q")

    def __len__(self) -> int:
        return len(self._spans) // 2

    def goes_on_in(self, path: Path) -> bool:
        """Whether an entry of a segment may be added; asked for every prediction, hence the order."""
        if self.full:
            return False
        if self.path is not path:
            if self.path != path:
                return False
            self.path = path
        return True

    def add(self, sequence: int, entry: Entry, place: Place) -> None:
        """Take in the next entry."""
        if not self.first:
            self.first, self.oldest = sequence, entry.at_ns
        self.end = sequence
        self.last = max(self.last, entry.ids[-1] if entry.ids else entry.request_id)
        self.rows += len(entry.ids) or 1
        self.bytes += place.end - place.start
        self._spans.extend((place.start, place.end))
        self.full = self.rows >= ROWS or len(self._spans) >= 2 * ENTRIES

    def spans(self) -> bytes:
        """Offset and end of each entry's record."""
        return self._spans.tobytes()


def records(descriptor: int, spans: bytes) -> Iterator[tuple[int, bytes]]:
    """Sequence and payload of records; those that are not as they were written are left out.

    Args:
        descriptor: of a segment.
        spans: as of `Stretch.spans`.
    """
    places = iter(array("Q", spans))
    for start, end in zip(places, places, strict=True):
        record = record_at(os.pread(descriptor, end - start, start), 0)
        if record is not None:
            yield record.sequence, record.payload
