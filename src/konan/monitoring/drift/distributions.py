"""The few laws of probability that significance needs, so that no statistics library is loaded to serve.

Tests compare them with scipy: relative error below 1e-9 down to probabilities of 1e-200.

Sources: incomplete gamma function by its series and continued fraction, DLMF 8.7.3 and 8.9.2
(https://dlmf.nist.gov/8); start of the quantile, Wilson and Hilferty (1931), "The distribution of
chi-square"; Kolmogorov's limit, Smirnov (1948), "Table for estimating the goodness of fit of empirical
distributions"; moments of absolute normal values, Nabeya (1951), "Absolute moments in 2-dimensional normal
distribution".
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

Counts = npt.NDArray[Any]
"""(k,) numbers of rows per cell: whole, or divided by how many correlated rows say as much as one."""

LEAST_P = 1e-300
"""Smaller probabilities are told as this one: below it a float loses digits."""

_NORMAL = NormalDist()
_TINY = 1e-300
_MOST_STEPS = 100_000
_LAGS_TO_TRUST = 8
_STILL_LARGE = 0.05
_SLOWEST = 0.999


def chi2_survival(value: float, freedom: float) -> float:
    """Chance that a chi-square value is at least so large.

    Args:
        value: at least 0.
        freedom: degrees of freedom, above 0; need not be whole. With 0 the value is always 0.

    >>> round(chi2_survival(3.841, 1), 4), round(chi2_survival(27.877, 9), 5)
    (0.05, 0.001)
    """
    if value <= 0 or freedom <= 0:
        return 1.0
    return _gamma_survival(freedom / 2, value / 2)


@lru_cache(maxsize=4096)
def chi2_quantile(chance: float, freedom: float) -> float:
    """The chi-square value that is reached with a chance.

    Args:
        chance: in (0, 1).
        freedom: degrees of freedom; need not be whole. With 0 the answer is 0.

    >>> round(chi2_quantile(0.05, 1), 4), round(chi2_quantile(0.001, 9), 3)
    (3.8415, 27.877)
    """
    if freedom <= 0:
        return 0.0
    part = 2 / (9 * freedom)
    value = freedom * max(0.05, 1 - part + _NORMAL.inv_cdf(1 - chance) * math.sqrt(part)) ** 3
    for _ in range(50):
        reached = chi2_survival(value, freedom)
        # Newton's steps on the logarithm, which is concave: they cannot run away
        density = math.exp(_log_density(freedom / 2, value / 2)) / 2
        step = math.log(reached / chance) * reached / density
        value = max(value + step, value / 10)
        if abs(step) <= 1e-12 * value:
            break
    return value


def kolmogorov_survival(value: float) -> float:
    """Chance that Kolmogorov's limit law reaches a value.

    Args:
        value: largest distance of two distribution functions times ``sqrt(n * m / (n + m))``.

    >>> round(kolmogorov_survival(1.3581), 4)
    0.05
    """
    if value < 0.2:  # there the chance differs from 1 by less than 1e-12, and the series is slow
        return 1.0
    terms = ((-1) ** (k - 1) * math.exp(-2 * k * k * value * value) for k in range(1, 40))
    return min(1.0, max(0.0, 2 * math.fsum(terms)))


KOLMOGOROV_MEAN_SQUARE = math.pi**2 / 12
"""Mean of the square of Kolmogorov's law."""


def kolmogorov_quantile(chance: float) -> float:
    """The value that Kolmogorov's law reaches with a chance of at most 0.05.

    >>> round(kolmogorov_quantile(0.05), 3), round(kolmogorov_quantile(0.001), 3)
    (1.358, 1.949)
    """
    return math.sqrt(-math.log(chance / 2) / 2)


def two_sided(z: float) -> float:
    """Chance that a standard normal value is at least so far from 0.

    >>> round(two_sided(1.96), 3)
    0.05
    """
    return math.erfc(abs(z) / math.sqrt(2))


class Spread(NamedTuple):
    """The law of a sum of absolute values of correlated normal ones, as a multiple of a chi value.

    One such value is exactly a chi value with one degree of freedom. For a sum, the degrees of freedom and
    the factor are those that give the true mean and variance (as Welch and Satterthwaite do for squares). Far
    out, values that move together reach further; there the sum without absolute values, which is
    normal, tells the least chance.

    Attributes:
        freedom: degrees of freedom, at least 1.
        scale: factor, in the unit of the sum.
        plain: standard deviation of the sum without absolute values.
    """

    freedom: float
    scale: float
    plain: float

    @property
    def mean_square(self) -> float:
        """Mean of the square of the sum."""
        return self.freedom * self.scale**2

    def survival(self, value: float) -> float:
        """Chance that the sum is at least so large."""
        if not self.scale:
            return 1.0
        plain = two_sided(value / self.plain) if self.plain else 0.0
        return max(plain, chi2_survival((value / self.scale) ** 2, self.freedom))

    def quantile(self, chance: float) -> float:
        """The sum that is reached with a chance."""
        plain = self.plain * _NORMAL.inv_cdf(1 - chance / 2)
        return max(plain, self.scale * math.sqrt(chi2_quantile(chance, self.freedom)))


