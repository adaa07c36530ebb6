"""The form of an archive: a plain tar in which every bit is accounted for.

Its members, in order: ``konan-backup.json`` (what wrote it and when), ``metadata.jsonl`` (the rows of the
database), ``data/…`` (files of the data directory by their paths there), ``manifest.jsonl`` (name, size and
SHA-256 of each member before it) and ``seal`` (SHA-256 of the manifest). A header holds nothing but a name
and a size: all else is the same in each, so one that differs from what we would write is damaged.
"""

import re
import struct
from typing import Any

import msgspec

FORMAT = 1
BLOCK = 512
HEAD = "konan-backup.json"
METADATA = "metadata.jsonl"
DATA = "data/"
MANIFEST = "manifest.jsonl"
SEAL = "seal"
END = bytes(2 * BLOCK)

_FIELDS = struct.Struct("100s8s8s8s12s12s8s1s100s6s2s32s32s8s8s155s12x")
_OCTAL_LIMIT = 8**11
_PART = re.compile(r"[ -.0-\[\]-~]+", re.ASCII)
_LONGEST = 255


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What an archive says of itself first.

    Attributes:
        format: number of the form; a reader knows those up to its own.
        konan: version of Konan that wrote it.
        started_at: RFC 3339; everything that was acknowledged before is in it.
    """

    format: int
    konan: str
    started_at: str


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the manifest: a member with its size in bytes and its SHA-256."""

    name: str
    bytes: int
    sha256: str


def header(name: str, size: int) -> bytes:
    """The 512 bytes before a member.

    >>> parsed(header("data/blobs/ab", 9 * 2**30))
    ('data/blobs/ab', 9663676416)

    Raises:
        ValueError: the name is too long for a tar.
    """
    prefix, short = _split(name)
    fixed: list[Any] = [short, b"0000600", b"0000000", b"0000000", _size(size), b"0" * 11, b" " * 8, b"0"]
    fixed += [b"", b"ustar", b"00", b"", b"", b"0000000", b"0000000", prefix]
    checksum = sum(_FIELDS.pack(*fixed))
    fixed[6] = b"%06o\0 " % checksum
    return _FIELDS.pack(*fixed)


def parsed(block: bytes) -> tuple[str, int]:
    """Name and size that a header tells.

    Raises:
        ValueError: it is not as `header` makes it; the message says what it is instead.
    """
    fields = _FIELDS.unpack(block)
    prefix, short = fields[15].rstrip(b"\0"), fields[0].rstrip(b"\0")
    name = (prefix + b"/" + short if prefix else short).decode("ascii", "replace")
    fault = name_fault(name)
    if fault:
        raise ValueError(f"it has a member {name!r}, and that {fault}")
    if fields[7] not in {b"0", b"\0"}:
        raise ValueError(f"the member {name} is no plain file")
    raw = fields[4]
    try:
        size = int.from_bytes(raw[1:], "big") if raw[0] == 0x80 else int(raw.rstrip(b"\0 "), 8)
    except ValueError:
        size = -1
    if size < 0 or header(name, size) != block:
        raise ValueError(f"the header of {name} is damaged")
    return name, size


def padding(size: int) -> int:
    """Number of zero bytes behind a member of a size.

    >>> padding(0), padding(1), padding(512)
    (0, 511, 0)
    """
    return -size % BLOCK


def name_fault(name: str) -> str:
    """What is wrong with a member's name; empty when nothing is.

    >>> name_fault("data/blobs/ab"), name_fault("data/../../etc/passwd"), name_fault("/etc")
    ('', 'leads out of the archive', 'leads out of the archive')
    """
    if name in {HEAD, METADATA, MANIFEST, SEAL}:
        return ""
    parts = name.split("/")
    if name.startswith("/") or ".." in parts:
        return "leads out of the archive"
    if not name.startswith(DATA) or len(name) > _LONGEST:
        return "is no name that Konan gives"
    return (
        "" if all(_PART.fullmatch(part) and part != "." for part in parts) else "is no name that Konan gives"
    )


def _split(name: str) -> tuple[bytes, bytes]:
    """A name as tar keeps it: at most 155 bytes, and at most 100 behind a slash."""
    data = name.encode("ascii")
    if len(data) <= 100:
        return b"", data
    cut = data.rfind(b"/", 0, 156)
    if cut <= 0 or len(data) - cut - 1 > 100:
        raise ValueError(f"the name {name} is too long")
    return data[:cut], data[cut + 1 :]


def _size(size: int) -> bytes:
    return b"%011o" % size if size < _OCTAL_LIMIT else b"\x80" + size.to_bytes(11, "big")
