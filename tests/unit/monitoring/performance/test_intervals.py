"""Intervals hold as often as they say, once or at all looks together, also where all answers are right."""

from collections import Counter

import numpy as np
import pytest
from tests.unit.monitoring.performance.judged import BINARY, VALUE

from konan.monitoring.performance.intervals import Intervals, student_factor
from konan.monitoring.performance.metrics import Settings, metrics
from konan.monitoring.performance.pairs import Pairs
from konan.monitoring.performance.shape import Shape
from konan.monitoring.performance.summary import Summary, summary_of

RUNS = 300


def drawn(shape: Shape, rng: np.random.Generator, rows: int) -> Summary:
    """Rows of a world that is known."""
    if shape.kind == "regressor":
        values = rng.uniform(4, 16, rows)
        return summary_of(shape, Pairs.of_values(shape, values, values + rng.gamma(2.0, 1.0, rows) - 1.5))
    truths = (rng.random(rows) < 0.3).astype(np.int64)
    scores = 1 / (1 + np.exp(-rng.normal(truths * 1.5 - 1.0, 1.0)))
    labels = (scores >= 0.5).astype(np.int64)
    return summary_of(shape, Pairs.of_classes(shape, truths, labels, np.stack([1 - scores, scores], axis=1)))


@pytest.fixture(scope="module", params=[BINARY, VALUE], ids=["binary", "value"])
def world(request: pytest.FixtureRequest) -> tuple[Shape, dict[tuple[str, str], float]]:
    """What is counted, and each metric of very many rows."""
    shape: Shape = request.param
    large = metrics(drawn(shape, np.random.default_rng(0), 300_000))
    return shape, {(one.name, one.of): one.value for one in large if one.value is not None}


def test_an_interval_holds_as_often_as_it_says(world: tuple[Shape, dict[tuple[str, str], float]]) -> None:
    shape, truth = world
    rng, held = np.random.default_rng(1), Counter[tuple[str, str]]()
    for _ in range(RUNS):
        for one in metrics(drawn(shape, rng, 300)):
            low, high = one.low, one.high
            inside = (low is None or low <= truth[one.name, one.of]) and (
                high is None or truth[one.name, one.of] <= high
            )
            held[one.name, one.of] += inside
    shares = {key: count / RUNS for key, count in held.items()}
    assert min(shares.values()) > 0.91, shares
    wide = {("calibration_error", "")} | {key for key in shares if key[0] == "residual_quantile"}
    assert max(share for key, share in shares.items() if key not in wide) < 0.99, shares


def test_a_watched_interval_holds_at_all_looks_together(
    world: tuple[Shape, dict[tuple[str, str], float]],
) -> None:
    shape, truth = world
    rng, missed, runs = np.random.default_rng(2), Counter[tuple[str, str]](), 40
    for _ in range(runs):
        summary, out = drawn(shape, rng, 100), set[tuple[str, str]]()
        for _ in range(6):
            for one in metrics(summary, Settings(continuous=True)):
                value = truth[one.name, one.of]
                if (one.low or -np.inf) > value or value > (one.high or np.inf):
                    out.add((one.name, one.of))
            summary = summary.merge(drawn(shape, rng, summary.rows))
        missed.update(out)
    assert max(missed.values(), default=0) <= 0.1 * runs, missed


def test_a_watched_interval_is_wider_but_not_by_much() -> None:
    once, watched = Intervals(), Intervals(continuous=True)
    for hits, rows in ((80, 100), (800, 1000), (8000, 10_000)):
        low, high = once.share(hits, rows)
        least, most = watched.share(hits, rows)
        assert 1.0 < (most - least) / (high - low) < 2.2
    assert 1.3 < watched.width(1000) / once.width(1000) < 1.7


def test_where_all_is_right_the_interval_says_how_little_that_means() -> None:
    truths = np.array([0] * 30 + [1] * 10)
    scores = np.where(truths, 0.9, 0.1)
    pairs = Pairs.of_classes(BINARY, truths, truths, np.stack([1 - scores, scores], axis=1))
    for one in metrics(summary_of(BINARY, pairs)):
        if one.better == "higher":
            assert one.value == 1.0
            assert one.low is not None
            assert 0.6 < one.low < 0.95, one


def test_one_row_tells_little() -> None:
    found = {
        one.name: one for one in metrics(summary_of(VALUE, Pairs.of_values(VALUE, np.ones(1), np.zeros(1))))
    }
    assert (found["mae"].value, found["mae"].low, found["mae"].high) == (1.0, 0.0, None)
    assert found["r2"].value is None
    assert (found["residual_quantile"].low, found["residual_quantile"].high) == (None, None)


@pytest.mark.parametrize(
    ("freedom", "factor"), [(1, 12.706), (2, 4.303), (3, 3.182), (5, 2.571), (10, 2.228), (100, 1.984)]
)
def test_students_factors_are_those_of_the_tables(freedom: int, factor: float) -> None:
    assert student_factor(freedom, 0.05) == pytest.approx(factor, rel=0.01 if freedom == 3 else 0.001)
