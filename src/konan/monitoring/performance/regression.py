"""Metrics of answered numbers: errors are answer minus truth (pure).

Means have Student's interval; RMSE and R2 that of the delta method, from exact sums of fourth powers.
Quantiles have the interval between two order statistics that the binomial distribution gives, whatever the
distribution of the errors is (G. J. Hahn, W. Q. Meeker, "Statistical intervals", 1991).
"""

import math
from collections.abc import Iterator
from fractions import Fraction

import msgspec
import numpy as np

from konan.monitoring.performance.calibration import variance_of
from konan.monitoring.performance.grids import RESIDUALS, as_float
from konan.monitoring.performance.intervals import Intervals
from konan.monitoring.performance.summary import ValueSummary
from konan.monitoring.performance.sums import SCALE
from konan.monitoring.performance.values import Better, metric, unknown
from konan.monitoring.profiles.sparse import MIXED, Ints
from konan.records.performance import MetricValue

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Of the errors that are told."""

_NAMES: dict[str, Better] = {
    "mae": "lower",
    "rmse": "lower",
    "r2": "higher",
    "mape": "lower",
    "bias": "",
}
_NONE = "No row has a truth."


def of_summary(summary: ValueSummary, intervals: Intervals) -> Iterator[MetricValue]:
    """Metrics of the errors.

    ``mae``, ``rmse`` and ``r2``; ``mape`` as a share, without the rows whose truth is 0; ``bias``, the mean
    of answer minus truth; ``residual_quantile`` of `QUANTILES`: the smallest error such that at least that
    share of errors is no larger.
    """
    rows = summary.usable
    if not rows:
        for name, better in _NAMES.items():
            yield unknown(name, _NONE, better=better)
        return
    yield _mae(summary, rows, intervals)
    yield _rmse(summary, rows, intervals)
    yield _r2(summary, rows, intervals)
    yield _mape(summary, intervals)
    first, second = summary.total("error"), summary.total("square")
    mean = first / (rows << SCALE)
    yield metric("bias", mean, intervals.mean(mean, variance_of(first, second, rows), rows), rows, better="")
    yield from _quantiles(summary, rows, intervals)


def _mae(summary: ValueSummary, rows: int, intervals: Intervals) -> MetricValue:
    first, second = summary.total("absolute"), summary.total("square")
    mean = first / (rows << SCALE)
    interval = intervals.mean(mean, variance_of(first, second, rows), rows, 0.0)
    return metric("mae", mean, interval, rows, better="lower")


def _rmse(summary: ValueSummary, rows: int, intervals: Intervals) -> MetricValue:
    first, second = summary.total("square"), summary.total("fourth")
    mean = first / (rows << SCALE)
    low, high = intervals.mean(mean, variance_of(first, second, rows), rows, 0.0)
    return metric("rmse", math.sqrt(mean), (math.sqrt(low), math.sqrt(high)), rows, better="lower")


def _mape(summary: ValueSummary, intervals: Intervals) -> MetricValue:
    rows = summary.number("relatives")
    if not rows:
        return unknown("mape", "Every truth is 0.", better="lower")
    first, second = summary.total("relative"), summary.total("relative_2")
    mean = first / (rows << SCALE)
    interval = intervals.mean(mean, variance_of(first, second, rows), rows, 0.0)
    return metric("mape", mean, interval, rows, better="lower")


def _r2(summary: ValueSummary, rows: int, intervals: Intervals) -> MetricValue:
    """One minus mean squared error over variance of the truths."""
    square, fourth, first, second, third, quartic, cross, cross_2 = (
        Fraction(summary.total(name), rows << SCALE) for name in _MOMENTS
    )
    spread = second - first**2
    if not spread:
        return unknown("r2", "The truths are all the same.")
    left = square / spread
    far = quartic - 4 * first * third + 6 * first**2 * second - 3 * first**4
    both = cross_2 - 2 * first * cross + first**2 * square
    value, variance = 1 - left, (fourth - 2 * left * both + left**2 * far) / spread**2
    try:
        found, error = float(value), math.sqrt(max(float(variance), 0.0) / rows)
    except OverflowError:
        return unknown("r2", "The truths are almost all the same.")
    half = intervals.width(rows) * error if rows > 2 else math.inf
    return metric("r2", found, (found - half, min(found + half, 1.0)), rows)


def _quantiles(summary: ValueSummary, rows: int, intervals: Intervals) -> Iterator[MetricValue]:
    """Of the errors; the smallest error to which at least that share of rows comes up."""
    ends = np.cumsum(summary.counts("residuals"))
    singles = summary.counts("singles")
    for quantile in QUANTILES:
        half = intervals.width(rows) * math.sqrt(rows * quantile * (1 - quantile))
        least, most = math.floor(rows * quantile - half), math.ceil(rows * quantile + half) + 1
        value, floor, ceiling = _ranked(ends, singles, math.ceil(rows * quantile))
        low = _ranked(ends, singles, least)[1] if least >= 1 else -math.inf
        high = _ranked(ends, singles, most)[2] if most <= rows else math.inf
        name = f"{quantile:g}"
        told = metric("residual_quantile", value, (low, high), rows, of=name, better="")
        if floor < ceiling:
            told = msgspec.structs.replace(told, precision="bound", least=floor, most=ceiling)
        yield told


def _ranked(ends: Ints, singles: Ints, rank: int) -> tuple[float, float, float]:
    """The error of a rank, counted from 1, and between which two it is; equal ones where it is known."""
    cell = int(np.searchsorted(ends, rank))
    if singles[cell] != MIXED:
        value = float(as_float(singles[cell : cell + 1])[0])
        return value, value, value
    low = float(RESIDUALS[cell - 1]) if cell else -math.inf
    high = float(RESIDUALS[cell]) if cell < len(RESIDUALS) else math.inf
    middle = (low + high) / 2 if math.isfinite(low + high) else (high if cell == 0 else low)
    return middle, low, high


_MOMENTS = (
    "square",
    "fourth",
    "truth",
    "truth_2",
    "truth_3",
    "truth_4",
    "square_truth",
    "square_truth_2",
)
