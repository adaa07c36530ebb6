"""What the log has of columns that are masked, hashed or dropped (pure).

Whoever writes a value and whoever looks for one must hash it the same way, so the rule stands here, once.
"""

import functools
import hashlib
import re

from konan.records.schema import Privacy, Schema, class_text

MASKED = "***"
"""Stands for any value of a masked column."""

_BYTES = 16
_MARK = "hmac:"
_HASHED = re.compile(rf"{_MARK}[0-9a-f]{{{2 * _BYTES}}}")
_WHOLE = re.compile(r"(-?[0-9]+)\.0")


def treatments(schema: Schema) -> dict[str, Privacy]:
    """The columns of a version that are not simply kept, by their names."""
    named = {feature.name: feature.privacy for feature in schema.features} | schema.extra_privacy
    return {name: privacy for name, privacy in named.items() if privacy != "keep"}


def text_of(cell: object) -> str:
    """A value as the text in which keys are compared; a whole number has no point, as tables add one.

    >>> text_of(17), text_of(17.0), text_of("17.0"), text_of("A-17"), text_of(True)
    ('17', '17', '17', 'A-17', 'true')
    """
    text = class_text(cell)
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


def hashed(key: bytes, cell: object) -> str:
    """What the log has of a value of a hashed column: ``hmac:`` and 32 hexadecimal digits.

    These are the first 16 bytes of HMAC-SHA-256 (RFC 2104) over the value's `text_of` in UTF-8. The name of
    the column is no part of it, so that one person has one hash in all columns of a project.

    Args:
        key: of the project (`konan.access.secret.of_project`), at most 64 bytes.
        cell: a text, number or boolean.

    >>> hashed(b"k" * 32, 17) == hashed(b"k" * 32, "17.0")
    True
    """
    inner, outer = (begun.copy() for begun in _begun(key))
    inner.update(text_of(cell).encode("utf-8", "surrogatepass"))
    outer.update(inner.digest())
    return _MARK + outer.hexdigest()[: 2 * _BYTES]


@functools.lru_cache(maxsize=64)
def _begun(key: bytes) -> "tuple[hashlib._Hash, hashlib._Hash]":
    """Both hashes of an HMAC with its key taken in, to be copied: a third of the cost of beginning anew."""
    block = key.ljust(hashlib.sha256().block_size, b"\0")
    inner, outer = bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)
    return hashlib.sha256(inner), hashlib.sha256(outer)


def sought(key: bytes, given: object) -> str:
    """The hash that a given value means; who gives a hash as the log shows it means that.

    >>> sought(b"k" * 32, hashed(b"k" * 32, 17)) == hashed(b"k" * 32, 17)
    True
    """
    text = text_of(given)
    return text if _HASHED.fullmatch(text) else hashed(key, given)
