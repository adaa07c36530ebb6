"""All metrics of a summary, with their intervals (pure)."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeAlias

import numpy as np

from konan.errors import Invalid
from konan.monitoring.performance import calibration, classification, ranking, regression
from konan.monitoring.performance.intervals import Intervals
from konan.monitoring.performance.shape import Shape
from konan.monitoring.performance.summary import ClassSummary, Summary, ValueSummary
from konan.monitoring.performance.thresholds import Thresholded, at
from konan.monitoring.profiles.sparse import Ints
from konan.records.performance import Confusion, MetricValue

_Made: TypeAlias = Callable[[], Iterable[MetricValue]]

_ACCURACY = frozenset({"accuracy"})
_LABELS = frozenset({"precision", "recall", "f1"})
_AREA = frozenset({"auc"})
_PROBABILITIES = frozenset({"log_loss", "brier", "calibration_error"})
_ERRORS = frozenset({"mae", "rmse", "r2", "mape", "bias", "residual_quantile"})


class Settings(NamedTuple):
    """What is asked for.

    Attributes:
        alpha: chance that an interval leaves out what it is of, in (0, 1).
        positive: the class that precision, recall and F1 without a name are of; else the second of two.
        continuous: whether intervals hold at all times together, for who looks again while truths come.
        names: of the metrics that are wanted, for who has many windows; none is all of them.
    """

    alpha: float = 0.05
    positive: str = ""
    continuous: bool = False
    names: frozenset[str] = frozenset()

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
    found = [
        one
        for names, made in _families(summary, asked)
        if not asked.names or asked.names & names
        for one in made()
    ]
    return tuple(one for one in found if not asked.names or one.name in asked.names)


def _families(summary: Summary, asked: Settings) -> Iterator[tuple[frozenset[str], _Made]]:
    """Metrics that are made together: their names, and what makes them."""
    intervals = asked.intervals
    if isinstance(summary, ClassSummary):
        positive = positive_of(summary.shape, asked)
        yield _ACCURACY, lambda: [classification.accuracy(summary.right, summary.usable, intervals)]
        if summary.shape.classes:
            yield (
                _LABELS,
                lambda: classification.of_confusion(
                    summary.confusion, summary.shape.classes, positive, intervals
                ),
            )
        yield _AREA, lambda: ranking.of_summary(summary, intervals)
        yield _PROBABILITIES, lambda: calibration.of_summary(summary, intervals)
    if isinstance(summary, ValueSummary):
        yield _ERRORS, lambda: regression.of_summary(summary, intervals)


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
    positive = positive_of(summary.shape, asked)
    found = at(summary, threshold, 1 if positive is None else positive)
    return of_threshold(found, summary.shape, asked)


def of_threshold(
    split: Thresholded, shape: Shape, settings: Settings
) -> tuple[Confusion, tuple[MetricValue, ...]]:
    """The same as `with_threshold`, of rows that were split by it."""
    positive, found = positive_of(shape, settings), split.confusion
    if positive == 0:
        found = np.flip(found)
    right = classification.accuracy(int(np.trace(found)), int(found.sum()), settings.intervals)
    told = classification.of_confusion(found, shape.classes, positive, settings.intervals)
    return _confusion(found, shape), (right, *told)


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
