"""The slow and exact reading of a prediction's body, which says everything that is wrong with it.

`konan.serving.validation` reads bodies with compiled decoders that stop at the first doubt. Whatever they
doubt is read again here, value by value and with the text of every number at hand, and this reading has the
last word: it lists all faults, or finds that there are none.

Decided here:

- A number written as an integer must be exact as float64; any other number is read as the nearest float64,
  but one that is not zero must not become zero (``not_exact``), and one beyond the range of float64 is
  not JSON that Konan takes (``json_malformed``), as NaN is not.
- An integer feature takes ``3.0``, because that is how many programs write 3; it does not take ``3.5``.
- A date-time may leave out its offset only where the model's own column has no time zone; it is UTC then.
- A key that stands twice in an object is a fault (``duplicate``): which value counts would be a guess.
"""

import functools
import json
import math
import re
from collections.abc import Iterator
from datetime import datetime

import msgspec

from konan.errors import BodyTooLarge, Fault, JsonMalformed, JsonTooDeep, RowsInvalid
from konan.records.schema import LARGEST_INTEGER, Constraint, Feature, Schema, class_text

MOST_FAULTS = 100
"""At most so many faults are listed."""

MOST_POINTER = 200
"""Pointers to members that the schema does not know are cut to so many characters."""

_DATETIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)
_INTEGER = re.compile(r"-?\d+", re.ASCII)
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*')
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_MOST_DIGITS = 400
_WORDS = {
    "number": "a number",
    "integer": "an integer",
    "boolean": "true or false",
    "string": "a text",
    "datetime": "a date-time as RFC 3339 has it, as 2026-01-31T12:00:00Z",
}

Cells = tuple[list[float], list[str | None]]
"""One row: its numeric features (NaN is null) and its texts, both in the schema's order."""


class _Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


class _Members(list[tuple[str, object]]):
    """The members of a JSON object as they were written, twice given ones included."""

    __slots__ = ()


