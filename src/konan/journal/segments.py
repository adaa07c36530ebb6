"""The format of a journal's segments: how groups of records lie in a file, and how damage shows.

A segment is named by its number. It begins with a head of 64 bytes and goes on with groups; the rest is
zeros, because a segment is written full of zeros before it is used. A group is what one write put there: a
header of 40 bytes, and records, each a length, a CRC32C, a sequence and a payload. All integers are
little-endian.

- The CRC of a record covers length, sequence and payload. Sequences count up by one from record to record
  through all segments, so a missing, swapped or repeated block shows.
- A group's header says how many records and bytes follow it, the CRC of the record before it, and up to which
  sequence all records were known to be on disk when it was written. A broken place before that sequence is
  damage; a broken place behind it may be a write that was torn.
- The CRC of a group's header begins with a salt that only the segment's head says, so that nothing in a
  payload can be taken for a header.
- A segment's head says the sequence of its first record, hence how far the segment before it counts: what
  lies behind that point was never acknowledged, or was set aside when the writer started again.
- The head also says the version of the format; version 1 had no groups and is not read.
"""

import re
import struct
from pathlib import Path
from typing import NamedTuple

import google_crc32c

FORMAT = 2
HEAD_BYTES = 64
GROUP_BYTES = 40
_MAGIC = b"KONANJNL"
_GROUP_MAGIC = b"KGRP"
_HEAD = struct.Struct("<8sIIQQI")
_CRC = struct.Struct("<I")
_GROUP = struct.Struct("<4sIIIQQII")
_RECORD = struct.Struct("<IIQ")
_COVERED = struct.Struct("<IQ")
_NAME = re.compile(r"(\d{12})\.segment", re.ASCII)


class Damage(Exception):
    """The journal is not as it was written.

    Attributes:
        path: the file.
        offset: where in it, in bytes.
        what: what is wrong there.
        first: sequence of the first record that is missing because of it, if that is known.
        resume: sequence of the next good record; reading may go on with ``tail(directory, resume - 1)``.
            None if there is none.
    """

    def __init__(
        self, path: Path, offset: int, what: str, *, first: int | None = None, resume: int | None = None
    ) -> None:
        super().__init__(f"{path.name}, byte {offset}: {what}")
        self.path = path
        self.offset = offset
        self.what = what
        self.first = first
        self.resume = resume


class Head(NamedTuple):
    """The head of a segment.

    Attributes:
        number: the segment's number.
        first: sequence of its first record.
        previous: CRC of the record before that; 0 if there is none.
        salt: 32 random bits.
    """

    number: int
    first: int
    previous: int
    salt: int


class Group(NamedTuple):
    """The header of a group.

    Attributes:
        first: sequence of its first record.
        size: number of its records, at least one.
        synced: up to which sequence all records were on disk before this group was written.
        previous: CRC of the record before its first.
        start: offset of its first record.
        end: offset behind its last record.
    """

    first: int
    size: int
    synced: int
    previous: int
    start: int
    end: int

    @property
    def last(self) -> int:
        """Sequence of its last record."""
        return self.first + self.size - 1


