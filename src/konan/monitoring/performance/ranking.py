"""Areas under ROC curves, from grids of scores: exact, or with bounds (pure).

The area is the share of pairs of a row of the class and one of the others in which the first has the larger
score; ties count half. Its variance is that of E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, "Comparing
the areas under two or more correlated receiver operating characteristic curves", 1988, on the logit scale
(M. S. Pepe, "The statistical evaluation of medical tests for classification and prediction", 2003); where
nothing varies, because all pairs are right or all are wrong, the score interval of R. G. Newcombe,
"Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part 2", 2006, stands
in its place. Pairs within one cell of the grid are known only where all rows of the cell have one score.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from konan.monitoring.performance.grids import SCORES
from konan.monitoring.performance.intervals import Bounds, Intervals
from konan.monitoring.performance.summary import ClassSummary
from konan.monitoring.performance.values import bounded, metric, unknown
from konan.monitoring.profiles.sparse import MIXED, Ints
from konan.records.performance import MetricValue

Floats = npt.NDArray[np.float64]

_HALVINGS = 60
_ONE_SIDED = "The rows have no truth of the class, or no other one."


class Grid(NamedTuple):
    """The scores of one class.

    Attributes:
        place: of the class among the classes.
        positives: its rows in each cell of `SCORES`, ``(cells,)``.
        negatives: the other rows.
        mixed: cells in which there are several scores.
        values: the one score of each other cell that has rows, as `grids.as_int` gives it.
    """

    place: int
    positives: Ints
    negatives: Ints
    mixed: npt.NDArray[np.bool_]
    values: Ints


class Area(NamedTuple):
    """An area under a ROC curve.

    Attributes:
        value: the area, where pairs of a cell count half.
        least: it is at least this.
        most: and at most this.
        error: its standard error; 0 where the rows cannot tell.
        positives: rows of the class.
        negatives: other rows.
    """

    value: float
    least: float
    most: float
    error: float
    positives: int
    negatives: int

    def interval(self, intervals: Intervals) -> Bounds:
        """The interval of the area."""
        rows = self.positives + self.negatives
        factor = intervals.width(rows)
        if self.error <= 0 or self.value <= 0 or self.value >= 1:
            return _score_interval(self, factor)
        odds = math.log(self.value / (1 - self.value))
        half = factor * self.error / (self.value * (1 - self.value))
        return _logistic(odds - half), _logistic(odds + half)


def grids(summary: ClassSummary) -> list[Grid]:
    """The scores of each class that has a grid."""
    size, found = len(SCORES) + 1, []
    for number, place in enumerate(summary.shape.curves):
        starts = {name: summary.shape.sections[name].start + number * size for name in _PARTS}
        positives, negatives, singles = (summary.numbers.dense(starts[name], size) for name in _PARTS)
        found.append(Grid(place, positives, negatives, singles == MIXED, singles))
    return found


def area(grid: Grid) -> Area | None:
    """The area under the ROC curve of a class; None where there are no two rows to compare."""
    there = np.flatnonzero(grid.positives + grid.negatives)
    positives, negatives, mixed = grid.positives[there], grid.negatives[there], grid.mixed[there]
    own, others = int(positives.sum()), int(negatives.sum())
    if not own or not others:
        return None
    below, above = np.cumsum(negatives) - negatives, own - np.cumsum(positives)
    pairs = float(own) * others
    twice = 2 * int(positives @ below) + int(positives @ negatives)
    open_pairs = int((positives * negatives)[mixed].sum())
    value = twice / (2 * pairs)
    wins, losses = (below + negatives / 2) / others, (above + positives / 2) / own
    variance = _variance(positives, wins, value) / own + _variance(negatives, losses, value) / others
    slack = open_pairs / (2 * pairs)
    error = math.sqrt(variance) if min(own, others) > 1 else 0.0
    return Area(value, value - slack, value + slack, error, own, others)


def of_summary(summary: ClassSummary, intervals: Intervals) -> list[MetricValue]:
    """The area of the second of two classes, or of each of more against the rest and their averages.

    ``macro`` is the plain mean over classes, ``weighted`` that by how often each is true; their interval has
    the standard errors of all classes added, whatever their dependence.
    """
    classes = summary.shape.classes
    areas = [(grid.place, area(grid)) for grid in grids(summary)]
    if len(areas) < 2:
        return [_metric(found, "", intervals) for _, found in areas]
    each = [_metric(found, classes[place], intervals) for place, found in areas]
    known = [found for _, found in areas if found is not None]
    if not known or len(known) < len(areas):
        note = "Some class is never true, or no other one is."
        return [*(unknown("auc", note, of=one) for one in ("macro", "weighted")), *each]
    even = [1 / len(known)] * len(known)
    rows = sum(one.positives for one in known)
    weights = [one.positives / rows for one in known]
    return [_mean(known, even, "macro", intervals), _mean(known, weights, "weighted", intervals), *each]


def _metric(found: Area | None, name: str, intervals: Intervals) -> MetricValue:
    if found is None:
        return unknown("auc", _ONE_SIDED, of=name)
    rows = found.positives + found.negatives
    told = metric("auc", found.value, found.interval(intervals), rows, of=name)
    return bounded(told, found.least, found.most)


def _mean(areas: list[Area], weights: list[float], name: str, intervals: Intervals) -> MetricValue:
    value, least, most, error = (
        math.fsum(weight * one[at] for weight, one in zip(weights, areas, strict=True)) for at in range(4)
    )
    rows = areas[0].positives + areas[0].negatives
    half = intervals.width(rows) * error
    told = metric("auc", value, (max(value - half, 0.0), min(value + half, 1.0)), rows, of=name)
    return bounded(told, least, most)


def _variance(counts: Ints, values: Floats, mean: float) -> float:
    rows = int(counts.sum())
    away = values - mean
    return float(counts @ (away * away)) / (rows - 1) if rows > 1 else 0.0


def _score_interval(found: Area, factor: float) -> Bounds:
    """The areas that are not further from the one found than their own standard errors allow."""
    beside = (found.positives + found.negatives) / 2 - 1

    def is_believed(other: float) -> bool:
        spread = 1 + beside * ((1 - other) / (2 - other) + other / (1 + other))
        variance = other * (1 - other) * spread / (found.positives * found.negatives)
        return (found.value - other) ** 2 <= factor * factor * variance

    ends = []
    for end in (0.0, 1.0):
        inside, outside = found.value, end
        for _ in range(_HALVINGS):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if is_believed(middle) else (inside, middle)
        ends.append(outside)
    return ends[0], ends[1]


def _logistic(odds: float) -> float:
    return 1 / (1 + math.exp(-odds)) if odds > -700 else 0.0


_PARTS = ("positives", "negatives", "singles")
