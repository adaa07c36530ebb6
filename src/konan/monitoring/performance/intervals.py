"""Intervals of what was counted: for one look, or such that looking again and again is safe (pure).

For one look: Wilson's score interval of a share (E. B. Wilson 1927; L. D. Brown, T. T. Cai, A. DasGupta,
"Interval estimation for a binomial proportion", 2001), and Student's of a mean. While truths still come and
somebody keeps looking: the betting confidence sequence of a share
(`konan.monitoring.evidence.confidence_sequences`), and of means and other smooth functions of them an
asymptotic confidence sequence (I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas, "Time-uniform
central limit theory and asymptotic confidence sequences", 2024: Gaussian mixture boundary).
"""

import math
from functools import lru_cache
from statistics import NormalDist
from typing import NamedTuple, TypeAlias

from konan.monitoring.evidence.confidence_sequences import ConfidenceSequence

Bounds: TypeAlias = tuple[float, float]

_TUNED = 1000
"""Rows at which asymptotic confidence sequences are about tightest; chosen once, before any is seen."""

_normal = NormalDist().inv_cdf


class Intervals(NamedTuple):
    """How intervals are made.

    Attributes:
        alpha: chance that one leaves out what it is of, in (0, 1).
        continuous: whether they hold at all times together, however often somebody looks.
    """

    alpha: float = 0.05
    continuous: bool = False

    def share(self, hits: int, rows: int) -> Bounds:
        """Of the share of rows with something; of no rows it is (0, 1).

        >>> [round(one, 4) for one in Intervals().share(8, 10)]
        [0.4902, 0.9433]
        >>> [round(one, 4) for one in Intervals(continuous=True).share(8, 10)]
        [0.258, 0.9943]
        """
        if not rows:
            return 0.0, 1.0
        if self.continuous:
            return _watched_share(hits, rows, self.alpha)
        return wilson(hits, rows, self.factor())

    def mean(self, mean: float, variance: float, rows: int, least: float = -math.inf) -> Bounds:
        """Of a mean.

        Args:
            mean: of the rows.
            variance: of one row.
            rows: at least 1; of fewer than 2 nothing is known.
            least: the smallest possible mean.
        """
        if rows < 2:
            return least, math.inf
        half = self.width(rows, student=True) * math.sqrt(max(variance, 0.0) / rows)
        return max(mean - half, least), mean + half

    def factor(self) -> float:
        """Standard errors on either side, for one look at something normal.

        >>> round(Intervals(0.05).factor(), 3)
        1.96
        """
        return _factor(self.alpha)

    def width(self, rows: int, *, student: bool = False) -> float:
        """Standard errors on either side.

        Args:
            rows: that the standard error is of.
            student: whether the variance is that of a mean of these rows.

        >>> round(Intervals().width(10, student=True), 2), round(Intervals(continuous=True).width(1000), 2)
        (2.26, 3.04)
        """
        if self.continuous:
            return _watched_width(rows, self.alpha)
        return student_factor(rows - 1, self.alpha) if student else self.factor()


def wilson(hits: float, rows: float, factor: float) -> Bounds:
    """Wilson's score interval of a share.

    Args:
        hits: rows with something.
        rows: of them, more than 0.
        factor: standard errors on either side.
    """
    share, weight = hits / rows, factor * factor / rows
    middle = (share + weight / 2) / (1 + weight)
    half = factor * math.sqrt(share * (1 - share) / rows + weight / (4 * rows)) / (1 + weight)
    low = 0.0 if hits <= 0 else middle - half
    return max(low, 0.0), 1.0 if hits >= rows else min(middle + half, 1.0)


@lru_cache(maxsize=4096)
def student_factor(freedom: int, alpha: float) -> float:
    """Standard errors on either side of a mean, of Student's distribution.

    Of 1 and 2 degrees of freedom in closed form, of more by the expansion of Cornish and Fisher
    (M. Abramowitz, I. Stegun, "Handbook of mathematical functions", 26.7.5).

    >>> [round(student_factor(freedom, 0.05), 2) for freedom in (1, 2, 5, 100)]
    [12.71, 4.3, 2.57, 1.98]
    """
    if freedom == 1:
        return math.tan(math.pi * (0.5 - alpha / 2))
    if freedom == 2:
        return (1 - alpha) * math.sqrt(2 / (alpha * (2 - alpha)))
    z = _normal(1 - alpha / 2)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / float(freedom) ** power for power, term in enumerate(terms, 1))


@lru_cache(maxsize=64)
def _factor(alpha: float) -> float:
    return _normal(1 - alpha / 2)


@lru_cache(maxsize=65_536)
def _watched_share(hits: int, rows: int, alpha: float) -> Bounds:
    return ConfidenceSequence.of(points=2).add([rows - hits, hits]).interval(alpha)


def _watched_width(rows: int, alpha: float) -> float:
    """The boundary of the mixture at so many rows, in standard errors of the mean."""
    chance = -2 * math.log(alpha)
    rate = (chance + math.log(chance + 1)) / _TUNED
    spread = rows * rate + 1
    return math.sqrt(2 * spread / (rows * rate) * math.log(math.sqrt(spread) / alpha))
