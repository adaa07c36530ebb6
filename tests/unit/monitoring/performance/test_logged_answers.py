"""Answers are read from the log as they stand there, whatever a model has answered."""

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from konan.monitoring.performance.logged_answers import LoggedAnswers
from konan.monitoring.performance.metrics import metrics
from konan.monitoring.performance.shape import MOST_CURVES, Shape
from konan.monitoring.performance.summary import CountSummary, summary_of
from konan.records.schema import Output, Schema

ODD = Output(kind="classifier", classes=('a "b"', "c\\d", 3), probabilities=True)
PLAIN = Output(kind="classifier", classes=("a", "b", 3), probabilities=True)


def summary(output: Output | None, rows: dict[str, Any], truths: dict[str, Any]) -> CountSummary:
    answers = LoggedAnswers(None if output is None else Schema(features=(), output=output))
    columns = {name: pa.chunked_array([pa.array(one)]) for name, one in rows.items()}
    known = {"label": pa.nulls(2, pa.string()), "value": pa.nulls(2, pa.float64())}
    known |= {name: pa.array(one) for name, one in truths.items()}
    assert set(answers.needed) <= columns.keys()
    found = answers.pairs(pa.table(columns), pa.table(known), np.ones(2))
    return summary_of(answers.shape, found)


def test_probabilities_are_found_by_the_names_of_classes() -> None:
    shares = {'a "b"': 0.2, "c\\d": 0.7, "3": 0.1}
    texts = [json.dumps({"probabilities": shares, "label": "c\\d"}), json.dumps({"probabilities": shares})]
    found = summary(ODD, {"label": ["c\\d", None], "output": texts}, {"label": ["c\\d", "3"]})
    told = {(one.name, one.of): one.value for one in metrics(found)}
    assert told["brier", ""] == pytest.approx(0.2**2 + 0.3**2 + 0.1**2)
    assert (found.labelled, found.usable) == (2, 1)


@pytest.mark.parametrize("output", [ODD, PLAIN], ids=["odd", "plain"])
@pytest.mark.parametrize("text", ["[1, 2]", '{"probabilities": 3}', '{"probabilities": {"3": null}}', "{}"])
def test_an_answer_without_probabilities_has_its_label_counted(text: str, output: Output) -> None:
    good = json.dumps({"probabilities": {str(name): 1 / 3 for name in output.classes}})
    found = summary(output, {"label": ["3", "3"], "output": [text, good]}, {"label": ["3", "3"]})
    told = {(one.name, one.of): one for one in metrics(found)}
    assert (told["accuracy", ""].rows, told["brier", ""].rows) == (2, 1)


def test_many_classes_have_no_curves_and_all_else() -> None:
    classes = tuple(f"c{number}" for number in range(MOST_CURVES + 1))
    output = Output(kind="classifier", classes=classes, probabilities=True)
    even = json.dumps({"probabilities": dict.fromkeys(classes, 1 / len(classes))})
    found = summary(output, {"label": ["c0", "c1"], "output": [even, even]}, {"label": ["c0", "c0"]})
    told = {(one.name, one.of): one.value for one in metrics(found)}
    assert told["log_loss", ""] == pytest.approx(np.log(len(classes)))
    assert not any(name == "auc" for name, _ in told)


@pytest.mark.parametrize(
    "output", [None, Output(kind="other"), Output(kind="regressor", values=2)], ids=["gone", "other", "two"]
)
def test_of_other_answers_only_the_truths_are_counted(output: Output | None) -> None:
    found = summary(output, {"label": pa.nulls(2, pa.string())}, {})
    assert (found.shape, found.labelled, metrics(found)) == (Shape("other"), 2, ())


def test_labels_without_known_classes_are_right_or_wrong() -> None:
    output = Output(kind="classifier")
    found = summary(output, {"label": ["x", "y"]}, {"label": ["x", "z"]})
    assert metrics(found)[0].value == 0.5


def test_numbers_are_compared_with_numbers() -> None:
    found = summary(Output(kind="regressor"), {"value": [1.0, None]}, {"value": [3.0, 3.0]})
    assert (found.labelled, found.usable, metrics(found)[0].value) == (2, 1, 2.0)
