"""Metrics as they are told, from their value and its interval (pure)."""

import math
from typing import Literal

import msgspec

from konan.monitoring.performance.intervals import Bounds
from konan.records.performance import MetricValue

Better = Literal["higher", "lower", ""]


def metric(
    name: str, value: float, interval: Bounds, rows: int, *, of: str = "", better: Better = "higher"
) -> MetricValue:
    """A metric whose value is that of the rows themselves.

    Args:
        name: as ``accuracy``.
        value: of the rows.
        interval: of the value; an end that is not finite is not told.
        rows: behind it.
        of: the class or average that it is of.
        better: whether higher or lower is better.
    """
    low, high = map(_finite, interval)
    return MetricValue(name=name, of=of, value=value, low=low, high=high, rows=rows, better=better)


def unknown(name: str, note: str, *, of: str = "", better: Better = "higher") -> MetricValue:
    """A metric of which the rows cannot tell anything.

    Args:
        name: as ``accuracy``.
        note: why; a sentence.
        of: the class or average that it is of.
        better: whether higher or lower is better.
    """
    return MetricValue(name=name, of=of, value=None, better=better, note=note)


def bounded(found: MetricValue, least: float, most: float) -> MetricValue:
    """A metric whose value is only known to lie between two; its interval becomes wider by that.

    >>> one = metric("auc", 0.5, (0.4, 0.6), 10)
    >>> wide = bounded(one, 0.49, 0.52)
    >>> wide.precision, round(wide.low, 2), round(wide.high, 2)
    ('bound', 0.39, 0.62)
    """
    if found.value is None or least == most:
        return found
    low = None if found.low is None else found.low - (found.value - least)
    high = None if found.high is None else found.high + (most - found.value)
    return msgspec.structs.replace(found, low=low, high=high, precision="bound", least=least, most=most)


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
