"""What a metric says of some rows, and how sure that is (pure).

A metric that gives a number per row is a mean, with the interval of one. Of any other function of the rows
the interval comes from leaving out a twentieth of them at a time (the grouped jackknife; Efron 1982, "The
Jackknife, the Bootstrap and Other Resampling Plans"), which holds for smooth functions and not for a
largest value.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from konan.monitoring.custom_metrics.rows import Rows
from konan.monitoring.custom_metrics.running import Valued

GROUPS = 20
_T_OF_19 = 2.093
_Z = 1.959964
_LEAST = 40


def valued(metric: Callable[[Rows], Any], rows: Rows) -> Valued:
    """What a metric says.

    Args:
        metric: gives a number, or as many as it is given rows.
        rows: at least one.

    >>> rows = Rows(np.arange(100.0), np.arange(100.0) + 1, {}, {})
    >>> valued(lambda some: abs(some.truth - some.answer), rows)
    Valued(value=1.0, low=1.0, high=1.0, rows=100, note='')
    >>> valued(lambda some: (some.answer - some.truth).max(), rows).value
    1.0

    Raises:
        ValueError: it gives neither.
    """
    said = np.asarray(metric(rows), np.float64)
    if said.shape == (len(rows),) and len(rows) > 1:
        return _mean(said)
    if said.shape not in {(), (1,)}:
        raise ValueError(f"The metric gave {said.size} numbers for {len(rows)} rows.")
    value = float(said.reshape(()))
    if not math.isfinite(value):
        return Valued(None, rows=len(rows), note="The metric is not a finite number for these rows.")
    if len(rows) < _LEAST:
        return Valued(value, rows=len(rows))
    return _left_out(metric, rows, value)


def _mean(each: "np.ndarray[Any, np.dtype[np.float64]]") -> Valued:
    rows = len(each)
    value = float(each.mean())
    if not math.isfinite(value):
        return Valued(None, rows=rows, note="The metric is not a finite number for these rows.")
    half = _Z * float(each.std(ddof=1)) / math.sqrt(rows)
    return Valued(value, value - half, value + half, rows)


def _left_out(metric: Callable[[Rows], Any], rows: Rows, value: float) -> Valued:
    groups = np.random.default_rng(0).permutation(len(rows)) % GROUPS
    without = np.array([float(np.asarray(metric(rows.where(groups != one)))) for one in range(GROUPS)])
    if not np.isfinite(without).all():
        return Valued(value, rows=len(rows))
    error = math.sqrt((GROUPS - 1) / GROUPS * float(((without - without.mean()) ** 2).sum()))
    return Valued(value, value - _T_OF_19 * error, value + _T_OF_19 * error, len(rows))