class Record(NamedTuple):
    """One record.

    Attributes:
        sequence: its place in the journal.
        payload: its content.
        crc: its CRC.
        start: offset of it.
        end: offset behind it.
    """

    sequence: int
    payload: bytes
    crc: int
    start: int
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

    >>> unpack_head(pack_head(Head(3, 17, 99, 5)))
    Head(number=3, first=17, previous=99, salt=5)
    """
    packed = _HEAD.pack(_MAGIC, FORMAT, head.previous, head.number, head.first, head.salt)
    return (packed + _CRC.pack(google_crc32c.value(packed))).ljust(HEAD_BYTES, b"\0")


def unpack_head(data: bytes) -> Head:
    """The head at the beginning of a segment.

    Raises:
        ValueError: there is none, it is damaged, or it is of another version; the message says which.
    """
    packed = data[: _HEAD.size]
    if len(data) < HEAD_BYTES or packed[: len(_MAGIC)] != _MAGIC:
        raise ValueError("no head of a segment")
    _, version, previous, number, first, salt = _HEAD.unpack(packed)
    if version == 1:
        raise ValueError(f"the format has version {version}, this program reads {FORMAT}")
    if _CRC.unpack_from(data, _HEAD.size)[0] != google_crc32c.value(packed):
        raise ValueError("the head's checksum is wrong")
    if version != FORMAT:
        raise ValueError(f"the format has version {version}, this program reads {FORMAT}")
    if data[_HEAD.size + _CRC.size : HEAD_BYTES].strip(b"\0"):
        raise ValueError("there are bytes behind the head that do not belong there")
    return Head(number, first, previous, salt)


def pack_group(salt: int, first: int, synced: int, previous: int, records: list[bytes]) -> bytes:
    """A group as bytes.

    Args:
        salt: of the segment.
        first: sequence of the first record.
        synced: up to which sequence all records are on disk.
        previous: CRC of the record before the first.
        records: each packed.

    >>> group_at(pack_group(77, 5, 4, 0, [pack_record(5, b"abc")]), 0, 77)
    Group(first=5, size=1, synced=4, previous=0, start=40, end=59)
    """
    body = b"".join(records)
    covered = _GROUP.pack(_GROUP_MAGIC, salt, len(body), len(records), first, synced, previous, 0)
    crc = google_crc32c.value(covered)
    return _GROUP.pack(_GROUP_MAGIC, crc, len(body), len(records), first, synced, previous, 0) + body


def group_at(data: bytes, offset: int, salt: int, at: int = 0) -> Group | None:
    """The header of a group that stands at an offset, or None if there is no good one.

    Args:
        data: bytes of a segment.
        offset: where in them.
        salt: of the segment.
        at: offset of the first of these bytes in the segment.
    """
    if len(data) < offset + GROUP_BYTES:
        return None
    magic, crc, size, count, first, synced, previous, spare = _GROUP.unpack_from(data, offset)
    if magic != _GROUP_MAGIC:
        return None
    if crc != google_crc32c.value(_GROUP.pack(magic, salt, size, count, first, synced, previous, spare)):
        return None
    start = at + offset + GROUP_BYTES
    return Group(first, count, synced, previous, start, start + size)


def later_groups(data: bytes, salt: int, at: int) -> list[Group]:
    """All good headers in a part of a segment.

    Args:
        data: the part.
        salt: of the segment.
        at: offset of the part in the segment.
    """
    places = [match.start() for match in re.finditer(_GROUP_MAGIC, data)]
    found = [group_at(data, place, salt, at) for place in places]
    return [group for group in found if group is not None]


def pack_record(sequence: int, payload: bytes) -> bytes:
    """A record as bytes.

    >>> record_at(pack_record(5, b"abc"), 0).payload
    b'abc'
    """
    size = len(payload)
    crc = google_crc32c.extend(google_crc32c.value(_COVERED.pack(size, sequence)), payload)
    return _RECORD.pack(size, crc, sequence) + payload


def crc_of(record: bytes) -> int:
    """The CRC that a packed record carries."""
    crc: int = _RECORD.unpack_from(record)[1]
    return crc


def record_at(data: bytes, offset: int) -> Record | None:
    """The record that begins at an offset, or None if there is no good one."""
    start = offset + _RECORD.size
    if offset < 0 or start > len(data):
        return None
    size, crc, sequence = _RECORD.unpack_from(data, offset)
    if start + size > len(data):
        return None
    payload = data[start : start + size]
    if crc != google_crc32c.extend(google_crc32c.value(_COVERED.pack(size, sequence)), payload):
        return None
    return Record(sequence, payload, crc, offset, start + size)


def later_record(data: bytes, offset: int, wanted: int, last: int) -> Record | None:
    """The next good record behind a broken place.

    Args:
        data: the records of a group.
        offset: where the place begins.
        wanted: least sequence of the record.
        last: highest sequence that it may have.
    """
    high = re.escape(struct.pack("<Q", wanted)[4:])
    for match in re.finditer(b"(?=%b)" % high, data[offset:]):
        record = record_at(data, offset + match.start() + 4 - _RECORD.size)
        if record is not None and wanted <= record.sequence <= last:
            return record
    return None
