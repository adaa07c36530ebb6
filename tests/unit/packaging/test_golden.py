"""Rows become frames, answers become outputs, and two outputs are compared."""

import math
from array import array
from typing import Any

import msgspec
import pytest

from konan.errors import DataInvalid, OutputInvalid
from konan.packaging.golden import EQUAL, SAME, differ, frame, golden, named, outputs
from konan.packaging.learn import Column, Value
from konan.records.schema import Feature, Learned, Output, Schema
from konan.serving.outputs import OutputCodec
from konan.serving.validation import Validator
from konan.worker.frames import DONE, Frame

FEATURES = (
    Feature(name="c", type="string"),
    Feature(name="x", type="number"),
    Feature(name="flag", type="boolean"),
    Feature(name="at", type="datetime"),
    Feature(name="i", type="integer"),
)
ROWS: list[tuple[Value, ...]] = [
    ("a", 1.5, True, "2011-01-01T00:00:00Z", 3),
    (None, None, None, None, None),
]


def done(numbers: list[float], texts: object = None, rows: int = 1) -> Frame:
    return Frame(
        DONE, rows, array("d", numbers).tobytes(), b"" if texts is None else msgspec.json.encode(texts)
    )


def column(name: str, *values: Value) -> Column:
    return Column(name=name, type="number", dtype="float64", learned=Learned(), values=values)


def test_a_frame_is_what_the_gateway_makes_of_the_same_rows() -> None:
    body = msgspec.json.encode([named(FEATURES, row) for row in ROWS])
    parsed = Validator(Schema(features=FEATURES), rows=10, depth=8).parse(body)
    made = frame(FEATURES, ROWS)
    assert (made.rows, made.numbers, made.texts) == (parsed.rows, parsed.numbers, parsed.texts)


@pytest.mark.parametrize(
    ("output", "answer"),
    [
        (Output(kind="regressor"), done([2.5])),
        (Output(kind="regressor", values=2), done([2.5, -1.0, 0.1, 4.0], rows=2)),
        (Output(kind="other"), done([], [{"any": [1, None]}])),
        (Output(kind="classifier", classes=("a", "b")), done([], ["b"])),
        (Output(kind="classifier", classes=(0, 1), probabilities=True), done([0.25, 0.75], [1])),
        (
            Output(kind="classifier", classes=(False, True), probabilities=True, label="argmax"),
            done([0.25, 0.75]),
        ),
    ],
)
def test_outputs_are_what_callers_get(output: Output, answer: Frame) -> None:
    rendered = [msgspec.json.decode(text) for text in OutputCodec(output).render(answer)]
    assert outputs(answer, output) == rendered


@pytest.mark.parametrize(
    ("output", "answer", "said"),
    [
        (Output(kind="regressor"), done([1.0, 2.0]), "another number of values"),
        (Output(kind="regressor"), done([1.0, math.nan], rows=2), "nan for row 1"),
        (Output(kind="regressor"), done([math.inf]), "inf for row 0"),
        (Output(kind="other"), done([], [1, 2]), "another number of outputs"),
        (Output(kind="other"), Frame(DONE, 1, b"", b"[NaN]"), "not JSON"),
        (Output(kind="other"), Frame(DONE, 1, b"", b"[" * 100_000), "not JSON"),
    ],
)
def test_an_answer_that_is_no_output_is_refused(output: Output, answer: Frame, said: str) -> None:
    with pytest.raises(OutputInvalid, match=said):
        outputs(answer, output)


@pytest.mark.parametrize(
    ("expected", "actual", "place"),
    [
        ({"value": 1.0}, {"value": 1.0 + 1e-12}, ""),
        ({"value": 1.0}, {"value": 1.0001}, "output.value"),
        ({"value": [1.0, 2.0]}, {"value": [1.0, 2.5]}, "output.value.1"),
        ({"value": [1.0]}, {"value": [1.0, 2.0]}, "output.value"),
        ({"label": 1}, {"label": "1"}, ""),
        ({"label": True}, {"label": 1}, "output.label"),
        (
            {"label": "a", "probabilities": {"a": 0.6, "b": 0.4}},
            {"label": "a", "probabilities": {"a": 0.5, "b": 0.5}},
            "output.probabilities.a",
        ),
        ({"value": 1.0}, {"label": 1.0}, "output"),
        ([1, "x", None], [1, "x", None], ""),
        (True, 1.0, "output"),
        (1e-15, 0.0, ""),
    ],
)
def test_outputs_are_compared(expected: Any, actual: Any, place: str) -> None:
    assert differ(expected, actual, EQUAL).place == place


def test_the_largest_difference_is_told_even_where_it_is_allowed() -> None:
    found = differ({"value": [1.0, 2.0]}, {"value": [1.0 + 1e-13, 2.0 + 4e-13]}, SAME)
    assert found.place == ""
    assert found.largest == pytest.approx(4e-13, rel=0.01)


def test_expected_outputs_belong_to_positions_in_the_data() -> None:
    found = golden(
        [column("a", 1, 2, 3), column("b", 4, 5, 6)], [0, 2, 50], b'{"value":1}\n\n{"value":2}\n', 100
    )
    assert found.rows == ((1, 4), (2, 5), (3, 6))
    assert found.positions == (0, 2, 50)
    assert found.expected == {0: {"value": 1}, 1: {"value": 2}}


@pytest.mark.parametrize(
    ("lines", "said"), [(b"1\n2\n", "2 expected outputs for 1 rows"), (b"not json", "not JSON lines")]
)
def test_expected_outputs_that_do_not_fit_are_refused(lines: bytes, said: str) -> None:
    with pytest.raises(DataInvalid, match=said):
        golden([column("a", 1)], [0], lines, 1)
