"""What is kept of a request to a version with private columns; every other value is the model's alone.

The values that stay are copied as they were written, so that the log reads the same with and without private
columns beside them.
"""

import msgspec

from konan.records.private import MASKED, hashed, treatments
from konan.records.schema import Schema

LARGEST_REFUSED = 64 * 1024
"""Bytes of a refused body that is worth being read once more; of a larger one only the size is kept."""

_Row = dict[str, msgspec.Raw]
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_one = msgspec.json.Decoder(_Row).decode
_many = msgspec.json.Decoder(list[_Row]).decode
_NULL = b"null"
_MASK = msgspec.Raw(_encode(MASKED))
_SPACE = b" \t\r\n"


class Cover:
    """Hides the private values in bodies for one version.

    >>> from konan.records.schema import Feature
    >>> features = Feature(name="x", type="number"), Feature(name="c", type="string", privacy="mask")
    >>> Cover(Schema(features=features), b"k" * 32).rows(b'{"x": 1.50, "c": "secret"}')
    b'{"x":1.50,"c":"***"}'

    Args:
        schema: of the version.
        key: of its project (`konan.access.secret.of_project`).
    """

    def __init__(self, schema: Schema, key: bytes) -> None:
        treated = treatments(schema)
        self._key = key
        self._dropped = [name for name, how in treated.items() if how == "drop"]
        self._masked = [name for name, how in treated.items() if how == "mask"]
        self._hashed = [name for name, how in treated.items() if how == "hash"]
        self._known = {feature.name for feature in schema.features} | set(schema.extra)

    def rows(self, body: bytes) -> bytes:
        """What is kept of a body that the validator took."""
        if body.startswith(b"{"):
            return _encode(self._covered(_one(body)))
        return _encode([self._covered(row) for row in _many(body)])

    def refused(self, body: bytes) -> bytes:
        """What is kept of any other body: nothing, unless it is surely known what each value in it is."""
        if len(body) > LARGEST_REFUSED:
            return b""
        try:
            _decode(body)  # reads every value to its end; raw ones are only passed over
            if body.lstrip(_SPACE).startswith(b"{"):
                return _encode(self._covered(self._plain(_one(body))))
            return _encode([self._covered(self._plain(row)) for row in _many(body)])
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return b""

    def _plain(self, row: _Row) -> _Row:
        """The members of known names that are neither objects nor arrays: those could hold anything."""
        return {name: raw for name, raw in row.items() if name in self._known and bytes(raw)[:1] not in b"[{"}

    def _covered(self, row: _Row) -> _Row:
        for name in self._dropped:
            row.pop(name, None)
        for name in self._masked:
            if name in row and bytes(row[name]) != _NULL:
                row[name] = _MASK
        for name in self._hashed:
            if name in row and bytes(row[name]) != _NULL:
                row[name] = msgspec.Raw(_encode(hashed(self._key, _decode(row[name]))))
        return row


def cover_of(schema: Schema, key: bytes) -> Cover | None:
    """What covers the bodies of a version; None if it has no private column."""
    return Cover(schema, key) if treatments(schema) else None
