"""A prediction's body becomes the two blocks of a worker's frame, checked, in a few microseconds.

A schema is compiled once into msgspec decoders, which read and check a body in C and stop at the first
doubt. `konan.serving.faults` reads doubtful bodies again, slowly, and has the last word. Doubtful are also
bodies that the decoders take but that are rare and need the texts of their numbers or names: integers beyond
2^53, numbers that became zero, and members that stand twice. The latter show by the number of colons,
which costs one count per body.
"""

import math
import re
import struct
from array import array
from collections.abc import Callable, Iterable
from itertools import chain
from operator import itemgetter
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET
from msgspec.structs import astuple

from konan.records.schema import LARGEST_INTEGER, Feature, Schema
from konan.serving.faults import Cells, Examiner, is_datetime, needs_offset

Row = tuple[Any, ...]
"""The cells of one row: numeric features, texts, then extra columns."""

_UNDERFLOW = re.compile(rb"[eE]-\d{3}|0{300}")
_ZEROS = b"0" * 300
_EXACT = float(LARGEST_INTEGER - 1)
_ESCAPED_COLON = re.compile(rb"\\u003[aA]")
_BACKSLASH, _MINUS = b"\\-"
_NOT_RENAMED = re.compile(r'["\\\x00-\x1f]')
_encode = msgspec.json.Encoder().encode


class Parsed(msgspec.Struct, frozen=True, gc=False):
    """A body that fits the schema.

    Attributes:
        single: whether it was one object and not an array.
        rows: number of rows.
        numbers: (rows, k) float64, little-endian, row after row: the features of type number, integer and
            boolean in the schema's order; NaN is null.
        texts: JSON, a list per row of the features of type string and datetime; empty if there are none.
        raw: the body as it was received.
    """

    single: bool
    rows: int
    numbers: bytes
    texts: bytes
    raw: bytes


class Validator:
    """Reads the bodies of one version's requests.

    >>> schema = Schema(features=(Feature(name="x", type="number"), Feature(name="c", type="string")))
    >>> parsed = Validator(schema, rows=10, depth=64).parse(b'[{"x": 1, "c": "a"}, {"x": null, "c": "b"}]')
    >>> parsed.rows, struct.unpack("<2d", parsed.numbers), parsed.texts
    (2, (1.0, nan), b'[["a"],["b"]]')

    Args:
        schema: what a row must be like.
        rows: most rows of one body.
        depth: deepest nesting of a body.
    """

    def __init__(self, schema: Schema, *, rows: int, depth: int) -> None:
        self._examiner = Examiner(schema, rows=rows, depth=depth)
        numeric = [f for f in schema.features if f.type not in {"string", "datetime"}]
        texts = [f for f in schema.features if f.type in {"string", "datetime"}]
        names = [f.name for f in (*numeric, *texts)]
        extra = [name for name in schema.extra if name not in names]
        self._width = len(numeric)
        self._end = len(names)
        self._pack = struct.Struct(f"<{self._width}d").pack
        self._weights = [1 + name.count(":") for name in (*names, *extra)]
        self._colons = sum(self._weights)
        self._sparse = bool(extra) or any(f.optional for f in schema.features)
        self._has_texts = bool(texts or extra)
        self._integers = _picker([i for i, f in enumerate(numeric) if f.type == "integer"])
        moments = [(i, f) for i, f in enumerate(texts, self._width) if f.type == "datetime"]
        self._zoned = _picker([i for i, f in moments if needs_offset(f)])
        self._local = _picker([i for i, f in moments if not needs_offset(f)])
        self._one: msgspec.json.Decoder[Any] | None = None
        if _compilable(schema):
            row = _row_type([*numeric, *texts], extra)
            self._one = msgspec.json.Decoder(row)
            self._many = msgspec.json.Decoder(
                Annotated[list[row], msgspec.Meta(min_length=1, max_length=rows)]  # type: ignore[valid-type] # made above
            )

    def parse(self, body: bytes) -> Parsed:
        """Check a body and cut it into blocks.

        Raises:
            JsonMalformed: it is not JSON.
            JsonTooDeep: it nests deeper than allowed.
            BodyTooLarge: it has more rows than allowed.
            RowsInvalid: it is not what the schema asks for; a fault with a JSON pointer for each reason.
        """
        if self._one is None:
            return self._slowly(body)
        single = body.startswith(b"{")
        try:
            table = [astuple(self._one.decode(body))] if single else [*map(astuple, self._many.decode(body))]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._slowly(body)
        if not self._trusts(body, table):
            return self._slowly(body)
        return Parsed(single, len(table), self._numbers(table), self._texts(table), body)

    def _trusts(self, body: bytes, table: list[Row]) -> bool:
        """Whether nothing hides in the body that the decoders do not see."""
        if 0.0 in chain.from_iterable(table) and _may_underflow(body):
            return False
        if self._integers is not None and not _whole(chain.from_iterable(map(self._integers, table))):
            return False
        if not (_moments(self._zoned, table, offset=True) and _moments(self._local, table, offset=False)):
            return False
        if _BACKSLASH in body and _ESCAPED_COLON.search(body):
            return False
        return body.count(b":") == self._expected_colons(table)

    def _expected_colons(self, table: list[Row]) -> int:
        count = self._colons * len(table)
        if self._sparse:
            for row in table:
                if UNSET in row:
                    count -= sum(w for w, cell in zip(self._weights, row, strict=True) if cell is UNSET)
        if self._has_texts:
            width = self._width
            count += sum([cell.count(":") for row in table for cell in row[width:] if type(cell) is str])
        return count

    def _numbers(self, table: list[Row]) -> bytes:
        width = self._width
        if len(table) == 1:
            cells: Iterable[Any] = table[0][:width]
            try:
                return self._pack(*cells)
            except struct.error:  # null or absent
                return self._pack(*[math.nan if cell is None or cell is UNSET else cell for cell in cells])
        try:
            block = array("d", chain.from_iterable([row[:width] for row in table]))
        except TypeError:
            block = array(
                "d",
                [
                    math.nan if cell is None or cell is UNSET else cell
                    for row in table
                    for cell in row[:width]
                ],
            )
        return block.tobytes()

    def _texts(self, table: list[Row]) -> bytes:
        if self._end == self._width:
            return b""
        cells = [row[self._width : self._end] for row in table]
        if self._sparse:
            cells = [tuple([None if cell is UNSET else cell for cell in row]) for row in cells]
        return _encode(cells)

    def _slowly(self, body: bytes) -> Parsed:
        single, table = self._examiner.examine(body)
        return Parsed(single, len(table), _block(table), _lists(table, self._end > self._width), body)


