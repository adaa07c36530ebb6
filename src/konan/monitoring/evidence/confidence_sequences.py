"""Confidence sequences: intervals of a mean that are right at all times together: peeking is safe (pure).

The interval holds every mean against which no bettor has become rich: ``m`` is left out from below when
betting on "more than m" has multiplied the capital by ``2 / alpha``, and from above alike (Waudby-Smith &
Ramdas, "Estimating means of bounded random variables by betting", JRSS B 2024; Ville 1939). Here
the capital is spread over fixed bets, and the state is a histogram: a value between two points is shared
among them in proportion. That keeps the mean and, since the logarithm is concave, only lowers the capital,
hence it stays valid; values on the points (right or wrong, better or equal or worse) lose nothing. So
states are small, add up exactly in any order, and every question about any mean may be asked later.
"""

import math
from typing import Self

import msgspec
import numpy as np
import numpy.typing as npt

from konan.monitoring.evidence.bets import Floats, mixed

SHARES = tuple(0.9 * 0.5**step for step in range(14))
"""Shares of the capital on each bet: the last sees what only hundreds of millions of values show."""

_STEPS = 2.0**20
_HALVINGS = 50
_EDGE = 1e-12


class ConfidenceSequence(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the mean of values in ``[low, high]``, at any time.

    Attributes:
        low: smallest possible value.
        high: largest possible value.
        weights: how many values stand at each of evenly spaced points from ``low`` to ``high``,
            ``(points,)``.

    >>> errors = ConfidenceSequence.of(points=2).update([0, 1, 0, 0] * 100)
    >>> [round(bound, 3) for bound in errors.interval(0.05)]
    [0.18, 0.331]
    """

    low: float = 0.0
    high: float = 1.0
    weights: tuple[float, ...]

    @classmethod
    def of(cls, low: float = 0.0, high: float = 1.0, *, points: int = 65) -> Self:
        """One that has seen nothing.

        Args:
            low: smallest possible value.
            high: largest possible value.
            points: of the histogram: 2 where values are ``low`` or ``high``, 3 for differences of these.

        Raises:
            ValueError: there is no room between the bounds, or fewer than 2 points.
        """
        if not (math.isfinite(low) and math.isfinite(high) and low < high) or points < 2:
            raise ValueError("a confidence sequence needs finite bounds, low < high, and two points at least")
        return cls(low=low, high=high, weights=(0.0,) * points)

    @property
    def rows(self) -> int:
        """Values seen."""
        return round(sum(self.weights))

    @property
    def mean(self) -> float:
        """Of the values seen; the middle before any."""
        weights = np.array(self.weights)
        rows = weights.sum()
        inner = float(weights @ self._points / rows) if rows else 0.5
        return self.low + inner * (self.high - self.low)

    def update(self, values: npt.ArrayLike) -> Self:
        """The sequence after more values, which may come in any order and any portions.

        Args:
            values: ``(n,)``, in ``[low, high]``; read to a 2^20th of the distance of two points.

        Raises:
            ValueError: a value is outside, or is no number.
        """
        given = np.atleast_1d(np.asarray(values, np.float64))
        if not bool(np.all((given >= self.low) & (given <= self.high))):
            raise ValueError(f"values must be in [{self.low:g}, {self.high:g}]")
        last = len(self.weights) - 1
        place = (given - self.low) / (self.high - self.low) * last
        left = np.minimum(np.floor(place), last - 1).astype(np.int64)
        # whole steps: their sums are exact, hence the same in any order
        right_part = np.round((place - left) * _STEPS)
        lefts = np.bincount(left, _STEPS - right_part, last + 1)
        rights = np.bincount(left + 1, right_part, last + 1)
        return self.add(((lefts + rights) / _STEPS).tolist())

    def add(self, weights: npt.ArrayLike) -> Self:
        """The sequence after values that were counted elsewhere, at the same points.

        Args:
            weights: how many at each point, ``(points,)``.
        """
        total = np.array(self.weights) + np.asarray(weights, np.float64)
        return msgspec.structs.replace(self, weights=tuple(total.tolist()))

    def above(self, mean: float) -> float:
        """Evidence that the mean is more than a value: logarithm of an e-value, at any time.

        >>> better = ConfidenceSequence.of(-1, 1, points=3).update([1] * 12 + [0] * 86 + [-1] * 2)
        >>> round(math.exp(better.above(0.0)))
        5
        """
        return _wealth(np.array(self.weights), self._points, self._inner(mean))

    def below(self, mean: float) -> float:
        """Evidence that the mean is less than a value: logarithm of an e-value, at any time."""
        return _wealth(np.array(self.weights[::-1]), self._points, 1 - self._inner(mean))

    def interval(self, alpha: float = 0.05) -> tuple[float, float]:
        """Bounds of the mean that are right at all times together with probability ``1 - alpha`` at least.

        Args:
            alpha: in (0, 1).
        """
        rich = math.log(2 / alpha)
        weights = np.array(self.weights)
        lower = _least(weights, self._points, rich)
        upper = 1 - _least(weights[::-1], self._points, rich)
        width = self.high - self.low
        return self.low + lower * width, self.low + upper * width

    @property
    def _points(self) -> Floats:
        return np.linspace(0.0, 1.0, len(self.weights))

    def _inner(self, mean: float) -> float:
        return (mean - self.low) / (self.high - self.low)


def difference(
    first: ConfidenceSequence, second: ConfidenceSequence, alpha: float = 0.05
) -> tuple[float, float]:
    """Bounds of ``mean of first - mean of second``, of two groups of other rows, right at all times.

    Each has half of alpha (union bound). Rows that both saw should be paired instead: their differences in
    one sequence from -1 to 1 need far fewer.

    >>> old = ConfidenceSequence.of(points=2).add([800, 200])
    >>> new = ConfidenceSequence.of(points=2).add([900, 100])
    >>> [round(bound, 3) for bound in difference(old, new)]
    [0.016, 0.181]
    """
    first_low, first_high = first.interval(alpha / 2)
    second_low, second_high = second.interval(alpha / 2)
    return first_low - second_high, first_high - second_low


def _wealth(weights: Floats, points: Floats, mean: float) -> float:
    """Logarithm of the capital after betting that values in [0, 1] are more than a mean."""
    if mean >= 1:
        return 0.0
    gain = points / max(mean, _EDGE) - 1
    return mixed(weights @ np.log1p(gain[:, None] * np.array(SHARES)))


def _least(weights: Floats, points: Floats, rich: float) -> float:
    """The largest mean in [0, 1] that is too small to be believed; the capital falls as the mean rises."""
    if _wealth(weights, points, 0.0) < rich:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _wealth(weights, points, middle) >= rich:
            low = middle
        else:
            high = middle
    return low
