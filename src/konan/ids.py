"""Identifiers: time-ordered UUIDs (RFC 9562, version 7) and digests.

A prediction id carries its time, so that looking one up reads one partition of the log. Ids are
made from a counter, because a fresh random UUID costs more than the rest of a prediction's
book-keeping.
"""

import hashlib
import re
import secrets

from konan import clock

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
RESERVED_NAMES = frozenset({"models"})
_VARIANT = 1 << 63
"""The two bits of RFC 9562's variant at the head of the last 64; 2^60 ids of a source fit behind them."""

_LOW_BITS = 12
_LOW_MASK = (1 << _LOW_BITS) - 1
_LOW = tuple(f"{number:03x}" for number in range(1 << _LOW_BITS))
"""The last three digits of ids; joining prepared texts costs a third of formatting the number."""

_UUID_SHAPE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


class IdSource:
    """Makes increasing UUIDv7 texts, unique among all sources.

    The first 48 bits are milliseconds, the last 61 a counter that starts at a random point: ids of one
    source increase strictly, and two sources do not meet.
    """

    def __init__(self) -> None:
        self._next = _VARIANT + secrets.randbits(60)
        self._millisecond = 0
        self._time = ""
        self._high = -1
        self._high_text = ""

    def take(self, count: int = 1) -> list[str]:
        """The next ``count`` ids, in increasing order.

        >>> import uuid
        >>> source = IdSource()
        >>> first, second = source.take(2)
        >>> first < second and uuid.UUID(first).version == 7
        True
        """
        millisecond = clock.now_ns() // 1_000_000
        if millisecond > self._millisecond:
            self._millisecond = millisecond
            text = f"{millisecond:012x}"
            self._time = f"{text[:8]}-{text[8:]}-7000-"
        first = self._next
        self._next = first + count
        if count == 1:
            return [self._text(first)]
        return [self._text(number) for number in range(first, first + count)]

    def _text(self, number: int) -> str:
        high = number >> _LOW_BITS
        if high != self._high:
            self._high = high
            text = f"{high:013x}"
            self._high_text = f"{text[:4]}-{text[4:]}"
        return self._time + self._high_text + _LOW[number & _LOW_MASK]


def new_uuid() -> str:
    """A fresh UUIDv7 text for a thing that is made rarely."""
    return IdSource().take()[0]


def sha256_hex(data: bytes) -> str:
    """The SHA-256 of some bytes, as 64 hexadecimal digits.

    >>> sha256_hex(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(data).hexdigest()


def is_name(text: str) -> bool:
    """Whether a text may name a deployment or a project.

    Lower-case letters, digits and inner hyphens, at most 63, not a reserved word, not like a UUID.

    >>> is_name("churn"), is_name("../etc"), is_name("Fraud"), is_name("models")
    (True, False, False, False)
    """
    if NAME.fullmatch(text) is None or text in RESERVED_NAMES:
        return False
    return _UUID_SHAPE.fullmatch(text) is None