def _block(table: list[Cells]) -> bytes:
    return array("d", chain.from_iterable([numbers for numbers, _ in table])).tobytes()


def _lists(table: list[Cells], wanted: bool) -> bytes:  # noqa: FBT001 - one question
    return _encode([texts for _, texts in table]) if wanted else b""


def _may_underflow(body: bytes) -> bool:
    """Whether a zero in the body may have been written as something else; looks for rare bytes first."""
    written_small = _MINUS in body and (b"e-" in body or b"E-" in body)
    return (written_small or _ZEROS in body) and _UNDERFLOW.search(body) is not None


def _whole(cells: Iterable[Any]) -> bool:
    return all(cell.is_integer() for cell in cells if isinstance(cell, float))


def _moments(pick: Callable[[Row], Row] | None, table: list[Row], *, offset: bool) -> bool:
    if pick is None:
        return True
    cells = chain.from_iterable(map(pick, table))
    return all(is_datetime(cell, offset=offset) for cell in cells if isinstance(cell, str))


def _picker(positions: list[int]) -> Callable[[Row], Row] | None:
    if not positions:
        return None
    if len(positions) == 1:
        return itemgetter(slice(positions[0], positions[0] + 1))
    return itemgetter(*positions)


def _compilable(schema: Schema) -> bool:
    """Whether msgspec can hold the schema: plain names, and categories of texts only."""
    names = [feature.name for feature in schema.features]
    if len(set(names)) != len(names) or any(map(_NOT_RENAMED.search, (*names, *schema.extra))):
        return False
    return not any(f.declared and f.declared.categories and f.type != "string" for f in schema.features)


def _row_type(features: list[Feature], extra: list[str]) -> type[msgspec.Struct]:
    fields: list[Any] = []
    rename = {}
    for index, feature in enumerate(features):
        kind = _cell_type(feature) | None if feature.nullable else _cell_type(feature)
        fields.append((f"f{index}", kind, UNSET) if feature.optional else (f"f{index}", kind))
        rename[f"f{index}"] = feature.name
    for index, name in enumerate(dict.fromkeys(extra)):
        fields.append((f"e{index}", str | int | float | bool | None, UNSET))
        rename[f"e{index}"] = name
    return msgspec.defstruct("Row", fields, rename=rename, kw_only=True, forbid_unknown_fields=True, gc=False)


def _cell_type(feature: Feature) -> Any:
    declared = feature.declared
    if feature.type == "boolean":
        return bool
    if feature.type in {"string", "datetime"}:
        return Literal[declared.categories] if declared and declared.categories else str
    least, most = -_EXACT, _EXACT
    if declared and declared.minimum is not None:
        least = max(least, declared.minimum)
    if declared and declared.maximum is not None:
        most = min(most, declared.maximum)
    return Annotated[float, msgspec.Meta(ge=least, le=most)]
