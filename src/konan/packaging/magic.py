"""What kind of file some first bytes begin; no file is believed by its name."""

from typing import Literal

Container = Literal["zip", "pickle", "gzip", "bz2", "xz", "lzma", "zlib", "lz4", ""]

_MAGIC: tuple[tuple[bytes, Container], ...] = (
    (b"PK\x03\x04", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x04\x22\x4d\x18", "lz4"),
)
_ZLIB_LEVELS = (0x01, 0x5E, 0x9C, 0xDA)


def container(first: bytes) -> Container:
    r"""The kind of a file by its first bytes; empty when it is none of those that hold models.

    A pickle is known from protocol 2 on (Python 2.3 and later write it so).

    >>> container(b"\x80\x05\x95"), container(b"PK\x03\x04"), container(b"import os")
    ('pickle', 'zip', '')
    """
    for magic, kind in _MAGIC:
        if first.startswith(magic):
            return kind
    if len(first) < 2:
        return ""
    if first[0] == 0x80 and 2 <= first[1] <= 5:
        return "pickle"
    if first[0] == 0x78 and first[1] in _ZLIB_LEVELS:
        return "zlib"
    return "lzma" if first.startswith(b"\x5d\x00\x00") else ""
