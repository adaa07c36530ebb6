"""Ways to bet against a reference that is only a sample; `konan.monitoring.evidence.shifts` is the one kept.

Every way turns windows of counts into the path of a detector. Those that bet on shares differ only in the
limit that each share is given. The others bet with a whole alternative distribution q against the nearest
one in a ball of relative entropy around the reference, ``(1 - w) p + w q`` (the reverse information
projection of Grünwald, de Heide & Koolen, "Safe testing"; the ball has the radius of Agrawal,
"Finite-sample concentration of the multinomial in relative entropy", 2020).
"""

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from konan.monitoring.evidence.bets import Floats, share_limit
from konan.monitoring.evidence.detectors import averaged, path
from konan.monitoring.evidence.shifts import CHANCE, SHARES, Shifts, _bets

Walk: TypeAlias = Callable[[Floats], Floats]
"""From windows ``(looks, cells)`` to ``log(1 + M)`` after each, ``(looks,)``."""

LABELS = ("missing", "invalid", "below", *(f"cell {index}" for index in range(16)), "above")
ORDER = tuple(range(2, len(LABELS)))


def kept(reference: Floats, tolerance: float = 0.0) -> Walk:
    """What is built in."""
    shifts = Shifts(reference, LABELS, order=ORDER, tolerance=tolerance)
    start = shifts.begin().masses
    return lambda windows: averaged(path(start, shifts.factors(windows)))


def with_tolerance(reference: Floats) -> Walk:
    """What is built in, with its tolerance."""
    return kept(reference, 0.05)


def as_if_exact(reference: Floats) -> Walk:
    """The reference's shares taken for the truth."""
    return _by_limits(reference, lambda seen, _rows, _names: seen)


def standard_errors(reference: Floats) -> Walk:
    """2.58 standard errors on each share."""
    return _by_limits(reference, lambda seen, rows, _: seen + 2.58 * np.sqrt(seen * (1 - seen) / rows))


def one_band(reference: Floats) -> Walk:
    """The band of Dvoretzky, Kiefer, Wolfowitz and Massart around the distribution, twice for a cell."""

    def limits(seen: Floats, rows: float, names: list[str]) -> Floats:
        band = math.sqrt(math.log(2 / CHANCE) / (2 * rows))
        ends = np.array([1.0 if name.startswith(("more up to", "more above")) else 2.0 for name in names])
        return seen + band * ends

    return _by_limits(reference, limits)


def each_alone(reference: Floats) -> Walk:
    """A limit for each share that holds alone, not for all together."""
    return _by_limits(reference, lambda seen, rows, _: share_limit(seen, rows, 0.005))


def learned(reference: Floats) -> Walk:
    """An alternative learned from the windows before, against the nearest distribution in the ball."""
    rows, cells = float(reference.sum()), len(reference)
    center = (reference + 0.5) / (rows + 0.5 * cells)
    radius = _radius(rows, cells)

    def walk(windows: Floats) -> Floats:
        mass, seen, found = 0.0, 50 * center, []
        for counts in windows:
            alternative = seen / seen.sum()
            share = _projection(center, alternative, radius)
            if share < 1:  # otherwise there is nothing to bet on, and nothing begins
                nearest = (1 - share) * center + share * alternative
                mass = float(np.logaddexp(0, mass + counts @ np.log(alternative / nearest)))
            found.append(mass)
            seen = 50 * center + 0.93 * (seen - 50 * center) + counts
        return np.array(found)

    return walk


def universal(reference: Floats) -> Walk:
    """A mixture of alternatives around the reference, against the likeliest distribution in the ball."""
    rows, cells = float(reference.sum()), len(reference)
    center = (reference + 0.5) / (rows + 0.5 * cells)
    radius = _radius(rows, cells)

    def walk(windows: Floats) -> Floats:
        factors = []
        for counts in windows:
            share = _projection(center, counts / counts.sum(), radius)
            nearest = (1 - share) * center + share * counts / counts.sum()
            best = float(counts @ np.log(np.where(counts > 0, nearest, 1.0)))
            factors.append([_dirichlet(counts, size * center) - best for size in (20.0, 200.0, 2000.0)])
        return averaged(path((0.0,) * 3, np.array(factors)))

    return walk


WAYS: dict[str, Callable[[Floats], Walk]] = {
    "shares taken as exact": as_if_exact,
    "2.58 standard errors": standard_errors,
    "a limit for each alone": each_alone,
    "limits that hold together (kept)": kept,
    "the same with tolerance 0.05": with_tolerance,
    "one band (DKW)": one_band,
    "ball, learned alternative": learned,
    "ball, mixture of alternatives": universal,
}


def _by_limits(reference: Floats, limit: Callable[[Floats, float, list[str]], Floats]) -> Walk:
    rows = float(reference.sum())
    names, payoffs = _bets(reference / rows, LABELS, ORDER)
    limits = np.clip(limit(payoffs @ (reference / rows), rows, names), 1 / rows, 1.0)
    gain = payoffs / limits[:, None] - 1
    factors = np.log1p(gain[:, None, :] * np.array(SHARES)[:, None]).reshape(-1, len(reference))
    return lambda windows: averaged(path((0.0,) * len(factors), windows @ factors.T))


def _radius(rows: float, cells: int) -> float:
    """Relative entropy of a sample to its source that is exceeded with probability `CHANCE` at most."""
    low = (cells - 1) / rows
    high = 100 * low + 100 / rows
    for _ in range(60):
        middle = (low + high) / 2
        logarithm = -rows * middle + (cells - 1) * math.log(math.e * middle * rows / (cells - 1))
        low, high = (middle, high) if logarithm > math.log(CHANCE) else (low, middle)
    return high


def _projection(center: Floats, alternative: Floats, radius: float) -> float:
    """The share w of the alternative in the distribution of the ball that is nearest to it; 1 when inside."""

    def apart(share: float) -> float:
        return float(center @ np.log(center / np.maximum((1 - share) * center + share * alternative, 1e-300)))

    if apart(1.0) <= radius:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if apart(middle) <= radius else (low, middle)
    return low


def _dirichlet(counts: Floats, prior: Floats) -> float:
    """Logarithm of the chance of rows in an order under a Dirichlet mixture."""
    total = math.lgamma(prior.sum()) - math.lgamma(prior.sum() + counts.sum())
    pairs = zip(counts, prior, strict=True)
    return total + sum(math.lgamma(a + n) - math.lgamma(a) for n, a in pairs if n)
