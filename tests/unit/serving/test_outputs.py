"""Outputs are rendered exactly, and nonsense of a model never reaches a caller."""

import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konan.errors import OutputInvalid
from konan.records.schema import Output
from konan.serving.outputs import OutputCodec
from konan.worker.frames import DONE, Frame

PROBABLE = Output(kind="classifier", classes=(0, 1, 2), probabilities=True, label="argmax")


def done(rows: int, values: list[float], texts: object = None) -> Frame:
    block = struct.pack(f"<{len(values)}d", *values)
    return Frame(DONE, rows, block, b"" if texts is None else json.dumps(texts).encode())


def rendered(output: Output, frame: Frame) -> list[Any]:
    return [json.loads(text) for text in OutputCodec(output).render(frame)]


def test_a_classifier_by_its_largest_probability() -> None:
    assert rendered(PROBABLE, done(2, [0.1, 0.2, 0.7, 0.5, 0.5, 0.0])) == [
        {"label": 2, "probabilities": {"0": 0.1, "1": 0.2, "2": 0.7}},
        {"label": 0, "probabilities": {"0": 0.5, "1": 0.5, "2": 0.0}},
    ]


@pytest.mark.parametrize(
    ("classes", "told", "text"),
    [(("a", "b"), "b", b'"b"'), ((False, True), True, b"true"), ((1.0, 2.0), 2.0, b"2.0"), ((1, 2), 2, b"2")],
)
def test_a_label_keeps_its_own_json_type(classes: tuple[Any, ...], told: object, text: bytes) -> None:
    output = Output(kind="classifier", classes=classes)
    assert OutputCodec(output).render(done(1, [], [told])) == [b'{"label":%b}' % text]


def test_a_label_that_the_model_told_goes_with_its_probabilities() -> None:
    output = Output(kind="classifier", classes=("x", "y"), probabilities=True, label="model")
    assert rendered(output, done(1, [0.9, 0.1], ["y"])) == [
        {"label": "y", "probabilities": {"x": 0.9, "y": 0.1}}
    ]


def test_a_regressor_answers_a_value_or_a_list() -> None:
    assert rendered(Output(kind="regressor"), done(2, [1.5, -0.0])) == [{"value": 1.5}, {"value": -0.0}]
    assert rendered(Output(kind="regressor", values=2), done(1, [1.0, 2.0])) == [{"value": [1.0, 2.0]}]


def test_any_other_model_answers_what_it_returned() -> None:
    frame = Frame(DONE, 3, b"", b'[{"a": [1, "</script>"]}, null, 7]')
    assert OutputCodec(Output()).render(frame) == [b'{"a": [1, "</script>"]}', b"null", b"7"]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_floats_survive_to_the_last_bit(values: list[float]) -> None:
    answered = [row["value"] for row in rendered(Output(kind="regressor"), done(len(values), values))]
    assert struct.pack(f"{len(values)}d", *answered) == struct.pack(f"{len(values)}d", *values)


@pytest.mark.parametrize("nonsense", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("rows", [1, 3])
def test_what_is_not_finite_is_refused(nonsense: float, rows: int) -> None:
    values = [0.5] * (rows - 1) + [nonsense]
    with pytest.raises(OutputInvalid):
        OutputCodec(Output(kind="regressor")).render(done(rows, values))


def test_finite_numbers_with_an_infinite_sum_are_fine() -> None:
    assert rendered(Output(kind="regressor"), done(2, [1.7e308, 1.7e308])) == [{"value": 1.7e308}] * 2


SECRET = "hunter2"


@pytest.mark.parametrize(
    ("output", "frame"),
    [
        (PROBABLE, done(1, [0.5, 0.5])),
        (PROBABLE, done(2, [0.1, 0.2, 0.7])),
        (Output(kind="regressor"), done(1, [])),
        (Output(kind="regressor"), done(1, [1.0, 2.0])),
        (Output(kind="regressor"), Frame(DONE, 1, b"1234567", b"")),
        (Output(kind="classifier", classes=("a",)), done(1, [], [SECRET])),
        (Output(kind="classifier", classes=("a",)), done(1, [], [[SECRET]])),
        (Output(kind="classifier", classes=("a",)), done(1, [], [None])),
        (Output(kind="classifier", classes=("a",)), done(1, [], ["a", "a"])),
        (Output(kind="classifier", classes=("a",)), done(1, [], {"a": SECRET})),
        (Output(), done(2, [], [1])),
        (Output(), done(1, [])),
        (Output(), Frame(DONE, 1, b"", b"[NaN]")),
        (Output(), Frame(DONE, 1, b"", b'["\xff"]')),
        (Output(), Frame(DONE, 1, b"", b"[1e999]")),
        (Output(), Frame(DONE, 1, b"", b"[" * 100_000)),
        (Output(), Frame(DONE, 1, b"12345678", b"[1]")),
    ],
)
def test_nonsense_is_refused_without_repeating_it(output: Output, frame: Frame) -> None:
    with pytest.raises(OutputInvalid) as caught:
        OutputCodec(output).render(frame)
    assert SECRET not in caught.value.message


def test_classes_with_one_text_cannot_be_told_apart() -> None:
    with pytest.raises(OutputInvalid):
        OutputCodec(Output(kind="classifier", classes=(1, "1"), probabilities=True))
