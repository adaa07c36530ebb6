"""What a window's answers were worth, by the decision that a deployment's owner declared (pure).

Of a classifier it is the sum of the confusion matrix times what each cell is worth, exact where scores are;
of a regressor a value for each unit by which an answer is above the truth, and one for below.
"""

import math

import msgspec
import numpy as np
import numpy.typing as npt

from konan.monitoring.performance import metrics, thresholds
from konan.monitoring.performance.metrics import Settings
from konan.monitoring.performance.ranking import Grid
from konan.monitoring.performance.shape import Shape
from konan.monitoring.performance.summary import ClassSummary, Summary, ValueSummary
from konan.monitoring.performance.sums import SCALE
from konan.monitoring.profiles.sparse import Ints
from konan.records.measures import Decision
from konan.records.performance import DecisionValue

Floats = npt.NDArray[np.float64]


def worth(summary: Summary, decision: Decision, settings: Settings | None = None) -> DecisionValue | None:
    """What a decision makes of a window's labelled rows.

    Args:
        summary: of the window.
        decision: declared, and fit for such answers.
        settings: of metrics and intervals.

    Returns:
        None where the decision says nothing about such answers.
    """
    asked = (settings or Settings())._replace(positive=decision.positive)
    if isinstance(summary, ClassSummary) and summary.shape.classes:
        known = not decision.positive or decision.positive in summary.shape.classes
        return _of_classes(summary, decision, asked) if known else None
    if isinstance(summary, ValueSummary) and (decision.over or decision.under):
        return _of_values(summary, decision, asked)
    return None


def _of_classes(summary: ClassSummary, decision: Decision, settings: Settings) -> DecisionValue | None:
    shape = summary.shape
    told = DecisionValue(unit=decision.unit)
    counts = summary.confusion
    grid = thresholds.grid_of(summary) if shape.curves == (1,) else None
    if decision.threshold is not None and grid is not None:
        positive = metrics.positive_of(shape, settings)
        found = thresholds.split(grid, decision.threshold, 1 if positive is None else positive)
        confusion, own = metrics.of_threshold(found, shape, settings)
        counts = np.array(confusion.counts)
        told = msgspec.structs.replace(
            told,
            threshold=decision.threshold,
            positive=shape.classes[1 if positive is None else positive],
            confusion=confusion,
            metrics=own,
            precision="exact" if found.is_exact else "bound",
        )
    elif not decision.payoffs:
        return None
    if not decision.payoffs:
        return told
    paid = _paid(told, counts, values_of(shape, decision), settings)
    if grid is None or paid.total is None or not summary.scored or metrics.positive_of(shape, settings) != 1:
        return paid
    best, best_mean = _best(grid, values_of(shape, decision))
    return msgspec.structs.replace(paid, best_threshold=best, best_mean=best_mean)


def values_of(shape: Shape, decision: Decision) -> Floats:
    """What each answer is worth, ``(k, k)``: first the truth.

    >>> from konan.records.measures import Payoff
    >>> missed = Payoff(truth="yes", answer="no", value=-500)
    >>> values_of(Shape("classifier", ("no", "yes")), Decision(payoffs=(missed,)))
    array([[   0.,    0.],
           [-500.,    0.]])
    """
    places = {name: at for at, name in enumerate(shape.classes)}
    found = np.zeros((len(places), len(places)))
    for payoff in decision.payoffs:
        if payoff.truth in places and payoff.answer in places:
            found[places[payoff.truth], places[payoff.answer]] = payoff.value
    return found


def _paid(told: DecisionValue, counts: Ints, values: Floats, settings: Settings) -> DecisionValue:
    rows = int(counts.sum())
    if not rows:
        return told
    total = float((counts * values).sum())
    mean = total / rows
    variance = float((counts * (values - mean) ** 2).sum()) / max(rows - 1, 1)
    low, high = settings.intervals.mean(mean, variance, rows)
    return msgspec.structs.replace(told, total=total, mean=mean, low=_finite(low), high=_finite(high))


def _best(grid: Grid, values: Floats) -> tuple[float, float]:
    """The threshold of the second class with the largest value, and what a row is worth with it."""
    places, hits, alarms = thresholds.all_of(grid)
    ones, zeros = int(hits[0]), int(alarms[0])
    gained = (
        hits * values[1, 1]
        + (ones - hits) * values[1, 0]
        + alarms * values[0, 1]
        + (zeros - alarms) * values[0, 0]
    )
    at = int(np.argmax(gained))
    return float(places[at]), float(gained[at]) / (ones + zeros)


def _of_values(summary: ValueSummary, decision: Decision, settings: Settings) -> DecisionValue | None:
    """Of units above and below; the interval takes all squares at the larger value, hence is wide enough."""
    rows = summary.usable
    told = DecisionValue(unit=decision.unit)
    if not rows:
        return told
    error, absolute = (summary.total(name) / (rows << SCALE) for name in ("error", "absolute"))
    mean = decision.over * (absolute + error) / 2 + decision.under * (absolute - error) / 2
    largest = max(abs(decision.over), abs(decision.under)) ** 2
    square = largest * summary.total("square") / (rows << SCALE)
    variance = max(square - mean * mean, 0.0) * rows / max(rows - 1, 1)
    low, high = settings.intervals.mean(mean, variance, rows)
    return msgspec.structs.replace(told, total=mean * rows, mean=mean, low=_finite(low), high=_finite(high))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