class _Refused(Exception):
    """A value is not what its feature asks for."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Examiner:
    """Reads bodies for one schema, slowly.

    Args:
        schema: what the rows must be like.
        rows: most rows of one body.
        depth: deepest nesting of a body.
    """

    def __init__(self, schema: Schema, *, rows: int, depth: int) -> None:
        self._features = schema.features
        self._known = {feature.name for feature in schema.features} | set(schema.extra)
        self._extra = set(schema.extra) - {feature.name for feature in schema.features}
        self._rows = rows
        self._depth = depth

    def examine(self, body: bytes) -> tuple[bool, list[Cells]]:
        """Whether the body is a single row, and its rows.

        Raises:
            JsonMalformed: it is not JSON.
            JsonTooDeep: it nests deeper than allowed.
            BodyTooLarge: it has more rows than allowed.
            RowsInvalid: it is not what the schema asks for; up to `MOST_FAULTS` faults.
        """
        content = _syntax(body, self._depth)
        if isinstance(content, list) and len(content) > self._rows:
            raise BodyTooLarge(f"The body has more than {self._rows} rows.", hint="Send fewer rows at once.")
        written = _written(body, self._depth)
        if isinstance(written, _Members):
            return True, self._table([("", written)])
        if not isinstance(written, list):
            raise _invalid([Fault(pointer="", code="wrong_type", message="Expected an object or an array.")])
        if not written:
            raise _invalid([Fault(pointer="", code="rows_empty", message="The array holds no rows.")])
        return False, self._table([(f"/{index}", row) for index, row in enumerate(written)])

    def _table(self, rows: list[tuple[str, object]]) -> list[Cells]:
        faults: list[Fault] = []
        table = []
        for pointer, row in rows:
            if isinstance(row, _Members):
                table.append(self._row(pointer, row, faults))
            else:
                faults.append(Fault(pointer=pointer, code="wrong_type", message="Expected an object."))
            if len(faults) > MOST_FAULTS:
                break
        if faults:
            raise _invalid(faults)
        return table

    def _row(self, pointer: str, row: _Members, faults: list[Fault]) -> Cells:
        members = dict(row)
        numbers: list[float] = []
        texts: list[str | None] = []
        for feature in self._features:
            try:
                value = _value(feature, members)
            except _Refused as refused:
                where = pointer + "/" + escape(feature.name)
                faults.append(Fault(pointer=where, code=refused.code, message=refused.message))
                continue
            if feature.type in {"string", "datetime"}:
                texts.append(None if value is None else str(value))
            else:
                numbers.append(math.nan if value is None else float(value))
        faults.extend(self._others(pointer, row, members))
        return numbers, texts

    def _others(self, pointer: str, row: _Members, members: dict[str, object]) -> Iterator[Fault]:
        for name, value in members.items():
            where = (pointer + "/" + escape(name))[:MOST_POINTER]
            if name not in self._known:
                yield Fault(pointer=where, code="unknown", message="The schema has no such feature.")
            elif name in self._extra and isinstance(value, list):
                yield Fault(
                    pointer=where, code="wrong_type", message="Expected a text, a number, a boolean or null."
                )
        if len(members) != len(row):
            yield from _duplicates(pointer, row)


def escape(name: str) -> str:
    """A member's name as one token of a JSON pointer (RFC 6901).

    >>> escape("a/b~c")
    'a~1b~0c'
    """
    return name.replace("~", "~0").replace("/", "~1")


def needs_offset(feature: Feature) -> bool:
    """Whether a date-time must say its offset; it need not where the model itself knows no time zone.

    >>> needs_offset(Feature(name="at", type="datetime", dtype="datetime64[us]"))
    False
    """
    return not feature.dtype.startswith("datetime64") or "," in feature.dtype


def is_datetime(text: str, *, offset: bool = True) -> bool:
    """Whether a text is a date-time as RFC 3339 has it (leap seconds are not taken).

    Args:
        text: the text.
        offset: whether the offset from UTC must be there.

    >>> is_datetime("2026-01-31T12:00:00Z"), is_datetime("2026-02-30T12:00:00Z"), is_datetime("2026-01-31")
    (True, False, False)
    """
    match = _DATETIME.fullmatch(text)
    if match is None or (offset and match.group(2) is None):
        return False
    try:
        datetime.fromisoformat(text.upper())
    except ValueError:
        return False
    return True


def _duplicates(pointer: str, row: _Members) -> Iterator[Fault]:
    seen: set[str] = set()
    told: set[str] = set()
    for name, _ in row:
        if name in seen and name not in told:
            told.add(name)
            where = (pointer + "/" + escape(name))[:MOST_POINTER]
            yield Fault(pointer=where, code="duplicate", message="This member stands more than once.")
        seen.add(name)


def _invalid(faults: list[Fault]) -> RowsInvalid:
    listed = tuple(faults[:MOST_FAULTS])
    if len(faults) > MOST_FAULTS:
        message = f"The rows do not fit the schema; the first {MOST_FAULTS} faults are listed."
    else:
        message = "The rows do not fit the schema: " + (
            "1 fault." if len(faults) == 1 else f"{len(faults)} faults."
        )
    return RowsInvalid(message, faults=listed)


def _value(feature: Feature, members: dict[str, object]) -> float | str | None:
    if feature.name not in members:
        if feature.optional:
            return None
        raise _Refused("missing", "This feature is missing.")
    value = members[feature.name]
    if value is None:
        if feature.nullable:
            return None
        raise _Refused("null_not_accepted", "The model cannot take null here.")
    if feature.type in {"number", "integer"}:
        return _number(feature, value)
    if feature.type == "boolean":
        return _boolean(feature, value)
    return _text(feature, value)


def _wrong(feature: Feature) -> _Refused:
    return _Refused("wrong_type", f"Expected {_WORDS[feature.type]}.")


def _number(feature: Feature, value: object) -> float:
    if not isinstance(value, _Number):
        raise _wrong(feature)
    number = _float(value)
    if feature.type == "integer":
        if not number.is_integer():
            raise _wrong(feature)
        if abs(number) > LARGEST_INTEGER:
            raise _Refused("not_exact", "Integers beyond 2^53 are not exact.")
    _limit(feature.declared or Constraint(), number)
    return number


def _limit(declared: Constraint, number: float) -> None:
    if declared.minimum is not None and number < declared.minimum:
        raise _Refused("out_of_range", f"Must be at least {declared.minimum!r}.")
    if declared.maximum is not None and number > declared.maximum:
        raise _Refused("out_of_range", f"Must be at most {declared.maximum!r}.")
    if declared.categories and number not in numeric_categories(declared.categories):
        raise _Refused("not_a_category", "Must be one of the declared categories.")


def _float(text: _Number) -> float:
    if _INTEGER.fullmatch(text):
        number = 0.0
        exact = len(text) <= _MOST_DIGITS
        if exact:
            whole = int(text)
            number = float(whole)
            exact = int(number) == whole
    else:
        number = float(text)
        mantissa = re.split("[eE]", text, maxsplit=1)[0]
        exact = number != 0.0 or mantissa.strip("-0.") == ""
    if not exact:
        raise _Refused("not_exact", "The number is not exact as a 64-bit float.")
    return number


@functools.lru_cache(maxsize=1024)
def numeric_categories(categories: tuple[str, ...]) -> frozenset[float]:
    """The declared categories of a numeric feature as numbers; texts that are none are left out.

    >>> sorted(numeric_categories(("1", "2.5", "other")))
    [1.0, 2.5]
    """
    numbers = set()
    for text in categories:
        try:
            numbers.add(float(text))
        except ValueError:
            continue
    return frozenset(numbers)


def _boolean(feature: Feature, value: object) -> float:
    if not isinstance(value, bool):
        raise _wrong(feature)
    declared = feature.declared
    if declared is not None and declared.categories and class_text(value) not in declared.categories:
        raise _Refused("not_a_category", "Must be one of the declared categories.")
    return float(value)


def _text(feature: Feature, value: object) -> str:
    if not isinstance(value, str) or isinstance(value, _Number):
        raise _wrong(feature)
    if feature.type == "datetime" and not is_datetime(value, offset=needs_offset(feature)):
        raise _Refused("malformed", f"Expected {_WORDS['datetime']}.")
    declared = feature.declared
    if declared is not None and declared.categories and value not in declared.categories:
        raise _Refused("not_a_category", "Must be one of the declared categories.")
    return value


def _syntax(body: bytes, depth: int) -> object:
    """The body as msgspec reads it, which says where it is not JSON; None if it cannot hold a number."""
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        raise _too_deep(depth) from None
    except msgspec.ValidationError:  # JSON, but a number is beyond what msgspec can hold
        return None
    except msgspec.DecodeError as error:
        raise _malformed(str(error), len(body)) from None
    except UnicodeDecodeError:
        raise _not_utf8(body) from None


def _written(body: bytes, depth: int) -> object:
    """The body with numbers as texts and objects as lists of members."""
    try:
        text = body.decode()
        content = json.loads(
            text, parse_int=_Number, parse_float=_finite, parse_constant=_finite, object_pairs_hook=_Members
        )
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeDecodeError:
        raise _not_utf8(body) from None
    except UnicodeEncodeError:
        found = _SURROGATE.search(body)
        raise _malformed(f"lone surrogate (byte {found.start() if found else 0})", 0) from None
    except RecursionError:
        raise _too_deep(depth) from None
    except _Refused as refused:
        raise _malformed(f"number out of range (byte {_offset(body, refused.message)})", 0) from None
    except json.JSONDecodeError as error:
        raise _malformed(f"{error.msg} (byte {len(error.doc[: error.pos].encode())})", 0) from None
    if _deeper(content, depth):
        raise _too_deep(depth)
    return content


def _finite(text: str) -> _Number:
    if math.isfinite(float(text)):
        return _Number(text)
    raise _Refused("out_of_range", text)


def _offset(body: bytes, number: str) -> int:
    wanted = number.encode()
    return next((match.start() for match in _TOKEN.finditer(body) if match.group() == wanted), 0)


def _deeper(content: object, depth: int) -> bool:
    """Whether arrays and objects stand in each other more than ``depth`` times."""
    level = [content] if isinstance(content, list) else []
    for _ in range(depth):
        below = []
        for item in level:
            values = (value for _, value in item) if isinstance(item, _Members) else item
            below.extend([value for value in values if isinstance(value, list)])
        level = below
    return bool(level)


def _too_deep(depth: int) -> JsonTooDeep:
    return JsonTooDeep(f"The body nests deeper than {depth} levels.")


def _malformed(reason: str, end: int) -> JsonMalformed:
    if reason == "Input data was truncated":
        reason = f"it ends too early (byte {end})"
    return JsonMalformed(f"The body is not JSON: {reason.removeprefix('JSON is malformed: ')}.")


def _not_utf8(body: bytes) -> JsonMalformed:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return JsonMalformed(f"The body is not JSON: it is not UTF-8 (byte {error.start}).")
    return JsonMalformed("The body is not JSON: it is not UTF-8 (byte 0).")
