"""Metrics as they are told, from their value and its interval (pure)."""

import math
from typing import Literal

from konan.monitoring.performance.intervals import Bounds
from konan.records.performance import MetricValue

Better = Literal["higher", "lower", ""]


def metric(
    name: str,
    value: float | None,
    interval: Bounds | None,
    rows: int,
    *,
    of: str = "",
    better: Better = "higher",
    note: str = "",
) -> MetricValue:
    """A metric whose value is that of the rows themselves.

    Args:
        name: as ``accuracy``.
        value: None where the rows cannot tell.
        interval: of the value; an end that is not finite is not told.
        rows: behind it.
        of: the class or average that it is of.
        better: whether higher or lower is better.
        note: why there is no value.
    """
    low, high = (None, None) if value is None or interval is None else map(_finite, interval)
    return MetricValue(name=name, of=of, value=value, low=low, high=high, rows=rows, better=better, note=note)


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
    return MetricValue(
        name=found.name,
        of=found.of,
        value=found.value,
        low=low,
        high=high,
        rows=found.rows,
        precision="bound",
        least=least,
        most=most,
        better=found.better,
        note=found.note,
    )


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
