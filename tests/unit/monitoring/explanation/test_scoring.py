"""What of an answer can be explained."""

from array import array
from typing import Any

import pytest

from konan.errors import Invalid, OutputInvalid
from konan.monitoring.explanation.scoring import Scores
from konan.records.schema import Output
from konan.worker.frames import DONE, Frame

TWO = Output(kind="classifier", classes=(False, True), probabilities=True, label="argmax")
LABELS = Output(kind="classifier", classes=("a", "b", "c"))
OTHER = Output(kind="other")


def test_a_classifier_has_a_number_for_each_class() -> None:
    scores = Scores(TWO, {})
    answer = Frame(DONE, 2, array("d", [0.25, 0.75, 1.0, 0.0]).tobytes(), b"")
    assert scores.answered(answer).tolist() == [[0.25, 0.75], [1.0, 0.0]]
    assert scores.place(None, {"label": True}) == 1
    assert scores.place("false", {"label": True}) == 0


def test_labels_alone_are_one_or_nothing() -> None:
    scores = Scores(LABELS, {})
    assert scores.answered(Frame(DONE, 2, b"", b'["b","c"]')).tolist() == [[0, 1, 0], [0, 0, 1]]


def test_a_regressor_has_one_or_several_values() -> None:
    assert Scores(Output(kind="regressor"), {}).place(None, {"value": 2.0}) == 0
    many = Scores(Output(kind="regressor", values=2), {})
    assert many.names == ("value.0", "value.1")
    assert many.of({"value": [1.0, 2.0]}) == [1.0, 2.0]
    with pytest.raises(Invalid):
        many.place(None, {"value": [1.0, 2.0]})


def test_of_anything_else_the_numbers_are_taken() -> None:
    assert Scores(OTHER, 3).of(4) == [4.0]
    assert Scores(OTHER, {"risk": 1, "good": True, "band": "x"}).of({"risk": 2}) == [2.0]


@pytest.mark.parametrize("example", ["text", True, None, {"good": True}, [1, 2]])
def test_what_has_no_numbers_is_refused(example: Any) -> None:
    with pytest.raises(Invalid):
        Scores(OTHER, example)


@pytest.mark.parametrize("later", ["text", {"rest": 1}, {"risk": None}, [1]])
def test_numbers_that_are_gone_are_a_fault_of_the_model(later: Any) -> None:
    with pytest.raises(OutputInvalid):
        Scores(OTHER, {"risk": 1}).of(later)
