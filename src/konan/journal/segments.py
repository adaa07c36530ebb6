"""The format of a journal's segments: how records lie in a file, and how damage shows.

A segment is named by its number. It begins with a head of 64 bytes and goes on with records, each a length,
a CRC32C, a sequence and a payload; the rest is zeros, because a segment is written full of zeros before it is
used. All integers are little-endian.

- The CRC covers length, sequence and payload. Sequences count up by one from record to record through all
  segments, so a missing, swapped or repeated block shows.
- The head says the sequence of the first record, hence how far the segment before it counts: what lies
  behind that point was written but never acknowledged.
- A payload is not empty and does not begin with a zero byte, so the end of a head is easily found again.
- The head also says the version of the format; version 1 has no group headers.
"""

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import google_crc32c

FORMAT = 1
HEAD_BYTES = 64
_MAGIC = b"KONANJNL"
_HEAD = struct.Struct("<8sIIQQ")
_CRC = struct.Struct("<I")
_RECORD = struct.Struct("<IIQ")
_COVERED = struct.Struct("<IQ")
_NAME = re.compile(r"(\d{12})\.segment", re.ASCII)


class Damage(Exception):
    """The journal is not as it was written.

    Attributes:
        path: the file.
        offset: where in it, in bytes.
        what: what is wrong there.
    """

    def __init__(self, path: Path, offset: int, what: str) -> None:
        super().__init__(f"{path.name}, byte {offset}: {what}")
        self.path = path
        self.offset = offset
        self.what = what


class Head(NamedTuple):
    """The head of a segment.

    Attributes:
        number: the segment's number.
        first: sequence of its first record.
    """

    number: int
    first: int


class Record(NamedTuple):
    """One record.

    Attributes:
        sequence: its place in the journal.
        payload: its content.
        end: offset behind it.
    """

    sequence: int
    payload: bytes
    end: int


def name_of(number: int) -> str:
    """The file name of a segment.

    >>> name_of(7)
    '000000000007.segment'
    """
    return f"{number:012d}.segment"


def segments(directory: Path) -> list[tuple[int, Path]]:
    """Numbers and paths of the segments in a directory, in order."""
    found = []
    for path in directory.iterdir():
        match = _NAME.fullmatch(path.name)
        if match is not None:
            found.append((int(match.group(1)), path))
    return sorted(found)


def pack_head(head: Head) -> bytes:
    """A head as its 64 bytes.

    >>> unpack_head(pack_head(Head(3, 17)))
    Head(number=3, first=17)
    """
    packed = _HEAD.pack(_MAGIC, FORMAT, 0, head.number, head.first)
    return (packed + _CRC.pack(google_crc32c.value(packed))).ljust(HEAD_BYTES, b"\0")


def unpack_head(data: bytes) -> Head:
    """The head at the beginning of a segment.

    Raises:
        ValueError: there is none, it is damaged, or it is of another version; the message says which.
    """
    packed = data[: _HEAD.size]
    if len(data) < HEAD_BYTES or packed[: len(_MAGIC)] != _MAGIC:
        raise ValueError("no head of a segment")
    if _CRC.unpack_from(data, _HEAD.size)[0] != google_crc32c.value(packed):
        raise ValueError("the head's checksum is wrong")
    _, version, _, number, first = _HEAD.unpack(packed)
    if version != FORMAT:
        raise ValueError(f"the format has version {version}, this program reads {FORMAT}")
    return Head(number, first)


def pack_record(sequence: int, payload: bytes) -> bytes:
    """A record as bytes.

    >>> record_at(pack_record(5, b"abc"), 0)
    Record(sequence=5, payload=b'abc', end=19)
    """
    size = len(payload)
    crc = google_crc32c.extend(google_crc32c.value(_COVERED.pack(size, sequence)), payload)
    return _RECORD.pack(size, crc, sequence) + payload


def record_at(data: bytes, offset: int) -> Record | None:
    """The record that begins at an offset, or None if there is no good one."""
    start = offset + _RECORD.size
    if offset < 0 or start > len(data):
        return None
    size, crc, sequence = _RECORD.unpack_from(data, offset)
    if size == 0 or start + size > len(data):
        return None
    payload = data[start : start + size]
    if crc != google_crc32c.extend(google_crc32c.value(_COVERED.pack(size, sequence)), payload):
        return None
    return Record(sequence, payload, start + size)


def records(data: bytes, offset: int = HEAD_BYTES) -> Iterator[Record]:
    """The good records that follow each other from an offset on, whatever their sequences."""
    while (record := record_at(data, offset)) is not None:
        yield record
        offset = record.end


def later_record(data: bytes, offset: int, expected: int) -> Record | None:
    """The next good record behind a broken place, found by what sequences near ``expected`` begin with.

    Args:
        data: a segment.
        offset: where the place begins.
        expected: sequence that should stand there.
    """
    common = struct.pack("<Q", expected)[4:]
    for match in re.compile(re.escape(common) + rb"(?=[^\0])").finditer(data, offset):
        record = record_at(data, match.end() - _RECORD.size)
        if record is not None and record.sequence >= expected:
            return record
    return None


def last_sequence(data: bytes) -> tuple[int | None, int]:
    """The highest sequence in a segment, and how many bytes are not zero behind the last good record.

    Records behind a broken place count: they may have been acknowledged.
    """
    last, end = None, HEAD_BYTES
    offset: int | None = HEAD_BYTES
    while offset is not None:
        for record in records(data, offset):
            last, end = max(last or 0, record.sequence), record.end
        beyond = later_record(data, end, (last or 0) + 1) if data[end:].strip(b"\0") else None
        if beyond is not None:
            last, end = max(last or 0, beyond.sequence), beyond.end
        offset = None if beyond is None else beyond.end
    return last, len(data[end:].rstrip(b"\0"))
