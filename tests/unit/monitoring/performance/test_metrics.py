"""Metrics of summaries are those of scikit-learn, however the rows were divided and ordered."""

import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.monitoring.performance.judged import BINARY, THREE, VALUE, Row, check, summarized

from konan.errors import Invalid
from konan.monitoring.performance.metrics import Settings, headline_of, metrics, with_threshold
from konan.monitoring.performance.pairs import Pairs
from konan.monitoring.performance.shape import Shape
from konan.monitoring.performance.summary import empty, from_bytes, summary_of
from konan.monitoring.performance.thresholds import all_of, at, grid_of

SCORES = st.one_of(st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.5, 0.75, 1.0]), st.floats(0, 1))
NUMBERS = st.one_of(st.integers(-3, 3).map(float), st.integers(-(10**6), 10**6).map(lambda one: one / 1000))


@st.composite
def binary(draw: st.DrawFn) -> Row:
    score = draw(SCORES)
    truth, answer = draw(st.sampled_from(BINARY.classes)), draw(st.sampled_from(BINARY.classes))
    return Row(truth, answer, (1 - score, score), draw(st.floats(0, 1e6)))


@st.composite
def three(draw: st.DrawFn) -> Row:
    first, second = sorted([draw(SCORES), draw(SCORES)])
    truth, answer = draw(st.sampled_from(THREE.classes)), draw(st.sampled_from(THREE.classes))
    return Row(truth, answer, (first, second - first, 1 - second))


valued = st.builds(Row, NUMBERS, NUMBERS)


@pytest.mark.parametrize(("shape", "row"), [(BINARY, binary()), (THREE, three()), (VALUE, valued)])
def test_every_metric_is_that_of_scikit_learn_and_any_order_gives_the_same_bytes(
    shape: Shape, row: st.SearchStrategy[Row]
) -> None:
    @settings(max_examples=60, deadline=None)
    @given(st.lists(row, max_size=30), st.integers(1, 4), st.integers(0, 9), st.randoms())
    def compare(rows: list[Row], parts: int, unlabelled: int, chance: random.Random) -> None:
        summary = summarized(shape, rows, unlabelled, parts)
        check(summary, rows)
        assert summary.rows == len(rows) + unlabelled
        chance.shuffle(rows)
        assert summarized(shape, rows, unlabelled, 2).to_bytes() == summary.to_bytes()
        assert from_bytes(summary.to_bytes()) == summary
        for continuous in (False, True):
            for one in metrics(summary, Settings(0.1, continuous=continuous)):
                assert one.low is None or one.value is None or one.low <= one.value + 1e-12

    compare()


@pytest.mark.parametrize(("shape", "seed"), [(BINARY, 1), (THREE, 2), (VALUE, 3)])
def test_of_many_rows_too(shape: Shape, seed: int) -> None:
    rng = np.random.default_rng(seed)
    if shape.kind == "regressor":
        truths = rng.normal(1e6, 1.0, 4000)  # far from 0: squares lose what they are about when rounded
        rows = [
            Row(truth, truth + error) for truth, error in zip(truths, rng.normal(0, 0.3, 4000), strict=True)
        ]
    else:
        scores = rng.dirichlet(np.ones(len(shape.classes)), 4000)
        drawn = [rng.choice(shape.classes, p=one) for one in scores]
        answers = np.take(shape.classes, scores.argmax(axis=1))
        rows = [
            Row(str(truth), str(answer), tuple(one.tolist()))
            for truth, answer, one in zip(drawn, answers, scores, strict=True)
        ]
    summary = summarized(shape, rows, parts=3)
    check(summary, rows)
    area = next((one for one in metrics(summary) if one.name == "auc"), None)
    if area is not None:
        assert area.precision == "bound"
        assert area.least is not None
        assert area.most is not None
        assert area.most - area.least < 0.003


def test_scores_and_errors_that_differ_by_little_are_told_apart_or_bounded() -> None:
    close = [Row("yes", "yes", (0.5, 0.5 + 1e-9)), Row("no", "yes", (0.5, 0.5))]
    (area,) = [one for one in metrics(summarized(BINARY, close)) if one.name == "auc"]
    assert (area.precision, area.least, area.most) == ("bound", 0.0, 1.0)
    apart = [Row("yes", "yes", (0.4, 0.6)), Row("no", "yes", (0.5, 0.5))]
    (area,) = [one for one in metrics(summarized(BINARY, apart)) if one.name == "auc"]
    assert (area.precision, area.value) == ("exact", 1.0)


