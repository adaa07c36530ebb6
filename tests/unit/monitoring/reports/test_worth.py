"""What answers were worth: equal to a plain sum over rows, and the best threshold to a search of all."""

import numpy as np
import pytest

from konan.errors import Invalid
from konan.monitoring.performance.pairs import Pairs
from konan.monitoring.performance.shape import Shape
from konan.monitoring.performance.summary import empty, summary_of
from konan.monitoring.reports import decision_rules
from konan.monitoring.reports.worth import worth
from konan.records.measures import Decision, Payoff
from konan.records.schema import Output

PLAIN = Shape("classifier", ("no", "yes"))
SCORED = Shape("classifier", ("no", "yes"), probabilities=True)
VALUES = Shape("regressor")
PAYOFFS = (
    Payoff(truth="yes", answer="no", value=-500),
    Payoff(truth="no", answer="yes", value=-20),
    Payoff(truth="yes", answer="yes", value=90),
)
WORTH = {("yes", "no"): -500, ("no", "yes"): -20, ("yes", "yes"): 90, ("no", "no"): 0}


def scored(rows: int) -> tuple[np.ndarray, np.ndarray, Pairs]:
    draw = np.random.default_rng(8)
    scores = np.round(draw.random(rows), 2)
    truths = (draw.random(rows) < scores).astype(np.int64)
    pairs = Pairs.of_classes(
        SCORED, truths, (scores >= 0.5).astype(np.int64), np.stack([1 - scores, scores], 1)
    )
    return truths, scores, pairs


def paid(truths: np.ndarray, answers: np.ndarray) -> np.ndarray:
    names = ("no", "yes")
    return np.array([WORTH[names[t], names[a]] for t, a in zip(truths, answers, strict=True)])


def test_the_value_is_the_sum_over_rows_with_the_interval_of_its_mean() -> None:
    truths, scores, pairs = scored(700)
    for threshold in (None, 0.07, 0.5, 0.93):
        found = worth(summary_of(SCORED, pairs), Decision(threshold=threshold, payoffs=PAYOFFS, unit="CHF"))
        each = paid(truths, (scores >= (0.5 if threshold is None else threshold)).astype(int))
        assert found is not None
        assert (found.total, found.unit, found.precision) == (each.sum(), "CHF", "exact")
        assert found.mean == pytest.approx(each.mean())
        half = 1.9634 * each.std(ddof=1) / np.sqrt(700)
        assert found.low == pytest.approx(each.mean() - half, rel=1e-3)
        assert found.threshold == threshold


def test_the_best_threshold_is_that_of_a_search_of_all() -> None:
    truths, scores, pairs = scored(700)
    found = worth(summary_of(SCORED, pairs), Decision(payoffs=PAYOFFS))
    means = {float(t): paid(truths, (scores >= t).astype(int)).mean() for t in np.unique(scores)}
    best = max(means.values())
    assert found is not None
    assert found.best_threshold is not None
    assert found.best_mean == pytest.approx(best)
    at = (scores >= found.best_threshold).astype(int)
    assert paid(truths, at).mean() == pytest.approx(best)


def test_a_threshold_alone_has_its_own_metrics() -> None:
    truths, scores, pairs = scored(400)
    found = worth(summary_of(SCORED, pairs), Decision(threshold=0.2))
    assert found is not None
    recall = next(one for one in found.metrics if (one.name, one.of) == ("recall", ""))
    assert recall.value == pytest.approx((scores[truths == 1] >= 0.2).mean())
    assert (found.positive, found.total) == ("yes", None)


def test_units_above_and_below_are_paid_and_the_interval_is_wide_enough() -> None:
    draw = np.random.default_rng(4)
    for _ in range(20):
        truths, errors = draw.normal(50, 9, 300), draw.normal(1, 4, 300)
        summary = summary_of(VALUES, Pairs.of_values(VALUES, truths, truths + errors))
        found = worth(summary, Decision(over=-1, under=-4))
        each = np.where(errors > 0, -errors, 4 * errors)
        half = 1.96 * each.std(ddof=1) / np.sqrt(300)
        assert found is not None
        assert found.mean == pytest.approx(each.mean())
        assert found.low is not None
        assert found.high is not None
        assert found.low <= each.mean() - half
        assert each.mean() + half <= found.high


def test_nothing_declared_or_nothing_labelled_is_worth_nothing_to_tell() -> None:
    assert worth(empty(PLAIN), Decision(unit="CHF")) is None
    assert worth(empty(VALUES), Decision(payoffs=PAYOFFS)) is None
    assert worth(empty(Shape("other")), Decision(over=-1)) is None
    told = worth(empty(PLAIN), Decision(payoffs=PAYOFFS))
    assert told is not None
    assert told.total is None


@pytest.mark.parametrize(
    ("decision", "output", "pointer"),
    [
        (Decision(threshold=0.5), Output(kind="classifier", classes=("a", "b")), "/threshold"),
        (
            Decision(threshold=0.5),
            Output(kind="classifier", classes=("a", "b", "c"), probabilities=True),
            "/positive",
        ),
        (Decision(over=-1), Output(kind="classifier", classes=("a", "b")), "/over"),
        (Decision(payoffs=PAYOFFS), Output(kind="regressor"), "/payoffs"),
    ],
)
def test_what_cannot_be_decided_is_refused(decision: Decision, output: Output, pointer: str) -> None:
    with pytest.raises(Invalid) as refusal:
        decision_rules.check(decision, output)
    assert pointer in [fault.pointer for fault in refusal.value.faults]


def test_a_decision_about_a_class_that_a_version_does_not_have_says_nothing_of_it() -> None:
    _, _, pairs = scored(50)
    assert worth(summary_of(SCORED, pairs), Decision(threshold=0.3, positive="late")) is None
