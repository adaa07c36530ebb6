"""What was sent becomes what the model could have answered, or is refused with the reason."""

from typing import Any

import pytest

from konan.groundtruth.targets import Target, target_of
from konan.records.schema import Output

YES_NO = Output(kind="classifier", classes=("no", "yes"))
ZERO_ONE = Output(kind="classifier", classes=(0, 1))
TRUTH = Output(kind="classifier", classes=(False, True))
FLOATS = Output(kind="classifier", classes=(0.0, 1.0))
NUMBER = Output(kind="regressor")
TWO = Output(kind="regressor", values=2)


@pytest.mark.parametrize(
    ("sent", "output", "text", "label"),
    [
        ("yes", YES_NO, '"yes"', "yes"),
        ({"label": "no", "probabilities": {"no": 1}}, YES_NO, '"no"', "no"),
        (1, ZERO_ONE, "1", "1"),
        ("1", ZERO_ONE, "1", "1"),
        (1.0, ZERO_ONE, "1", "1"),
        ("1.0", ZERO_ONE, "1", "1"),
        (True, TRUTH, "true", "true"),
        ("true", TRUTH, "true", "true"),
        ("False", TRUTH, "false", "false"),
        (1, FLOATS, "1.0", "1.0"),
        ("b", Output(kind="classifier"), '"b"', "b"),
    ],
)
def test_labels_match_by_their_text(sent: Any, output: Output, text: str, label: str) -> None:
    assert target_of(sent, output) == Target(text, label, None)


@pytest.mark.parametrize(
    ("sent", "output", "text", "value"),
    [
        (3, NUMBER, "3.0", 3.0),
        ({"value": 2.5}, NUMBER, "2.5", 2.5),
        ("-1e3", NUMBER, "-1000.0", -1000.0),
        ([1, 2.5], TWO, "[1.0,2.5]", None),
        (7, Output(kind="other"), "7", 7.0),
        ({"b": 1, "a": [2]}, Output(kind="other"), '{"a":[2],"b":1}', None),
        ({"label": "x"}, None, '{"label":"x"}', None),
    ],
)
def test_values_are_numbers(sent: Any, output: Output | None, text: str, value: float | None) -> None:
    found = target_of(sent, output)
    assert (found.text, found.value) == (text, value)


@pytest.mark.parametrize(
    ("sent", "output"),
    [
        (None, YES_NO),
        (None, None),
        ({"label": None}, YES_NO),
        ("maybe", YES_NO),
        (2, ZERO_ONE),
        (True, ZERO_ONE),
        (1, TRUTH),
        ({"value": 1}, YES_NO),
        (["yes"], YES_NO),
        ("many", NUMBER),
        ("1_0", NUMBER),
        ("nan", NUMBER),
        (True, NUMBER),
        ({"label": 1}, NUMBER),
        ("1e999", NUMBER),
        ([1], TWO),
        ([1, "2"], TWO),
        (1.0, TWO),
        (10**400, NUMBER),
    ],
)
def test_what_cannot_be_the_truth_is_refused_without_the_value(sent: Any, output: Output | None) -> None:
    with pytest.raises(ValueError, match=r"^The target is ") as refused:
        target_of(sent, output)
    assert "many" not in str(refused.value)
