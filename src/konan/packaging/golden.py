"""Golden rows: real rows on which a version must answer as its owner saw it answer.

Here rows become frames as the gateway makes them, answers become outputs as callers get them, and two
outputs are compared. All of it is plain Python, because the control plane loads no numeric library.
"""

import math
from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, NamedTuple

import msgspec

from konan.errors import DataInvalid, OutputInvalid
from konan.packaging.learn import Column, Value
from konan.records.schema import Feature, Output, class_text
from konan.worker.frames import PREDICT, Frame

Row = tuple[Value, ...]

EQUAL = (1e-9, 1e-12)
"""Relative and absolute difference up to which a number counts as reproduced."""

SAME = (1e-12, 1e-12)
"""Relative and absolute difference up to which a row alone and among others counts as the same: the last
bits of a sum depend on how many rows a matrix product has."""


class Golden(NamedTuple):
    """Rows to try a version on.

    Attributes:
        rows: values in the order of the features.
        positions: where each row stands in the data, from 0.
        expected: outputs that the owner got, by position in the data.
    """

    rows: tuple[Row, ...]
    positions: tuple[int, ...]
    expected: dict[int, Any]


def golden(columns: Sequence[Column], sample: Sequence[int], expected: bytes, rows: int) -> Golden:
    """Golden rows from the data.

    Args:
        columns: the columns of the features.
        sample: positions of their values in the data.
        expected: JSON lines with the outputs for the first rows of the data; empty for none.
        rows: number of rows of the data.

    Raises:
        DataInvalid: the expected outputs are not JSON, or are more than the rows.
    """
    lines = [line for line in expected.splitlines() if line.strip()]
    if len(lines) > rows:
        raise DataInvalid(f"There are {len(lines)} expected outputs for {rows} rows of data.")
    try:
        outputs = dict(enumerate(map(msgspec.json.decode, lines)))
    except (msgspec.DecodeError, RecursionError):
        raise DataInvalid("The expected outputs are not JSON lines.") from None
    found = tuple(zip(*(column.values for column in columns), strict=True))
    return Golden(found, tuple(sample), outputs)


def frame(features: Sequence[Feature], rows: Sequence[Row]) -> Frame:
    """Rows as the frame that a gateway sends.

    >>> frame([Feature(name="x", type="number"), Feature(name="c", type="string")], [(1.0, "a")]).texts
    b'[["a"]]'
    """
    texts = [position for position, one in enumerate(features) if one.type in {"string", "datetime"}]
    numbers = [position for position in range(len(features)) if position not in set(texts)]
    block = array("d", chain.from_iterable([_number(row[at]) for at in numbers] for row in rows))
    text = msgspec.json.encode([[row[at] for at in texts] for row in rows]) if texts else b""
    return Frame(PREDICT, len(rows), block.tobytes(), text)


def _number(value: Value) -> float:
    return math.nan if value is None else float(value)


def named(features: Sequence[Feature], row: Row) -> dict[str, Value]:
    """A row as a caller writes it."""
    return {feature.name: value for feature, value in zip(features, row, strict=True)}


def outputs(answer: Frame, output: Output, place: Callable[[int], int] = int) -> list[Any]:
    """An answer as the outputs that callers get.

    Args:
        answer: a frame of kind ``DONE``.
        output: what the version answers.
        place: what a row is called in a message, by its position in the frame.

    >>> from konan.worker.frames import DONE
    >>> outputs(Frame(DONE, 1, array("d", [2.5]).tobytes(), b""), Output(kind="regressor"))
    [{'value': 2.5}]

    Raises:
        OutputInvalid: it does not hold the outputs that it should, or a number that is not finite.
    """
    table = _table(answer, width(output), place)
    if output.kind == "regressor":
        return [{"value": row[0] if output.values == 1 else list(row)} for row in table]
    if output.kind == "other":
        return _texts(answer)
    keys = [class_text(one) for one in output.classes]
    if output.label == "argmax":
        labels: list[Any] = [output.classes[row.index(max(row))] for row in table]
    else:
        labels = _texts(answer)
    if not output.probabilities:
        return [{"label": label} for label in labels]
    pairs = zip(labels, table, strict=True)
    return [{"label": label, "probabilities": dict(zip(keys, row, strict=True))} for label, row in pairs]


def width(output: Output) -> int:
    """Numbers per row in an answer."""
    if output.kind == "classifier":
        return len(output.classes) if output.probabilities else 0
    return output.values if output.kind == "regressor" else 0


def _table(answer: Frame, count: int, place: Callable[[int], int]) -> list[tuple[float, ...]]:
    if len(answer.numbers) != answer.rows * count * 8:
        raise OutputInvalid("The model answered another number of values than it has outputs.")
    flat = array("d", answer.numbers)
    for position, value in enumerate(flat):
        if not math.isfinite(value):
            raise OutputInvalid(f"The model answered {value} for row {place(position // count)}.")
    return list(zip(*[iter(flat)] * count, strict=True)) if count else [()] * answer.rows


def _texts(answer: Frame) -> list[Any]:
    try:
        found = msgspec.json.decode(answer.texts, type=list[Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise OutputInvalid("The model answered something that is not JSON.") from None
    if len(found) != answer.rows:
        raise OutputInvalid("The model answered another number of outputs than it was given rows.")
    return found


class Difference(NamedTuple):
    """How two outputs differ.

    Attributes:
        largest: largest absolute difference of two numbers.
        place: where they first differ by more than allowed, as ``probabilities.yes``; empty when nowhere.
        said: the two values there, for the owner.
    """

    largest: float = 0.0
    place: str = ""
    said: str = ""


def differ(expected: Any, actual: Any, tolerance: tuple[float, float], place: str = "output") -> Difference:
    """Compare an output with the one that was expected.

    Labels are compared by their text, as ground truth is.

    >>> differ({"value": 1.0}, {"value": 1.0000000001}, EQUAL).place
    ''
    >>> differ({"label": "a"}, {"label": "b"}, EQUAL)
    Difference(largest=0.0, place='output.label', said="'a' was expected, 'b' came")

    Args:
        expected: what was expected.
        actual: what came.
        tolerance: relative and absolute difference that numbers may have.
        place: what the whole is called.
    """
    if isinstance(expected, dict) and isinstance(actual, dict) and expected.keys() == actual.keys():
        return _worst(differ(expected[key], actual[key], tolerance, f"{place}.{key}") for key in expected)
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        pairs = enumerate(zip(expected, actual, strict=True))
        return _worst(differ(one, two, tolerance, f"{place}.{at}") for at, (one, two) in pairs)
    if _is_number(expected) and _is_number(actual):
        apart = abs(expected - actual)
        relative, absolute = tolerance
        if math.isclose(expected, actual, rel_tol=relative, abs_tol=absolute):
            return Difference(apart)
        return Difference(apart, place, f"{expected!r} was expected, {actual!r} came")
    if place.endswith(".label"):
        same = class_text(expected) == class_text(actual)
    else:
        same = isinstance(expected, bool) == isinstance(actual, bool) and expected == actual
    return Difference() if same else Difference(0.0, place, f"{expected!r} was expected, {actual!r} came")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _worst(differences: Iterable[Difference]) -> Difference:
    largest, first = 0.0, Difference()
    for one in differences:
        largest = max(largest, one.largest)
        first = first if first.place else one
    return first._replace(largest=largest)
