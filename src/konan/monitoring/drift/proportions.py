"""How a share of rows differs between two samples: missing, unseen, below, above, invalid (pure).

Such cells are often empty in the reference. There a distance depends on what is added to empty cells, so they
are told as differences of shares, with an interval and a test that holds for any counts.

Sources: intervals, Newcombe (1998), as in `konan.monitoring.reports.quality`; exact test, Fisher (1935),
"The logic
of inductive inference", two-sided by the likelihood of tables as in R and scipy; where each sample expects
enough rows, the score test that it tends to.
"""

import math
from typing import NamedTuple

import numpy as np

from konan.monitoring.drift.distributions import two_sided
from konan.monitoring.reports.quality import Share, difference

LEVEL = 0.01
"""Chance that an interval misses the difference."""

_ENOUGH = 10.0


class Proportion(NamedTuple):
    """A share of the rows beside what it is in the reference.

    Attributes:
        what: ``missing``, ``unseen``, ``invalid``, ``below`` or ``above``.
        rows: that are so in the window.
        current: their share.
        usual: the share in the reference.
        low: lower end of the interval of ``current - usual``.
        high: upper end.
        p_value: chance of so large a difference where nothing changed.
        effect: the size of the difference less what noise adds to it, at least 0.
    """

    what: str
    rows: int
    current: float
    usual: float
    low: float
    high: float
    p_value: float
    effect: float


def portion(what: str, reference: Share, current: Share, rows_as_one: float = 1.0) -> Proportion:
    """A share of two samples.

    Args:
        what: of which rows.
        reference: rows of the reference.
        current: rows of the window.
        rows_as_one: how many rows say as much as one independent row.

    >>> found = portion("missing", Share(0, 10_000), Share(100, 10_000))
    >>> round(found.current, 3), found.p_value < 1e-15, round(found.effect, 4), round(found.low, 4)
    (0.01, True, 0.01, 0.0076)
    >>> portion("above", Share(0, 10_000), Share(1, 10_000)).p_value
    1.0
    """
    one, two = _thinned(reference, rows_as_one), _thinned(current, rows_as_one)
    if not one.of or not two.of:
        return Proportion(what, current.count, current.value, reference.value, -1.0, 1.0, 1.0, 0.0)
    low, high = difference(two, one, LEVEL)
    pooled = (one.count + two.count) / (one.of + two.of)
    noise = pooled * (1 - pooled) * (1 / one.of + 1 / two.of)
    effect = math.sqrt(max(0.0, (current.value - reference.value) ** 2 - noise))
    p_value = share_p_value(one, two)
    return Proportion(what, current.count, current.value, reference.value, low, high, p_value, effect)


def share_p_value(one: Share, two: Share) -> float:
    """Chance of two shares so different where they are the same.

    >>> round(share_p_value(Share(8, 10), Share(1, 6)), 4)
    0.035
    >>> round(share_p_value(Share(560, 700), Share(480, 800)), 20) < 1e-15
    True
    """
    count, rows = one.count + two.count, one.of + two.of
    if not one.of or not two.of or count in {0, rows}:
        return 1.0
    least = min(one.of, two.of) * min(count, rows - count) / rows
    if least >= _ENOUGH:
        pooled = count / rows
        noise = pooled * (1 - pooled) * (1 / one.of + 1 / two.of)
        return two_sided((one.value - two.value) / math.sqrt(noise))
    return _exact(one, two)


def _exact(one: Share, two: Share) -> float:
    """The chance of all tables with the same margins that are not likelier than this one."""
    flipped = 2 * (one.count + two.count) > one.of + two.of
    if flipped:
        one, two = Share(one.of - one.count, one.of), Share(two.of - two.count, two.of)
    if two.of > one.of:
        one, two = two, one
    total = one.count + two.count
    first, last = max(0, total - one.of), min(total, two.of)
    k = np.arange(first, last, dtype=np.float64)
    steps = np.log((total - k) * (two.of - k)) - np.log((k + 1) * (one.of - total + k + 1))
    logarithms = np.concatenate([[0.0], np.cumsum(steps)])
    chances = np.exp(logarithms - logarithms.max())
    chances /= chances.sum()
    own = chances[two.count - first]
    return min(1.0, float(chances[chances <= own * (1 + 1e-7)].sum()))


def _thinned(share: Share, rows_as_one: float) -> Share:
    if rows_as_one <= 1:
        return share
    of = round(share.of / rows_as_one)
    return Share(min(of, round(share.count / rows_as_one)), of)
