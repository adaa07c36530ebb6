"""Metrics of probabilities: log loss, Brier score, and how far probabilities come true (pure).

The calibration error is the mean distance of probability and share in ten equally wide bins, weighted by
their rows (C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks", 2017):
of the second class where there are two, else of the answered one. Its interval holds whatever the
probabilities are: each bin's share lies in its own, and all do at once (Bonferroni). Of few rows it is too
large on average, for it never is negative.
"""

from collections.abc import Iterator

from konan.monitoring.performance.grids import BINS
from konan.monitoring.performance.intervals import Intervals
from konan.monitoring.performance.summary import ClassSummary
from konan.monitoring.performance.sums import SCALE
from konan.monitoring.performance.values import metric, unknown
from konan.records.performance import CalibrationBin, MetricValue

_NONE = "No labelled row has probabilities."


def of_summary(summary: ClassSummary, intervals: Intervals) -> Iterator[MetricValue]:
    """Log loss in nats, Brier score, calibration error; nothing of answers without probabilities.

    The Brier score of two classes is that of the second one, in [0, 1]; of more it is the sum over all of
    them, in [0, 2]. Probabilities of 0 count as 2.2e-16 in the log loss. Both are as in scikit-learn.
    """
    if not summary.shape.probabilities:
        return
    rows = summary.scored
    for name in ("log_loss", "brier"):
        if rows:
            mean, variance = mean_of(summary, name, rows)
            yield metric(name, mean, intervals.mean(mean, variance, rows, 0.0), rows, better="lower")
        else:
            yield unknown(name, _NONE, better="lower")
    yield _error(summary, intervals)


def mean_of(summary: ClassSummary, name: str, rows: int) -> tuple[float, float]:
    """The mean of what is summed under a name, and the variance of one row."""
    first, second = summary.total(name), summary.total(f"{name}_2")
    return first / (rows << SCALE), variance_of(first, second, rows)


def variance_of(first: int, second: int, rows: int) -> float:
    """The variance of one row, from the exact sums of all rows and of their squares; 0 of one row.

    >>> variance_of(6 << SCALE, 14 << SCALE, 3)
    1.0
    """
    if rows < 2:
        return 0.0
    above = (rows * second << SCALE) - first * first
    return max(above, 0) / (rows * (rows - 1) << (2 * SCALE))


def curve(summary: ClassSummary, intervals: Intervals | None = None) -> tuple[CalibrationBin, ...]:
    """How often probabilities came true, bin by bin; bins without rows are left out.

    Args:
        summary: of a classifier.
        intervals: how those of the shares are made.
    """
    if not summary.shape.probabilities:
        return ()
    made = intervals or Intervals()
    rows, hits = summary.counts("bin_rows").tolist(), summary.counts("bin_hits").tolist()
    found = []
    for at, scores in enumerate(summary.totals("bin_scores", BINS)):
        if rows[at]:
            low, high = made.share(hits[at], rows[at])
            one = CalibrationBin(
                low=at / BINS,
                high=(at + 1) / BINS,
                rows=rows[at],
                predicted=scores / (rows[at] << SCALE),
                actual=hits[at] / rows[at],
                actual_low=low,
                actual_high=high,
            )
            found.append(one)
    return tuple(found)


def _error(summary: ClassSummary, intervals: Intervals) -> MetricValue:
    bins = int((summary.counts("bin_rows") > 0).sum())
    if not bins:
        return unknown("calibration_error", _NONE, better="lower")
    rows = summary.scored
    value = least = most = 0.0
    for one in curve(summary, intervals._replace(alpha=intervals.alpha / bins)):
        weight = one.rows / rows
        value += weight * abs(one.predicted - one.actual)
        least += weight * max(one.actual_low - one.predicted, one.predicted - one.actual_high, 0.0)
        most += weight * max(one.actual_high - one.predicted, one.predicted - one.actual_low)
    return metric("calibration_error", value, (least, most), rows, better="lower")
