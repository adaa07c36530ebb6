"""Metrics of answered labels: accuracy, precision, recall and F1, of each class and averaged (pure).

Accuracy, precision and recall are shares of rows, and have intervals of shares. F1 of a class is
``2 J / (1 + J)`` of the share J of right rows among those where it was true or answered, and has the
interval of J, mapped. Averages over classes are smooth functions of the shares in the confusion matrix, and
have the interval of the delta method (K. Takahashi, K. Yamamoto, A. Kuchiba, T. Koyama, "Confidence interval
for micro-averaged F1 and macro-averaged F1 scores", 2022).
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from konan.monitoring.performance.intervals import Bounds, Intervals, wilson
from konan.monitoring.performance.values import metric, unknown
from konan.monitoring.profiles.sparse import Ints
from konan.records.performance import MetricValue

Floats = npt.NDArray[np.float64]

_NEVER = {
    "precision": "The class was never answered.",
    "recall": "The class was never true.",
    "f1": "The class was neither answered nor true.",
}

# of precision, recall and F1: how often hits count, and whose sums they are divided by
_TIMES = np.array([[1.0], [1.0], [2.0]])
_BY_ANSWER = np.array([1.0, 0.0, 1.0])[:, None, None]
_BY_TRUTH = np.array([0.0, 1.0, 1.0])[:, None, None]


class _Rates(NamedTuple):
    """The three metrics of each class, as shares of rows: hits of a total."""

    hits: Ints
    answered: Ints
    true: Ints

    @property
    def either(self) -> Ints:
        return self.answered + self.true - self.hits


def accuracy(right: int, rows: int, intervals: Intervals) -> MetricValue:
    """Share of right answers.

    >>> accuracy(8, 10, Intervals()).value
    0.8
    """
    if not rows:
        return unknown("accuracy", "No row has a truth.")
    return metric("accuracy", right / rows, intervals.share(right, rows), rows)


def of_confusion(
    confusion: Ints, classes: tuple[str, ...], positive: int | None, intervals: Intervals
) -> Iterator[MetricValue]:
    """Precision, recall and F1 of a confusion matrix.

    Args:
        confusion: rows by truth and answer, ``(k, k)``.
        classes: names of the classes.
        positive: place of the class that precision, recall and F1 without a name are of; None for none.
        intervals: how they are made.

    Averages are over the classes that were true or answered, as in scikit-learn; one that is undefined counts
    as 0 in them. ``micro`` averages are equal to the accuracy, for every row has one label.
    """
    rows = int(confusion.sum())
    rates = _Rates(np.diagonal(confusion), confusion.sum(axis=0), confusion.sum(axis=1))
    if not rows:
        return
    if positive is not None:
        yield from _of_class(rates, positive, "", intervals)
    yield from _averages(confusion / rows, rows, rates, intervals)
    right = int(rates.hits.sum())
    for what in _NEVER:
        yield metric(what, right / rows, intervals.share(right, rows), rows, of="micro")
    for place, name in enumerate(classes):
        yield from _of_class(rates, place, name, intervals)


def _of_class(rates: _Rates, place: int, name: str, intervals: Intervals) -> Iterator[MetricValue]:
    hits = int(rates.hits[place])
    for what, totals in (("precision", rates.answered), ("recall", rates.true), ("f1", rates.either)):
        total = int(totals[place])
        if not total:
            yield unknown(what, _NEVER[what], of=name)
            continue
        value, (low, high) = hits / total, intervals.share(hits, total)
        if what == "f1":
            value, low, high = (2 * one / (1 + one) for one in (value, low, high))
        yield metric(what, value, (low, high), total, of=name)


def _averages(shares: Floats, rows: int, rates: _Rates, intervals: Intervals) -> Iterator[MetricValue]:
    """The plain mean over classes, and that weighted by how often each is true.

    Each is a smooth function of the shares of rows in the cells of the matrix; ``slope`` is its derivative
    by each of them.
    """
    present = (rates.answered + rates.true) > 0
    hit, answered, true = np.diagonal(shares), shares.sum(axis=0), shares.sum(axis=1)
    fewest = int(np.where(present, np.maximum(rates.true, rates.answered), rows).min())
    over = _over(np.stack([answered, true, answered + true]))
    each = hit * over * _TIMES
    weights = np.stack([present / present.sum(), true])
    parts = weights[:, None] * over
    lost = parts * each
    diagonal = np.eye(len(hit)) * (parts * _TIMES)[:, :, None]
    slopes = diagonal - _BY_ANSWER * lost[:, :, None, :] - _BY_TRUTH * lost[:, :, :, None]
    slopes[1] += each[:, :, None]
    values = (weights @ each.T).tolist()
    flat = slopes.reshape(6, -1)
    first, second = flat @ shares.ravel(), (flat * flat) @ shares.ravel()
    variances = (second - first * first).tolist()
    for at, average in enumerate(("macro", "weighted")):
        for what, value, variance in zip(_NEVER, values[at], variances[3 * at :][:3], strict=True):
            interval = _around(value, variance, rows, fewest, intervals)
            yield metric(what, value, interval, rows, of=average)


def _around(value: float, variance: float, rows: int, fewest: int, intervals: Intervals) -> Bounds:
    """The interval of an average.

    Where all is right or all wrong, nothing varies, and the smallest class says how little that means.
    """
    if variance <= 1e-12:
        return wilson(value * fewest, fewest, intervals.width(fewest))
    half = intervals.width(rows) * math.sqrt(variance / rows)
    return max(value - half, 0.0), min(value + half, 1.0)


def _over(shares: Floats) -> Floats:
    """One over each share; 0 where it is 0."""
    return np.divide(1.0, shares, out=np.zeros_like(shares), where=shares > 0)
