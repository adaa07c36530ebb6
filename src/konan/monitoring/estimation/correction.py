"""Estimates corrected by the truths that have come, as far as these are worth more than the estimate (pure).

The labelled rows of a window are estimated like all of its rows, and what the truths say of them beside that
is added: so it does no harm when rows with a truth are others than those without. How much of it is added
follows from how far the estimate may be off, and from how many rows have a truth; of a window in which all
have one, the estimate is the metric itself.

Sources: Angelopoulos, Bates, Fannjiang, Jordan & Zrnic, "Prediction-powered inference" (Science 2023), where
the whole difference is added; by how much it is shrunken, as in Fay & Herriot, "Estimates of income for small
places" (1979).
"""

import math
from typing import NamedTuple

from konan.monitoring.estimation.metrics import Expected

WIDTH = 1.96
"""Standard deviations on each side of an interval of 95 %."""


SURPRISE = 2.58
"""Standard deviations from which on a difference says that the estimate is off by more than was known."""


class Realised(NamedTuple):
    """A metric of the rows of a window whose truth is known.

    Attributes:
        value: by the truths.
        expected: of the same rows, without them.
        rows: how many they are.
        noise: variance of one row by the truths, where it is known, for rows that hang together; the larger
            one counts.
    """

    value: float
    expected: float
    rows: int
    noise: float = 0.0


class Estimated(NamedTuple):
    """What a metric of all rows of a window is believed to be, with an interval of 95 %."""

    value: float
    low: float
    high: float


class Known(NamedTuple):
    """What earlier windows say of an estimate.

    Attributes:
        offset: by how much it should be larger.
        error: standard deviation of its errors beside that, as far as chance does not explain them.
    """

    offset: float = 0.0
    error: float = 0.0


NOTHING = Known()


def corrected(
    whole: Expected,
    rows: int,
    realised: Realised | None = None,
    known: Known = NOTHING,
    most: float = math.inf,
) -> Estimated:
    """The estimate of a metric over all rows of a window.

    Args:
        whole: of all rows.
        rows: how many they are.
        realised: of those whose truth is known.
        known: from earlier windows.
        most: largest possible value; the smallest is 0.

    >>> whole = Expected(0.9, 0.09, 0.0001)
    >>> [round(one, 3) for one in corrected(whole, 1000)]
    [0.9, 0.873, 0.927]
    >>> [round(one, 3) for one in corrected(whole, 1000, Realised(0.6, 0.9, 100))]
    [0.603, 0.547, 0.658]
    >>> [round(one, 3) for one in corrected(whole, 1000, Realised(0.6, 0.9, 1000))]
    [0.6, 0.6, 0.6]
    """
    labelled = min(realised.rows, rows) if realised else 0
    off = realised.value - realised.expected - known.offset if realised else 0.0
    noise = max(whole.noise, realised.noise if realised else 0.0)
    drawn = noise * (1 / labelled - 1 / rows) if labelled else math.inf
    seen = off**2 - SURPRISE**2 * noise / labelled if labelled else 0.0
    before = max(whole.bias + known.error**2, seen) + noise / rows
    part = before / (before + drawn) if labelled and before + drawn else float(labelled > 0)
    value = whole.value + known.offset + part * off
    half = WIDTH * math.sqrt(max((1 - part) * before, 0.0))
    low, high, value = (min(max(one, 0.0), most) for one in (value - half, value + half, value))
    return Estimated(value, low, high)
