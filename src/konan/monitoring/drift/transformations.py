"""What a column's cells would hold if it were scaled, or if it held another column's values (pure).

The reference's distribution function is known at the bounds of its cells and taken to be straight between
them. Seen through it, rows that were multiplied by 1000 look as they should, which drifted rows do not.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from konan.monitoring.drift.distributions import Counts, Floats
from konan.monitoring.drift.statistics import total_variation
from konan.monitoring.profiles.cells import NumericCells

FITS = 0.1
"""A total variation up to this, and what noise adds, is a fit."""

ASTRAY = 0.3
"""A column nearer than this to its own reference needs no such explanation."""


class Unit(NamedTuple):
    """A change of unit: ``slope * x + offset``.

    Attributes:
        told: how it is told.
        slope: not 0.
        offset: in the new unit.
    """

    told: str
    slope: float
    offset: float = 0.0


UNITS = (
    Unit("multiplied by 1000", 1000.0),
    Unit("divided by 1000", 1 / 1000),
    Unit("multiplied by 100", 100.0),
    Unit("divided by 100", 1 / 100),
    Unit("multiplied by 10", 10.0),
    Unit("divided by 10", 1 / 10),
    Unit("multiplied by a million", 1e6),
    Unit("divided by a million", 1e-6),
    Unit("multiplied by 60", 60.0),
    Unit("divided by 60", 1 / 60),
    Unit("multiplied by 3600", 3600.0),
    Unit("divided by 3600", 1 / 3600),
    Unit("multiplied by -1", -1.0),
    Unit("turned from degrees Celsius into Fahrenheit", 1.8, 32.0),
    Unit("turned from degrees Fahrenheit into Celsius", 1 / 1.8, -32 / 1.8),
    Unit("turned from degrees Celsius into kelvins", 1.0, 273.15),
    Unit("turned from kelvins into degrees Celsius", 1.0, -273.15),
)
"""Factors between 1/10 and 10 are left out: so much may grow or shrink without anybody's mistake."""


class Source(NamedTuple):
    """A column whose values another one may hold.

    Attributes:
        cells: its cells.
        counts: of the reference, one for each cell.
    """

    cells: NumericCells
    counts: Counts


def expected(cells: NumericCells, source: Source, slope: float = 1.0, offset: float = 0.0) -> Floats:
    """The shares of ``below``, the cells between the bounds, and ``above``, if values came from a source.

    Args:
        cells: of the column.
        source: whose values they are.
        slope: not 0; each value is multiplied by it.
        offset: and this is added.

    Returns:
        (len(cells.labels) - 2,) shares with the sum 1, or zeros where the source has no number.

    >>> cells = NumericCells("features.x", (0.0, 1.0, 2.0))
    >>> own = Source(cells, np.array([0, 0, 0, 50, 50, 0]))
    >>> expected(cells, own).tolist(), expected(cells, own, 10).round(2).tolist()
    ([0.0, 0.5, 0.5, 0.0], [0.0, 0.05, 0.05, 0.9])
    """
    held = source.counts[2:]
    total = held.sum()
    if len(cells.bounds) < 2 or len(source.cells.bounds) < 2 or not total:
        return np.zeros(len(cells.labels) - 2)
    at = _turned(cells.bounds, slope, offset)
    below = np.interp(at, source.cells.bounds, np.cumsum(held)[:-1] / total)
    reached = below if slope > 0 else 1 - below
    return np.diff(np.concatenate([[0.0], reached, [1.0]]))


def astray(current: Counts, shares: Floats) -> float:
    """Total variation of numbers from expected shares, in any unit; 1 where there are none."""
    held = current[2:]
    rows, whole = held.sum(), shares.sum()
    if not rows or not whole:
        return 1.0
    return float(np.abs(held / rows - shares / whole).sum() / 2)


def allowed(current: Counts, reference: Counts) -> float:
    """How far astray a fit may be with so many rows."""
    return FITS + total_variation(reference[2:], current[2:]).floor / 2


def unit_of(own: Source, current: Counts) -> str:
    """The change of unit that explains what a column holds.

    Args:
        own: the column in the reference.
        current: what its cells hold now.

    Returns:
        How it is told, or an empty text if none explains it.

    >>> cells = NumericCells("features.x", (0.0, 1.0, 2.0))
    >>> own = Source(cells, np.array([0, 0, 0, 500, 500, 0]))
    >>> unit_of(own, np.array([0, 0, 0, 1, 0, 999]))
    'multiplied by 1000 (or any factor from 60)'
    """
    movable = _movable(own.cells)
    now = current * movable
    if astray(now, expected(own.cells, own) * movable[2:]) < ASTRAY or len(own.cells.bounds) < 3:
        return ""
    limit = allowed(now, own.counts * movable)
    away = [astray(now, expected(own.cells, own, one.slope, one.offset) * movable[2:]) for one in UNITS]
    best = min(away)
    if best > limit:
        return ""
    alike = [one for one, distance in zip(UNITS, away, strict=True) if distance <= best + FITS / 5]
    first = alike[0]
    factors = sorted((one.slope for one in alike if one.slope > 0 and not one.offset), key=_size)
    others = first.slope in factors and first.slope != factors[0]
    more = f" (or any factor from {_factor(factors[0])})" if others else ""
    return first.told + more


def _movable(cells: NumericCells) -> Counts:
    """1 for each cell, but 0 for that of zero alone: no factor moves it."""
    inner = [0 if low == 0 and _is_single(low, high) else 1 for low, high in pairwise(cells.bounds)]
    return np.array([1, 1, 1, *inner, 1])


def holds(own: Source, other: Source, current: Counts) -> bool:
    """Whether a column holds what another one should hold, and not what it should itself.

    >>> low = Source(NumericCells("features.a", (0.0, 1.0, 2.0)), np.array([0, 0, 0, 500, 500, 0]))
    >>> high = Source(NumericCells("features.b", (50.0, 60.0, 70.0)), np.array([0, 0, 0, 500, 500, 0]))
    >>> holds(low, high, np.array([0, 0, 0, 0, 0, 90])), holds(low, high, np.array([0, 0, 0, 40, 50, 0]))
    (True, False)
    """
    if astray(current, expected(own.cells, own)) < ASTRAY:
        return False
    return astray(current, expected(own.cells, other)) <= allowed(current, own.counts)


def _turned(bounds: tuple[float, ...], slope: float, offset: float) -> Floats:
    """Where bounds were before a change of unit; a single value stays one."""
    found = [(bound - offset) / slope for bound in bounds]
    toward = math.inf if slope > 0 else -math.inf
    for at, (low, high) in enumerate(pairwise(bounds)):
        if _is_single(low, high):
            found[at + 1] = math.nextafter(found[at], toward)
    return np.array(found)


def _is_single(low: float, high: float) -> bool:
    return high == math.nextafter(low, math.inf)


def _size(factor: float) -> float:
    return abs(math.log(factor))


def _factor(factor: float) -> str:
    return f"{factor:g}" if factor >= 1 else f"1/{1 / factor:g}"
