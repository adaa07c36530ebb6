"""The strict reading of a zip's structure, before a single byte of a member is believed.

Accepted is one shape only: entries one after another from the first byte, the directory behind them, one
end record at the very end, and entries that say the same as the directory. So nothing can hide between,
before or behind the entries, and no two readers can see different things.

Format: PKWARE APPNOTE 6.3.10, sections 4.3.7 (entry), 4.3.12 (directory) and 4.3.16 (end record).
"""

import os
import re
import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from konan.errors import BodyTooLarge, MediaTypeUnsupported, ModelFileInvalid
from konan.records.upload import MANIFEST_NAME

MIB = 1024 * 1024
CHUNK = MIB
UNIX = 3
_LEVELS = 5
_LONGEST_NAME = 200
_SEGMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", re.ASCII)
_FOLDERS = ("model", "data")

_ENTRY = struct.Struct("<4sHHHHHIIIHH")
_LISTED = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END = struct.Struct("<4sHHHHIIH")
_ENTRY_MAGIC, _LISTED_MAGIC, _END_MAGIC = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_STORED, _DEFLATED = 0, 8
_FLAGS_ALLOWED = 0x0806
_DOS_DIRECTORY = 0x10


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much an archive may hold.

    Attributes:
        total: most bytes of the archive, and of all its members unpacked.
        members: most members.
        ratio: most times that a member may grow when it is unpacked.
        ratio_from: members up to this many bytes may grow by any ratio.
        manifest: most bytes of the manifest.
    """

    total: int = 2048 * MIB
    members: int = 2000
    ratio: int = 100
    ratio_from: int = MIB
    manifest: int = MIB


class Member(NamedTuple):
    """One entry as the directory lists it: sizes in bytes, ``offset`` from the start of the file."""

    name: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int


def member_fault(name: str) -> str:
    """What is wrong with the name of a member; empty when nothing is.

    >>> member_fault("model/model.joblib")
    ''
    >>> member_fault("model/../../etc/passwd")
    'a part of the name is empty, starts with a dot or has other characters than A-Z a-z 0-9 . _ -'
    """
    parts = name.split("/")
    if len(name) > _LONGEST_NAME:
        return f"the name is longer than {_LONGEST_NAME} characters"
    if not all(_SEGMENT.fullmatch(part) for part in parts):
        return "a part of the name is empty, starts with a dot or has other characters than A-Z a-z 0-9 . _ -"
    if parts[0] not in _FOLDERS or len(parts) < 2:
        return "it is not below model/ or data/"
    if len(parts) > _LEVELS:
        return f"it lies deeper than {_LEVELS} levels"
    return ""


def listed(descriptor: int, limits: Limits) -> list[Member]:
    """The entries of a zip in their order, when all of its structure is as it should be.

    Raises:
        MediaTypeUnsupported: the file is not a zip.
        BodyTooLarge: it holds more than the limits allow.
        ModelFileInvalid: anything else is wrong; the message names the member.
    """
    members = _directory(descriptor, limits)
    _check_members(members, limits)
    _check_entries(descriptor, members)
    return members


def unpacked(descriptor: int, member: Member) -> Iterator[bytes]:
    """The bytes of an entry in pieces of at most 1 MiB, never more than were declared.

    Size and checksum are known to be right only when the iteration has ended without an error.

    Raises:
        ModelFileInvalid: the bytes are damaged, or are not as many as declared.
    """
    packed = _pieces(descriptor, member.offset + _ENTRY.size + len(member.name), member.packed)
    size, crc = 0, 0
    for chunk in packed if member.method == _STORED else _inflated(packed, member):
        size, crc = size + len(chunk), zlib.crc32(chunk, crc)
        yield chunk
    if size != member.size or crc != member.crc:
        raise refused(member.name, "its bytes do not have the declared size and checksum")


def _directory(descriptor: int, limits: Limits) -> list[Member]:
    size = os.fstat(descriptor).st_size
    if size > limits.total:
        raise BodyTooLarge(f"the archive has more than {limits.total} bytes")
    head = os.pread(descriptor, 4, 0)
    if head and head not in (_ENTRY_MAGIC, _END_MAGIC):
        raise MediaTypeUnsupported("the body is not a zip archive")
    if size < _END.size:
        raise ModelFileInvalid("the archive is empty or was cut off")
    end = _END.unpack(os.pread(descriptor, _END.size, size - _END.size))
    magic, disk, first_disk, here, count, length, offset, comment = end
    if magic != _END_MAGIC or comment or disk or first_disk or here != count:
        raise ModelFileInvalid("the archive was cut off, or something follows its end")
    if count > limits.members + 1:
        raise BodyTooLarge(f"the archive has more than {limits.members} members")
    if count == 0 or offset + length != size - _END.size:
        raise ModelFileInvalid("the archive's directory is not where its end record says")
    if length > count * (_LISTED.size + _LONGEST_NAME):
        raise ModelFileInvalid("the archive's directory is larger than its members need")
    return _entries(os.pread(descriptor, length, offset), count, offset)


def _entries(directory: bytes, count: int, behind: int) -> list[Member]:
    members, position = [], 0
    for _ in range(count):
        if len(directory) - position < _LISTED.size:
            raise ModelFileInvalid("the archive's directory was cut off")
        member, position = _listed_member(directory, position)
        members.append(member)
    if position != len(directory):
        raise ModelFileInvalid("the archive's directory holds more than its members")
    _no_gaps(members, behind)
    return members


def _listed_member(directory: bytes, position: int) -> tuple[Member, int]:
    fields = _LISTED.unpack_from(directory, position)
    magic, made_by, _, flags, method, _, _, crc, packed, size = fields[:10]
    name_length, extra, comment, disk, _, attributes, offset = fields[10:]
    end = position + _LISTED.size + name_length
    raw = directory[position + _LISTED.size : end]
    name = raw.decode("ascii", "backslashreplace")
    if magic != _LISTED_MAGIC or len(raw) != name_length:
        raise ModelFileInvalid("the archive's directory is damaged")
    if not raw.isascii():
        raise refused(name, "the name is not ASCII")
    if extra or comment or disk:
        raise refused(name, "it has extra fields or a comment, which are not accepted")
    kind = stat.S_IFMT(attributes >> 16) if made_by >> 8 == UNIX else 0
    if kind not in (0, stat.S_IFREG) or attributes & _DOS_DIRECTORY:
        raise refused(name, "it is not a regular file")
    return Member(name, flags, method, crc, packed, size, offset), end


def _no_gaps(members: list[Member], behind: int) -> None:
    """Each entry must begin where the one before ends: nothing overlaps, leads or hides between."""
    expected = 0
    for member in members:
        if member.offset != expected:
            raise refused(member.name, "it does not begin where the member before it ends")
        expected += _ENTRY.size + len(member.name) + member.packed
    if expected != behind:
        raise ModelFileInvalid("the archive holds bytes that belong to no member")


def _check_members(members: list[Member], limits: Limits) -> None:
    if members[0].name != MANIFEST_NAME:
        raise ModelFileInvalid(f"the first member is not {MANIFEST_NAME}")
    seen: set[str] = set()
    for member in members:
        fault = "" if member.name == MANIFEST_NAME else member_fault(member.name)
        if fault or member.name.lower() in seen:
            raise refused(member.name, fault or "the name occurs twice (upper and lower case count as one)")
        seen.add(member.name.lower())
        if member.flags & ~_FLAGS_ALLOWED or member.method not in (_STORED, _DEFLATED):
            raise refused(
                member.name, "it is encrypted, streamed or compressed in a way that is not accepted"
            )
        if member.method == _STORED and member.packed != member.size:
            raise refused(member.name, "its two declared sizes differ")
        if member.size > max(limits.ratio_from, limits.ratio * member.packed):
            raise BodyTooLarge(f"{shown(member.name)} grows more than {limits.ratio} times when unpacked")
    if members[0].size > limits.manifest or sum(member.size for member in members) > limits.total:
        raise BodyTooLarge(f"the archive holds more than {limits.total} bytes, or its manifest is too large")


def _check_entries(descriptor: int, members: list[Member]) -> None:
    for member in members:
        length = _ENTRY.size + len(member.name)
        head = os.pread(descriptor, length, member.offset)
        if len(head) != length:
            raise refused(member.name, "it was cut off")
        fields = _ENTRY.unpack_from(head)
        magic, _, flags, method, _, _, crc, packed, size, name_length, extra = fields
        here = (flags, method, crc, packed, size, name_length, extra, head[_ENTRY.size :])
        there = (*member[1:6], len(member.name), 0, member.name.encode("ascii"))
        if magic != _ENTRY_MAGIC or here != there:
            raise refused(member.name, "its entry and the directory say different things")


def _pieces(descriptor: int, start: int, count: int) -> Iterator[bytes]:
    while count:
        piece = os.pread(descriptor, min(CHUNK, count), start)
        if not piece:
            raise ModelFileInvalid("the archive was cut off")
        yield piece
        start, count = start + len(piece), count - len(piece)


def _inflated(packed: Iterator[bytes], member: Member) -> Iterator[bytes]:
    """Unpack a deflated entry; never makes more than one chunk at a time, nor more than was declared."""
    engine, left = zlib.decompressobj(-zlib.MAX_WBITS), member.size
    for piece in packed:
        rest, most, full = piece, 0, True
        # The engine may hold back output after it has taken all input, as long as it fills what it may make.
        while rest or full:
            most = min(CHUNK, left + 1)
            chunk = _inflate(engine, rest, most, member.name)
            left -= len(chunk)
            if left < 0 or engine.unused_data:
                raise refused(member.name, "it holds more bytes than declared")
            if chunk:
                yield chunk
            rest, full = engine.unconsumed_tail, len(chunk) == most
    if not engine.eof:
        raise refused(member.name, "its compressed bytes end too early")


def _inflate(engine: "zlib._Decompress", data: bytes, most: int, name: str) -> bytes:
    try:
        return engine.decompress(data, most)
    except zlib.error as error:
        raise refused(name, "its compressed bytes are damaged") from error


def shown(name: str) -> str:
    """A name that a stranger chose, fit for a message."""
    return ascii(name[:_LONGEST_NAME])


def refused(name: str, why: str) -> ModelFileInvalid:
    """The error that says which member is refused, and why."""
    return ModelFileInvalid(f"member {shown(name)} is refused: {why}")