def absolute_sum(weights: Floats, covariance: Floats) -> Spread:
    """The law of ``sum(weights * abs(z))`` for normal values ``z`` with mean 0.

    Args:
        weights: (k,), not negative.
        covariance: (k, k), of the values.

    One standard normal value has the mean square 1, two independent ones ``2 + 4 / pi``:

    >>> one = absolute_sum(np.ones(1), np.eye(1))
    >>> round(one.freedom, 6), round(one.mean_square, 6)
    (1.0, 1.0)
    >>> round(absolute_sum(np.ones(2), np.eye(2)).mean_square, 4)
    3.2732
    """
    spread = np.sqrt(np.maximum(covariance.diagonal(), 0.0))
    size = weights * spread
    if not size.any():
        return Spread(1.0, 0.0, 0.0)
    unit = np.where(spread > 0, spread, 1.0)
    rho = np.minimum(np.maximum(covariance / (unit[:, None] * unit), -1.0), 1.0)
    joint = np.sqrt(1 - rho**2) + rho * np.arcsin(rho)
    mean = math.sqrt(2 / math.pi) * float(size.sum())
    square = 2 / math.pi * float(size @ joint @ size)
    plain = math.sqrt(max(0.0, float(size @ rho @ size)))
    return Spread(*_with_moments(mean, square - mean**2), plain)


def rows_as_one(correlations: Sequence[float]) -> float:
    """How many rows that follow each other say as much as one independent row.

    Args:
        correlations: of a series with itself at the lags from 1; summed up to the first that is not positive.

    Sources: Bayley and Hammersley (1946), "The effective number of independent observations in an
    autocorrelated time series"; where to stop, Geyer (1992), "Practical Markov chain Monte Carlo".

    Where the last lag known is still large, what follows is taken to fade as what is known did.

    >>> rows_as_one(()), round(rows_as_one((0.5, 0.25, 0.125, -0.1, 0.3)), 2)
    (1.0, 2.75)
    >>> round(rows_as_one(tuple(0.99**lag for lag in range(1, 65))))  # (1 + 0.99) / (1 - 0.99)
    199
    """
    known = positive(correlations)
    total = float(known.sum())
    if len(known) >= _LAGS_TO_TRUST and known[-1] > _STILL_LARGE:
        fading = min(float(known[-1] / known[0]) ** (1 / (len(known) - 1)), _SLOWEST)
        total += float(known[-1]) * fading / (1 - fading)
    return 1 + 2 * total


def positive(correlations: Sequence[float]) -> Floats:
    """Autocorrelations before the first that is not positive, and zeros.

    >>> positive((0.5, -0.1, 0.2)).tolist()
    [0.5, 0.0, 0.0]
    """
    given = np.asarray(correlations, np.float64)
    return np.where(np.cumprod(given > 0), given, 0.0)


def _gamma_survival(shape: float, x: float) -> float:
    """Upper share of the gamma law, by the form that converges fast where ``x`` is."""
    factor = _log_density(shape, x)
    if x < shape + 1:
        return 1.0 - math.exp(factor) * x * _series(shape, x)
    logarithm = factor + math.log(x) + math.log(_fraction(shape, x))
    return math.exp(logarithm) if logarithm > math.log(LEAST_P) else 0.0


def _series(shape: float, x: float) -> float:
    term = total = 1 / shape
    for k in range(1, _MOST_STEPS):
        term *= x / (shape + k)
        total += term
        if term < total * 1e-17:
            break
    return total


def _fraction(shape: float, x: float) -> float:
    """Lentz's continued fraction."""
    b = x + 1 - shape
    c = 1 / _TINY
    d = 1 / b
    found = d
    for k in range(1, _MOST_STEPS):
        a = -k * (k - shape)
        b += 2
        d = a * d + b
        d = 1 / (d if abs(d) > _TINY else _TINY)
        c = b + a / c
        c = c if abs(c) > _TINY else _TINY
        found *= d * c
        if abs(d * c - 1) < 1e-16:
            break
    return found


def _log_density(shape: float, x: float) -> float:
    return (shape - 1) * math.log(x) - x - math.lgamma(shape)


def _with_moments(mean: float, variance: float) -> tuple[float, float]:
    """Degrees of freedom and factor of the multiple of a chi value with a mean and a variance."""
    ratio = variance / mean**2
    low, high = 0.0, max(0.0, math.log(1 / ratio)) + 1.0  # logarithms of the degrees of freedom
    for _ in range(36):
        middle = (low + high) / 2
        low, high = (middle, high) if _chi_ratio(math.exp(middle)) > ratio else (low, middle)
    freedom = math.exp(low)
    return freedom, math.sqrt((variance + mean**2) / freedom)


def _chi_ratio(freedom: float) -> float:
    """Variance over squared mean of a chi value."""
    if freedom > 1e6:
        return 1 / (2 * freedom)
    mean = math.sqrt(2) * math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2))
    return freedom / mean**2 - 1
