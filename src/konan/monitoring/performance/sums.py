"""Sums of floating-point numbers that are exact, whatever their size and order (pure).

A float is a whole number of 53 bits times a power of two. It is cut into pieces of 28 bits that are added as
whole numbers, each at the place of its power: no sum rounds, so any order and any portions give the same
(R. M. Neal, "Fast exact summation using small and large superaccumulators", 2015, has the idea). Products are
kept as the rounded product and what rounding lost (T. J. Dekker, "A floating-point technique for extending
the available precision", 1971).
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from konan.monitoring.profiles.sparse import Ints, Sparse

Floats = npt.NDArray[np.float64]

BITS = 28
PLACES = 79
"""Places of a sum: all powers of two that a float can have."""

SCALE = 1126
"""A sum counts units of ``2 ** -SCALE``."""

LARGEST = 2.0**250
"""Fourth powers of numbers up to this can be summed."""

_MASK = (1 << BITS) - 1
_HALF = 26
_SPLIT = 134_217_729.0


def pieces(values: Floats) -> Iterator[tuple[Ints, Ints]]:
    """Where numbers belong in a sum, and what is added there; four pieces of each.

    Args:
        values: finite, ``(n,)``.

    Yields:
        Places in ``[0, PLACES)`` and whole numbers below ``2 ** BITS`` in size, ``(n,) int64`` each.
    """
    mantissa, exponent = np.frexp(values)
    whole = (np.abs(mantissa) * 2.0**53).astype(np.int64)
    sign = np.sign(values).astype(np.int64)
    power = exponent.astype(np.int64) - 53 + SCALE
    for part, above in ((whole & ((1 << _HALF) - 1), 0), (whole >> _HALF, _HALF)):
        place, shift = np.divmod(power + above, BITS)
        moved = part << shift
        yield place, sign * (moved & _MASK)
        yield place + 1, sign * (moved >> BITS)


def total(places: Sparse) -> int:
    """The sum that numbers at its places make, in units of ``2 ** -SCALE``.

    >>> from konan.monitoring.profiles.sparse import gathered
    >>> at, numbers = zip(*pieces(np.array([0.1, 1e300, 0.2, -1e300])))
    >>> total(gathered(np.concatenate(at), np.concatenate(numbers))) / 2**SCALE
    0.30000000000000004
    """
    pairs = zip(places.at.tolist(), places.values.tolist(), strict=True)
    return sum(number << (BITS * at) for at, number in pairs)


def product(left: Floats, right: Floats) -> tuple[Floats, Floats]:
    """A product, rounded, and exactly what rounding lost, if neither over- nor underflows."""
    found = left * right
    (a, b), (c, d) = _split(left), _split(right)
    return found, ((a * c - found) + a * d + b * c) + b * d


def _split(values: Floats) -> tuple[Floats, Floats]:
    scaled = _SPLIT * values
    high = scaled - (scaled - values)
    return high, values - high
