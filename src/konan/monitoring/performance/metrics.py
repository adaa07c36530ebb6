"""All metrics of a summary, with their intervals (pure)."""

from typing import NamedTuple

import numpy as np

from konan.errors import Invalid
from konan.monitoring.performance import calibration, classification, ranking, regression
from konan.monitoring.performance.intervals import Intervals
from konan.monitoring.performance.shape import Shape
from konan.monitoring.performance.summary import ClassSummary, Summary, ValueSummary
from konan.monitoring.performance.thresholds import at
from konan.monitoring.profiles.sparse import Ints
from konan.records.performance import Confusion, MetricValue


class Settings(NamedTuple):
    """What is asked for.

    Attributes:
        alpha: chance that an interval leaves out what it is of, in (0, 1).
        positive: the class that precision, recall and F1 without a name are of; else the second of two.
        continuous: whether intervals hold at all times together, for who looks again while truths come.
    """

    alpha: float = 0.05
    positive: str = ""
    continuous: bool = False

    @property
    def intervals(self) -> Intervals:
        """How intervals are made."""
        return Intervals(self.alpha, self.continuous)


def metrics(summary: Summary, settings: Settings | None = None) -> tuple[MetricValue, ...]:
    """The metrics of a window, the headline first; none of answers that are neither classes nor one number.

    Of a classifier: ``accuracy``; ``precision``, ``recall`` and ``f1`` of the positive class (no name), of
    each class, and as ``macro``, ``weighted`` and ``micro`` averages; with probabilities also ``auc``,
    ``log_loss``, ``brier`` and ``calibration_error``. Of a regressor: ``mae``, ``rmse``, ``r2``, ``mape``,
    ``bias`` and ``residual_quantile`` of 0.05, 0.25, 0.5, 0.75 and 0.95.

    Raises:
        Invalid: there is no such positive class.
    """
    asked = settings or Settings()
    if isinstance(summary, ClassSummary):
        if not summary.shape.classes:
            return (classification.accuracy(summary.right, summary.usable, asked.intervals),)
        labels = classification.of_confusion(
            summary.confusion, summary.shape.classes, positive_of(summary.shape, asked), asked.intervals
        )
        areas = ranking.of_summary(summary, asked.intervals) if summary.shape.curves else ()
        return (*labels, *areas, *calibration.of_summary(summary, asked.intervals))
    if isinstance(summary, ValueSummary):
        return tuple(regression.of_summary(summary, asked.intervals))
    return ()


def with_threshold(
    summary: Summary, threshold: float, settings: Settings | None = None
) -> tuple[Confusion, tuple[MetricValue, ...]]:
    """The confusion matrix with a threshold of the positive class's probability, and its metrics.

    Where the threshold is inside a cell of scores, half of that cell's rows count as positive; whether there
    are any `thresholds.at` tells.

    Raises:
        Invalid: there are no two classes with probabilities, or the threshold is outside [0, 1].
    """
    asked = settings or Settings()
    shape = summary.shape
    positive = positive_of(shape, asked)
    found = at(summary, threshold, 1 if positive is None else positive).confusion
    if positive == 0:
        found = np.flip(found)
    told = classification.of_confusion(found, shape.classes, positive, asked.intervals)
    return _confusion(found, shape), tuple(told)


def confusion(summary: Summary) -> Confusion | None:
    """How often each class was answered where each was true; None where classes are unknown."""
    if not isinstance(summary, ClassSummary) or not summary.shape.classes:
        return None
    return _confusion(summary.confusion, summary.shape)


def headline_of(shape: Shape) -> str:
    """The metric that stands for a model: ``accuracy`` or ``mae``; empty where there is none."""
    return {"classifier": "accuracy", "regressor": "mae"}.get(shape.kind, "")


def positive_of(shape: Shape, settings: Settings) -> int | None:
    """The place of the positive class; None where there are not two classes and none was named.

    Raises:
        Invalid: there is no such class.
    """
    if settings.positive:
        if settings.positive not in shape.classes:
            raise Invalid(f"There is no class {settings.positive!r}.")
        return shape.classes.index(settings.positive)
    return 1 if len(shape.classes) == 2 else None


def _confusion(counts: Ints, shape: Shape) -> Confusion:
    return Confusion(classes=shape.classes, counts=tuple(map(tuple, counts.tolist())))
