"""The columns of a deployment's prediction log, and how features are named among them.

Delta column names know no case and no blanks, and a feature may change its type with a version. So a
feature's column is a letter for its type and its name in lower-case letters, from which the name can be read
back: ``n_^med^inc`` is the number ``MedInc``. Readers show features by their own names again.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

import pyarrow as pa

from konan.records.private import treatments
from konan.records.schema import FeatureType, Schema

MOMENT = pa.timestamp("us", "UTC")
SYSTEM = pa.schema(
    [
        ("id", pa.string()),
        ("request_id", pa.string()),
        ("at", MOMENT),
        ("day", pa.date32()),
        ("version", pa.int32()),
        ("role", pa.string()),
        ("mirrors", pa.string()),
        ("key_id", pa.string()),
        ("status", pa.int32()),
        ("latency_us", pa.int64()),
        ("label", pa.string()),
        ("value", pa.float64()),
        ("probability", pa.float64()),
        ("output", pa.string()),
        ("row", pa.string()),
    ]
)
"""Columns of every log.

``label``, ``value`` and ``probability`` (of the label) are null where the output has none; ``output`` is all
of it as JSON. ``row`` is JSON of a row whose version has no schema any more, else null.
"""

TYPES: dict[str, pa.DataType] = {
    "n": pa.float64(),
    "i": pa.int64(),
    "b": pa.bool_(),
    "s": pa.string(),
    "t": MOMENT,
    "x": pa.string(),
}
"""Arrow type by the first letter of a column; ``x`` is a declared column that the model is not given."""

_LETTERS: dict[FeatureType, str] = {
    "number": "n",
    "integer": "i",
    "boolean": "b",
    "string": "s",
    "datetime": "t",
}
_PLAIN = re.compile(r"[a-z0-9_]")
_CODE = re.compile(r"%([0-9a-f]{2}(?:%[0-9a-f]{2})*)|\^([a-z])")


class Column(NamedTuple):
    """A feature or a declared column.

    Attributes:
        letter: its type, a key of `TYPES`.
        name: as it stands in a row.
    """

    letter: str
    name: str

    @property
    def physical(self) -> str:
        """Its name in the table.

        >>> Column("n", "MedInc").physical, Column("s", "a b").physical
        ('n_^med^inc', 's_a%20b')
        """
        return f"{self.letter}_{''.join(map(_encoded, self.name))}"


def column_of(physical: str) -> Column | None:
    """The feature or declared column that a column of a table holds, None for one of `SYSTEM`.

    >>> column_of("n_^med^inc"), column_of("s_a%20b"), column_of("id")
    (Column(letter='n', name='MedInc'), Column(letter='s', name='a b'), None)
    """
    if physical in _SYSTEM_NAMES:
        return None
    return Column(physical[0], _CODE.sub(_decoded, physical[2:]))


def columns(schema: Schema) -> list[Column]:
    """The columns of one version's rows: its features, then its declared columns.

    What is masked or hashed is text whatever it was; what is dropped has no column.
    """
    treated = treatments(schema)
    found = [
        Column("s" if feature.name in treated else _LETTERS[feature.type], feature.name)
        for feature in schema.features
    ]
    known = {feature.name for feature in schema.features}
    found += [Column("x", name) for name in dict.fromkeys(schema.extra) if name not in known]
    return [column for column in found if treated.get(column.name) != "drop"]


def shown(names: Iterable[str]) -> dict[str, Column]:
    """The feature and declared columns among the columns of a table, by their names there."""
    pairs = ((name, column_of(name)) for name in names)
    return {name: column for name, column in pairs if column is not None}


def labels(names: Iterable[str]) -> dict[str, str]:
    """A name that people know for each column of a table; no two are the same but for their case.

    A feature has its own name, unless a column of `SYSTEM` or another feature has that too: then its type
    stands behind it.

    >>> labels(["id", "n_^hour", "s_hour", "s_id"])
    {'id': 'id', 'n_^hour': 'Hour', 's_hour': 'hour (string)', 's_id': 'id (string)'}
    """
    found = {name: name for name in names if column_of(name) is None}
    taken = {name.lower() for name in SYSTEM.names}
    for physical, column in shown(names).items():
        choices = (column.name, f"{column.name} ({_WORDS[column.letter]})", physical)
        found[physical] = next((one for one in choices if one.lower() not in taken), physical)
        taken.add(found[physical].lower())
    return found


_WORDS = {letter: word for word, letter in _LETTERS.items()} | {"x": "declared"}
_SYSTEM_NAMES = frozenset(SYSTEM.names)


def _encoded(letter: str) -> str:
    if _PLAIN.fullmatch(letter):
        return letter
    if letter.isascii() and letter.isupper():
        return f"^{letter.lower()}"
    return "".join(f"%{byte:02x}" for byte in letter.encode())


def _decoded(match: "re.Match[str]") -> str:
    if match[2]:
        return match[2].upper()
    return bytes.fromhex(match[1].replace("%", "")).decode()
