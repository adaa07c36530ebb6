"""Scales: numbers to places on a chart, and the round numbers that an axis names (pure)."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


class Scale(NamedTuple):
    """Places numbers between two ends.

    Attributes:
        low: number at the start.
        high: number at the end; larger than ``low``.
        start: place of the lowest number.
        end: place of the highest.
        bend: applied to numbers first, as ``math.sqrt`` to make room for small ones.

    >>> Scale(0, 10, 100, 0)(2.5)
    75.0
    """

    low: float
    high: float
    start: float
    end: float
    bend: Callable[[float], float] = float

    def __call__(self, number: float) -> float:
        """The place of a number; beyond the ends it is that of the end."""
        low, high = self.bend(self.low), self.bend(self.high)
        part = (self.bend(min(max(number, self.low), self.high)) - low) / (high - low)
        return self.start + part * (self.end - self.start)


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers between two, at most so many.

    >>> ticks(0, 87), ticks(0.61, 0.83), ticks(0, 3)
    ([0.0, 20.0, 40.0, 60.0, 80.0], [0.65, 0.7, 0.75, 0.8], [0.0, 1.0, 2.0, 3.0])
    """
    rough = (high - low) / most
    if not rough > 0 or not math.isfinite(rough):
        return [low]
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * unit for factor in _STEPS if factor * unit >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{at * step:.12g}") for at in range(first, last + 1)]


def ends(numbers: Sequence[float], *, zero: bool = False) -> tuple[float, float]:
    """Where an axis begins and ends so that numbers fit with some air.

    >>> ends([3, 9], zero=True), ends([0.8, 0.8])
    ((0.0, 9.72), (0.7, 0.9))
    """
    known = [number for number in numbers if math.isfinite(number)] or [0.0, 1.0]
    low, high = min(known), max(known)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    margin = 0.08 * (high - low)
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-12):  # they are one number, as far as is seen
        margin = abs(high) / 8 or 1.0
    least = 0.0 if zero and low == 0 else low - margin
    return _rounded(least), _rounded(high + margin)


def _rounded(number: float) -> float:
    return float(f"{number:.12g}")
