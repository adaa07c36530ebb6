"""Evidence: what a bettor would have won against "all is as it was", so that one may look at any time (pure).

An e-value is a payoff that is at most 1 on average while nothing is wrong; large ones speak against that, and
Ville's inequality (1939) bounds the chance that a running product of them *ever* reaches a height. All
numbers here are natural logarithms of e-values: products of millions of bets neither overflow nor vanish.

The bet on a value x in [0, 1] whose mean should be at most m pays ``1 + b (x / m - 1)``, with the share b
of the capital fixed beforehand in (0, 1): at most 1 on average for every distribution with such a mean, and
never below ``1 - b`` (Waudby-Smith & Ramdas, "Estimating means of bounded random variables by betting",
JRSS B 2024). Nobody knows the best b, so the capital is spread over several; the average of
e-values is one.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]

BETS = tuple(round(0.9 * 0.52**step, 6) for step in range(10))
"""Shares of the capital: bold ones see large changes at once, timid ones small changes."""

_SMALLEST_P = 1e-300
_SMALLEST_MEAN = 1e-12


def log_factors(values: npt.ArrayLike, limit: float, bets: Sequence[float] = BETS) -> Floats:
    """What each bet pays on each value, as logarithms.

    Args:
        values: ``(n,)``, in [0, 1].
        limit: the mean that is still all right, in (0, 1].
        bets: shares of the capital, ``(k,)``, in (0, 1).

    Returns:
        ``(n, k)``.

    Raises:
        ValueError: a value is outside [0, 1], or is no number.

    >>> log_factors([0.0, 1.0], 0.5, (0.5,)).round(4).tolist()
    [[-0.6931], [0.4055]]
    """
    given = np.atleast_1d(np.asarray(values, np.float64))
    if not bool(np.all((given >= 0) & (given <= 1))):
        raise ValueError("bets are on values in [0, 1]")
    gain = given / max(limit, _SMALLEST_MEAN) - 1
    paid: Floats = np.log1p(gain[:, None] * np.asarray(bets, np.float64))
    return paid


def log_wealth(
    counts: npt.ArrayLike, payoffs: npt.ArrayLike, limit: float, bets: Sequence[float] = BETS
) -> Floats:
    """Capital after betting on every row of a histogram, as logarithms, ``(k,)``.

    The order of rows does not matter to a product, so counts are enough, and the answer is exact.

    Args:
        counts: rows in each cell, ``(c,)``.
        payoffs: the value in [0, 1] that a row of each cell stands for, ``(c,)``.
        limit: the mean that is still all right.
        bets: shares of the capital.

    >>> round(mixed(log_wealth([80, 20], [0, 1], 0.1)), 3)  # twice as many errors as allowed
    2.727
    """
    wealth: Floats = np.asarray(counts, np.float64) @ log_factors(payoffs, limit, bets)
    return wealth


def mixed(logs: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    """The average of e-values (or of anything positive), from and to logarithms; it is an e-value again.

    It holds however the e-values depend on each other (Vovk & Wang, "E-values: calibration, combination and
    applications", Annals of Statistics 2021), so one verdict about many columns is their average.

    Args:
        logs: logarithms, not empty; minus infinity is allowed.
        weights: fixed before the data were seen, in any unit; equal ones unless given.

    >>> mixed([0.0, 1000.0]) == 1000 - math.log(2)
    True
    """
    given = np.asarray(logs, np.float64)
    shares = np.ones(given.shape) if weights is None else np.asarray(weights, np.float64)
    top = float(given.max())
    if math.isinf(top):
        return top
    return top + math.log(float(shares @ np.exp(given - top)) / float(shares.sum()))


def e_bh(logs: Sequence[float], alpha: float) -> tuple[int, ...]:
    """Which hypotheses to reject so that at most a share alpha of them is wrong on average: e-BH.

    The k largest e-values are rejected for the largest k where the k-th is at least ``n / (alpha k)``. It
    holds under any dependence, at one common time. Largest values of the past must not be put in.

    Source: Wang & Ramdas, "False discovery rate control with e-values", JRSS B 2022 (the base e-BH
        procedure).

    Args:
        logs: logarithm of each e-value, ``(n,)``.
        alpha: share of wrong ones among the rejected that is allowed on average, in (0, 1).

    Returns:
        Positions of the rejected, the strongest first.

    >>> e_bh([math.log(50), 0.0, math.log(200), math.log(2)], 0.05)
    (2, 0)
    """
    order = sorted(range(len(logs)), key=lambda index: -logs[index])
    last = 0
    for k, index in enumerate(order, 1):
        if logs[index] >= math.log(len(logs) / (alpha * k)):
            last = k
    return tuple(order[:last])


def calibrated(p_value: float) -> float:
    """The e-value that a p-value of one fixed window is worth, as a logarithm.

    The mixture over k of the calibrators ``k p^(k - 1)``: ``(1 - p + p ln p) / (p (ln p)^2)``.

    Source: Vovk & Wang (2021).

    >>> [round(math.exp(calibrated(p)), 2) for p in (1.0, 0.05, 0.001)]
    [0.5, 1.78, 20.79]
    """
    p = min(max(p_value, _SMALLEST_P), 1.0)
    low = -math.log(p)
    if low < 1e-4:
        return math.log(0.5 + low / 6)
    return math.log1p(-p - p * low) + low - 2 * math.log(low)


def upper_limit(mean: npt.ArrayLike, rows: npt.ArrayLike, chance: float) -> Floats:
    """What the true mean does not exceed, as far as a finite reference can tell.

    Inverts Hoeffding's bound ``P(mean of n values <= a) <= exp(-n kl(a, m))`` for values in [0, 1] (Hoeffding
    1963). It holds for any number of rows, also where nothing was seen; for shares `share_limit`
    is sharper.

    Args:
        mean: seen in the reference, in [0, 1], any shape.
        rows: of the reference; one number, or one for each mean.
        chance: that the limit is wrong, in (0, 1).

    Returns:
        Limits of the same shape, in (0, 1].

    >>> upper_limit([0.0, 0.1, 0.5], 1000, 0.005).round(4).tolist()
    [0.0053, 0.1337, 0.5513]
    """
    return _within(np.asarray(mean, np.float64), -math.log(chance) / _at_least_one(rows))


def share_limit(share: npt.ArrayLike, rows: npt.ArrayLike, chance: float) -> Floats:
    """What the true share of rows does not exceed, as far as a finite reference can tell.

    As `upper_limit`, for values that are 0 or 1, where a sharper bound is known too: ``P(count <= k)`` is at
    most the normal distribution at ``-sqrt(2 n kl((k + 1) / n, m))`` (Zubkov & Serov, "A complete proof of
    universal inequalities for the distribution function of the binomial law", Theory of Probability and Its
    Applications 2013). The lower of both limits is taken; it is near Clopper-Pearson's. It holds also for the
    mass between two quantiles of the same reference: that k rows lie there has a beta distribution, which is
    a binomial tail again (David & Nagaraja, *Order Statistics*).

    Args:
        share: seen in the reference, in [0, 1], any shape.
        rows: of the reference; one number, or one for each share.
        chance: that the limit is wrong, in (0, 1).

    >>> share_limit([0.0, 0.1, 0.5], 1000, 0.005).round(4).tolist()  # Clopper-Pearson: 0.0053, 0.1271, 0.5413
    [0.0053, 0.1273, 0.5417]
    """
    seen = np.asarray(share, np.float64)
    plain = upper_limit(seen, rows, chance)
    one_more = seen + 1 / _at_least_one(rows)
    bend = NormalDist().inv_cdf(chance)
    sharp = _within(one_more, bend * bend / 2 / _at_least_one(rows)) if bend < 0 else plain
    return np.where(one_more < 1 - 1e-12, np.minimum(plain, sharp), plain)


def _at_least_one(rows: npt.ArrayLike) -> Floats:
    return np.maximum(np.asarray(rows, np.float64), 1.0)


def _within(mean: Floats, allowed: Floats) -> Floats:
    """The largest mean at most so far from another, in nats."""
    seen = np.clip(mean, 0, 1)
    low, high = seen.copy(), np.ones(seen.shape)
    for _ in range(50):
        middle = (low + high) / 2
        inside = _relative_entropy(seen, middle) <= allowed
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    return high


def _relative_entropy(seen: Floats, other: Floats) -> Floats:
    """Of two coins, in nats; ``0 log 0`` is 0."""
    heads = np.where(seen > 0, seen * np.log(np.where(seen > 0, seen, 1) / np.maximum(other, 1e-300)), 0)
    rest = 1 - seen
    tails = np.where(rest > 0, rest * np.log(np.where(rest > 0, rest, 1) / np.maximum(1 - other, 1e-300)), 0)
    total: Floats = heads + tails
    return total
