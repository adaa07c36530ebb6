"""Scores and truths of the reference and of live rows fall into the same strata."""

import numpy as np
import pyarrow as pa
import pytest

from konan.monitoring.performance.pairs import Pairs
from konan.monitoring.performance.shape import Shape
from konan.monitoring.performance.summary import Summary, summary_of
from konan.monitoring.profiles.profile import LABEL, SCORE, TARGET
from konan.monitoring.reference.joint import FEWEST, STRATA, joint_of
from konan.records.schema import Output

TWO = Output(kind="classifier", classes=("no", "yes"), probabilities=True)
THREE = Output(kind="classifier", classes=("red", "green", "blue"))


def rows(size: int, output: Output, seed: int = 1) -> tuple[pa.Table, Summary]:
    """The same rows as the reference has them, and as a summary."""
    draw = np.random.default_rng(seed)
    classes = np.array(output.classes)
    truths, labels = draw.integers(0, len(classes), size), draw.integers(0, len(classes), size)
    columns = {LABEL: pa.array(classes[labels]), TARGET: pa.array(classes[truths])}
    scores = None
    if output.probabilities:
        score = np.round(draw.beta(0.5, 2, size), 3)
        columns[SCORE] = pa.array(score)
        scores = np.stack([1 - score, score], axis=1)
    shape = Shape.of(output)
    return pa.table(columns), summary_of(shape, Pairs.of_classes(shape, truths, labels, scores))


@pytest.mark.parametrize("output", [TWO, THREE])
def test_a_summary_of_the_same_rows_has_the_same_counts(output: Output) -> None:
    table, summary = rows(5000, output)
    joint = joint_of(table, output)
    assert joint is not None
    found = joint.of(summary)
    assert found is not None
    assert found.tolist() == joint.matrix.tolist()
    assert found.sum() == 5000
    assert len(found) == (STRATA if output is TWO else 3)


def test_strata_hold_about_as_many_rows_each() -> None:
    joint = joint_of(rows(5000, TWO)[0], TWO)
    assert joint is not None
    assert joint.matrix.sum(axis=1).min() > 250


def test_few_rows_or_one_score_make_none() -> None:
    table, _ = rows(FEWEST - 1, TWO)
    assert joint_of(table, TWO) is None
    constant = rows(1000, TWO)[0].drop_columns([SCORE]).append_column(SCORE, pa.array(np.full(1000, 0.5)))
    assert joint_of(constant, TWO) is None
    assert joint_of(table.drop_columns([TARGET]), TWO) is None
    assert joint_of(table, Output(kind="regressor")) is None


def test_answers_of_another_model_have_no_counts() -> None:
    joint = joint_of(rows(1000, TWO)[0], TWO)
    assert joint is not None
    assert joint.of(rows(1000, THREE)[1]) is None
