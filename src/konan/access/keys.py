"""The text of an API key: made here, and recognised without a look at any store.

A key is ``kn_live_<id>_<secret><check>``: a public id, 256 random bits and a CRC-32 of all before it. The
check tells a mistyped key from an unknown one and lets scanners of source code find leaked keys. Only
the SHA-256 of the whole text is ever stored; the secret is as strong as the hash, so no slow hash is needed.
"""

import re
import secrets
import string
import zlib
from typing import NamedTuple

from konan import ids

PREFIX = "kn_live_"
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ID_DIGITS = string.digits + string.ascii_lowercase
_ID_LENGTH = 12
_SECRET_BYTES = 32
_SECRET_LENGTH = 43
_CHECK_LENGTH = 6
_SHAPE = re.compile(
    rf"{PREFIX}([0-9a-z]{{{_ID_LENGTH}}})_[0-9A-Za-z]{{{_SECRET_LENGTH + _CHECK_LENGTH}}}", re.ASCII
)


class Minted(NamedTuple):
    """A new key.

    Attributes:
        text: what its holder sends; shown once and never stored.
        id: its public id.
        digest: SHA-256 of the text, 64 hexadecimal digits.
    """

    text: str
    id: str
    digest: str


def mint() -> Minted:
    """A new key of 256 random bits.

    >>> key = mint()
    >>> key.text.startswith(f"kn_live_{key.id}_"), digest_of(key.text) == key.digest
    (True, True)
    """
    key_id = "".join(secrets.choice(_ID_DIGITS) for _ in range(_ID_LENGTH))
    secret = _base62(secrets.randbits(8 * _SECRET_BYTES), _SECRET_LENGTH)
    body = f"{PREFIX}{key_id}_{secret}"
    text = body + _check(body)
    return Minted(text, key_id, ids.sha256_hex(text.encode()))


def digest_of(text: str) -> str | None:
    """The digest of a key's text, or None for a text that no key can have.

    >>> digest_of("kn_live_typo") is None
    True
    """
    if _SHAPE.fullmatch(text) is None or _check(text[:-_CHECK_LENGTH]) != text[-_CHECK_LENGTH:]:
        return None
    return ids.sha256_hex(text.encode())


def id_of(text: str) -> str | None:
    """The public id in a key's text, or None for a text that is not shaped like a key."""
    match = _SHAPE.fullmatch(text)
    return match[1] if match else None


def _check(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECK_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