def test_what_is_no_number_or_no_class_is_left_out() -> None:
    values = Pairs.of_values(VALUE, np.array([1.0, np.nan, 2.0, 1e80]), np.array([2.0, 1.0, np.inf, 0.0]))
    summary = summary_of(VALUE, values)
    assert (summary.labelled, summary.usable) == (4, 1)
    assert metrics(summary)[0].value == 1.0
    scores = np.array([[0.5, 0.5], [np.nan, 0.5], [0.5, 1.5]])
    classes = Pairs.of_classes(BINARY, np.array([1, 1, 0]), np.array([1, -1, 0]), scores)
    found = {(one.name, one.of): one for one in metrics(summary_of(BINARY, classes))}
    assert (found["accuracy", ""].rows, found["brier", ""].rows) == (2, 1)


def test_of_classes_that_nobody_knows_only_the_accuracy_is_told() -> None:
    shape = Shape("classifier")
    pairs = Pairs.of_texts(shape, np.array([True, False, True]), np.array([True, True, False]))
    (found,) = metrics(summary_of(shape, pairs))
    assert (found.name, found.value, found.rows) == ("accuracy", 0.5, 2)


def test_of_other_answers_nothing_is_told() -> None:
    assert metrics(empty(Shape("other"))) == ()
    assert headline_of(Shape("other")) == ""


@settings(max_examples=60, deadline=None)
@given(st.lists(binary(), min_size=1, max_size=30), SCORES, st.sampled_from(["", "yes", "no"]))
def test_a_threshold_gives_what_the_rows_would_give(rows: list[Row], threshold: float, positive: str) -> None:
    summary = summarized(BINARY, rows)
    place = 0 if positive == "no" else 1
    split = at(summary, threshold, place)
    told, found = with_threshold(summary, threshold, Settings(positive=positive))
    counts = np.zeros((2, 2), np.int64)
    for one in rows:
        score = one.scores[1]
        is_second = score >= threshold if place else score > 1 - threshold
        counts[BINARY.classes.index(one.truth), int(is_second)] += 1
    if split.is_exact:
        assert told.counts == tuple(map(tuple, counts.tolist()))
        assert found[0].value == counts.trace() / len(rows)
    else:
        assert np.abs(np.array(told.counts) - counts).sum() <= 2 * sum(split.open)
    assert sum(map(sum, told.counts)) == len(rows)


def test_every_threshold_of_the_grid_is_exact() -> None:
    rng = np.random.default_rng(0)
    rows = [Row(str(rng.choice(BINARY.classes)), "yes", (1 - one, one)) for one in rng.random(300).tolist()]
    summary = summarized(BINARY, rows)
    thresholds, hits, alarms = all_of(grid_of(summary))
    for place in (0, 1, 700, 2000, 4000, len(thresholds) - 1):
        above = [one for one in rows if one.scores[1] >= thresholds[place]]
        assert hits[place] == sum(one.truth == "yes" for one in above)
        assert alarms[place] == sum(one.truth == "no" for one in above)
    for hundredth in range(101):
        assert at(summary, hundredth / 100).is_exact


@pytest.mark.parametrize(
    "ask",
    [
        lambda: metrics(empty(BINARY), Settings(positive="maybe")),
        lambda: at(empty(THREE), 0.5),
        lambda: at(empty(BINARY), 1.5),
        lambda: empty(BINARY).merge(empty(THREE)),
        lambda: from_bytes(b"no"),
    ],
)
def test_what_cannot_be_told_is_refused(ask: Callable[[], object]) -> None:
    with pytest.raises(Invalid):
        ask()


@pytest.mark.parametrize(("shape", "row"), [(BINARY, binary()), (THREE, three()), (VALUE, valued)])
def test_only_what_is_wanted_is_told(shape: Shape, row: st.SearchStrategy[Row]) -> None:
    @settings(max_examples=5, deadline=None)
    @given(st.lists(row, max_size=9))
    def compare(rows: list[Row]) -> None:
        summary = summarized(shape, rows)
        everything = metrics(summary)
        assert everything[0].name == headline_of(shape)
        for name in {one.name for one in everything}:
            wanted = metrics(summary, Settings(names=frozenset({name})))
            assert wanted == tuple(one for one in everything if one.name == name)

    compare()
