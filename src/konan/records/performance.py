"""Performance as it is told: over HTTP, in the SDK, by the command line and in a report.

A metric is counted from predictions whose truth is known, each with the truth that counts now. Intervals are
of 95 % where nothing else is said. An estimate stands beside a metric where one can be made without truths.
"""

from typing import Literal, Self

import msgspec
from msgspec.structs import replace

from konan.records.monitoring import Segment, Window

WindowState = Literal["no rows", "no labels", "provisional", "final"]
"""How far the truths of a window are: ``provisional`` while more are expected, ``final`` afterwards. A truth
that comes later still is counted all the same."""

Precision = Literal["exact", "bound"]
"""Whether a value is that of the rows themselves, or known only to lie between ``least`` and ``most``."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What a metric is believed to be, from answers alone or corrected by the truths that have come.

    Attributes:
        value: the estimate, in the unit of the metric.
        low: lower end of its interval.
        high: upper end.
        trustworthy: whether truths that have come do not contradict it.
        why: what it rests on, or why it is not trustworthy here; a sentence.
    """

    value: float
    low: float
    high: float
    trustworthy: bool
    why: str = ""


class MetricValue(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One metric of one window.

    Attributes:
        name: as ``accuracy``, ``mae`` or the name of a custom metric.
        of: the class that it is about, or ``macro``, ``micro`` or ``weighted`` for an average over classes;
            empty for the whole.
        value: of the labelled rows; null where they cannot tell.
        low: lower end of its interval; null likewise.
        high: upper end.
        rows: labelled rows behind it.
        precision: see `Precision`.
        least: the value is at least this, where it is a ``bound``.
        most: and at most this.
        better: whether ``higher`` or ``lower`` is better; empty where neither is.
        estimate: of the metric over all rows, where there is one.
        note: why there is no value, or what it leaves out; a sentence.
    """

    name: str
    of: str = ""
    value: float | None
    low: float | None = None
    high: float | None = None
    rows: int = 0
    precision: Precision = "exact"
    least: float | None = None
    most: float | None = None
    better: Literal["higher", "lower", ""] = ""
    estimate: Estimate | None = None
    note: str = ""


class Confusion(msgspec.Struct, frozen=True, kw_only=True):
    """How often each class was answered where each was true.

    Attributes:
        classes: their names.
        counts: rows; the first index is the truth, the second what was answered, both as in ``classes``.
    """

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


class CalibrationBin(msgspec.Struct, frozen=True, kw_only=True):
    """Rows with about the same probability, and how often it came true.

    Attributes:
        low: smallest probability of the bin.
        high: largest.
        rows: labelled rows in it.
        predicted: their mean probability, or the middle of the bin.
        actual: share of them that came true.
        actual_low: lower end of the interval of that share.
        actual_high: upper end.
    """

    low: float
    high: float
    rows: int
    predicted: float
    actual: float
    actual_low: float
    actual_high: float


class WeakSegment(msgspec.Struct, frozen=True, kw_only=True):
    """A slice in which the model is certainly worse than on all other rows.

    Attributes:
        where: the slice in words, as ``city = Bern`` or ``hour in [7, 9)``.
        segment: the same as a segment that reports can be asked for; null if it is none.
        metric: by which it is worse.
        value: of the slice.
        rest: of the other rows.
        low: lower end of the interval of how much worse it is; greater than 0. All intervals that were
            looked at together hold at once with a probability of 95 % (Bonferroni).
        high: upper end.
        rows: labelled rows of the slice.
        rest_rows: the others.
    """

    where: str
    segment: Segment | None
    metric: str
    value: float
    rest: float
    low: float
    high: float
    rows: int
    rest_rows: int


class DecisionValue(msgspec.Struct, frozen=True, kw_only=True):
    """What the answers of a window were worth, by the deployment's decision.

    Attributes:
        threshold: of the positive class's probability, where one is chosen; else null.
        positive: that class; empty without a threshold.
        confusion: with the chosen threshold; null if the answers were not decided by one.
        metrics: with the chosen threshold.
        unit: of the values, as ``CHF``; may be empty.
        total: value of all labelled rows together; null where nothing is said about values.
        mean: of one row.
        low: lower end of the interval of the mean.
        high: upper end.
        best_threshold: the threshold with the largest value on these rows; null where there is none.
        best_mean: its mean value; found on the same rows, hence too good by a little.
        precision: whether scores were known exactly, or in cells of a grid.
    """

    threshold: float | None = None
    positive: str = ""
    confusion: Confusion | None = None
    metrics: tuple[MetricValue, ...] = ()
    unit: str = ""
    total: float | None = None
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    best_threshold: float | None = None
    best_mean: float | None = None
    precision: Precision = "exact"


class PerformanceWindow(Window, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    """The performance of one window.

    Attributes:
        state: see `WindowState`.
        labelled: rows whose truth is known.
        share: ``labelled`` of ``rows``, in [0, 1]: labelled so far.
        metrics: the headline first.
        confusion: of a classifier, else null.
        calibration: of a classifier with probabilities, by rising probability of the positive class, or of
            the answered one where there are more than two.
        decision: what the answers were worth; null where no decision is declared.
        weak: slices in which the model is worse, the worst first; only where one window was asked for.
        looked: how many slices were compared for this.
        doubts: what makes the numbers doubtful, in sentences.
    """

    state: WindowState
    labelled: int = 0
    share: float = 0.0
    metrics: tuple[MetricValue, ...] = ()
    confusion: Confusion | None = None
    calibration: tuple[CalibrationBin, ...] = ()
    decision: DecisionValue | None = None
    weak: tuple[WeakSegment, ...] = ()
    looked: int = 0
    doubts: tuple[str, ...] = ()

    def metric(self, name: str, of: str = "") -> MetricValue | None:
        """The metric of a name, and of a class or average; None if there is none."""
        return next((one for one in self.metrics if (one.name, one.of) == (name, of)), None)


class PerformanceReport(msgspec.Struct, frozen=True, kw_only=True):
    """The performance of a deployment.

    Attributes:
        deployment: its name.
        headline: the metric that stands for it, as ``accuracy``; empty if its answers have none.
        windows: by version or segment, oldest first in each.
    """

    deployment: str
    headline: str
    windows: tuple[PerformanceWindow, ...]

    def only(self, metric: str) -> Self:
        """The same with one metric, by its name."""
        kept = (
            replace(one, metrics=tuple(each for each in one.metrics if each.name == metric))
            for one in self.windows
        )
        return replace(self, windows=tuple(kept))
