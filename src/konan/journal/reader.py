"""Reads a journal back, in order, and says so when it is not as it was written."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from konan.journal.entry import Entry, decode
from konan.journal.segments import (
    HEAD_BYTES,
    Damage,
    Head,
    later_record,
    record_at,
    segments,
    unpack_head,
)


def read(directory: Path) -> Iterator[tuple[int, Entry]]:
    """Sequence and content of every record, oldest first; a writer may be at work.

    What was written behind the last good record and is no record ends the reading without an error: it
    may be a write that was torn or is just going on (`doubtful` counts it).

    Raises:
        Damage: something before the end is broken, missing or out of order.
    """
    expected: int | None = None
    files = segments(directory)
    heads = [_head(number, path) for number, path in files]
    for (before, _), (number, path) in pairwise(files):
        if number != before + 1:
            raise Damage(path, 0, f"segment {before + 1} before it is missing")
    for index, (_, path) in enumerate(files):
        if expected not in {None, heads[index].first}:
            raise Damage(path, 0, f"it begins with record {heads[index].first}, expected was {expected}")
        expected = heads[index].first
        until = heads[index + 1].first if index + 1 < len(heads) else None
        for sequence, payload in _payloads(path, expected, until):
            expected = sequence + 1
            yield sequence, payload


def doubtful(directory: Path) -> int:
    """Bytes behind the last good record of the newest segment that are no record but are not zero."""
    files = segments(directory)
    if not files:
        return 0
    data = files[-1][1].read_bytes()
    offset = HEAD_BYTES
    while (record := record_at(data, offset)) is not None:
        offset = record.end
    return len(data[offset:].rstrip(b"\0"))


def _head(number: int, path: Path) -> Head:
    with path.open("rb") as file:
        start = file.read(HEAD_BYTES)
    try:
        head = unpack_head(start)
    except ValueError as error:
        raise Damage(path, 0, str(error)) from None
    if head.number != number:
        raise Damage(path, 0, f"the file holds segment {head.number}")
    return head


def _payloads(path: Path, expected: int, until: int | None) -> Iterator[tuple[int, Entry]]:
    data = path.read_bytes()
    offset = HEAD_BYTES
    while expected != until:
        record = record_at(data, offset)
        if record is None:
            _require_end(path, data, offset, expected, until)
            return
        if record.sequence != expected:
            raise Damage(path, offset, f"record {record.sequence} where {expected} should be")
        try:
            entry = decode(record.payload)
        except ValueError as error:
            raise Damage(path, offset, f"record {expected} is no entry: {error}") from None
        yield expected, entry
        offset = record.end
        expected += 1


def _require_end(path: Path, data: bytes, offset: int, expected: int, until: int | None) -> None:
    if until is not None:
        raise Damage(path, offset, f"record {expected} is broken or missing")
    if data[offset:].strip(b"\0") and later_record(data, offset, expected) is not None:
        raise Damage(path, offset, f"record {expected} is broken, but good ones follow")
