"""Distances and tests between two samples that were counted into the same cells (pure).

Every one is told as a `Measure`: the plain value, which libraries show; its significance, which uses the
sizes of both samples; the effect, which is the value less what noise adds; and the floor, up to which noise
alone reaches. Without the last two a small window looks drifted and a large one never does.

Cells that are empty in both samples are left out. Significance is taken after cells have been merged until
each is expected to hold a few rows in the smaller sample; which cells are merged depends only on the sum of
both samples, so that the test stays valid. The floors of Jensen-Shannon and Hellinger hold where cells
expect 5 rows and more; with fewer these two are noisier than their law. Cohen's w is taken beside the shares
of both samples together, so it depends on how many rows each has. An effect never tells significance: an
alarm needs both.

Sources: two-sample chi-square and G, Cochran (1954), "Some methods for strengthening the common chi-square
tests"; the law of divergences, Salicru, Morales, Menendez and Pardo (1994), "On the applications
of divergence type measures in testing statistical hypotheses": a divergence whose second derivative
at 1 is ``2 c`` has the law ``c (1/n + 1/m) chi2(B - 1)`` where nothing changed (PSI: Yurdakul 2018,
"Statistical properties of population stability index"); Kolmogorov and Smirnov's test in the form of
Hodges (1958), conservative on cells, Noether (1963), "Note on the Kolmogorov statistic in the discrete case";
effect size of chi-square, Cohen (1988), "Statistical power analysis", less its noise as in
Bergsma (2013), "A bias-correction for Cramer's V and Tschuprow's T".
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from konan.monitoring.drift.distributions import (
    KOLMOGOROV_MEAN_SQUARE,
    Counts,
    Floats,
    Spread,
    absolute_sum,
    chi2_quantile,
    chi2_survival,
    kolmogorov_quantile,
    kolmogorov_survival,
)

NOISE = 0.001
"""Noise alone is above a floor in this share of windows."""

ENOUGH = 5.0
"""Rows that each cell of a test is expected to hold in the smaller sample."""

_LOG2 = math.log(2)


class Measure(NamedTuple):
    """One statistic of two samples.

    Attributes:
        name: as ``psi``.
        value: as it is usually computed.
        p_value: chance of so large a value where nothing changed; None if there is nothing to test.
        effect: the value less what noise adds to it, at least 0; for ``chi2`` and ``g`` Cohen's w.
        floor: the value that noise alone reaches in one of a thousand windows with so many rows.
    """

    name: str
    value: float
    p_value: float | None
    effect: float
    floor: float


def chi2(reference: Counts, current: Counts, *, ordered: bool = True, least: float = 1.0) -> Measure:
    """Pearson's two-sample chi-square; its effect is Cohen's w.

    Args:
        reference: (k,) rows per cell.
        current: (k,) rows per cell.
        ordered: whether small cells are merged with their neighbours, else with each other.
        least: rows that each cell must be expected to hold in the smaller sample.

    >>> found = chi2(np.array([500, 300, 200]), np.array([440, 310, 250]))
    >>> round(found.value, 3), round(found.p_value, 4), round(found.effect, 3)
    (9.549, 0.0084, 0.123)
    """
    one, two = merged(reference, current, least, ordered=ordered)
    n, m = one.sum(), two.sum()
    if len(one) < 2 or not n or not m:
        return _nothing("chi2")
    value = float(((math.sqrt(m / n) * one - math.sqrt(n / m) * two) ** 2 / (one + two)).sum())
    return _tested("chi2", value, len(one) - 1, 1 / n + 1 / m)


def g(reference: Counts, current: Counts, *, ordered: bool = True, least: float = ENOUGH) -> Measure:
    """The two-sample likelihood ratio G; its effect is Cohen's w.

    It alarms too often where cells expect fewer than 5 rows (9 % instead of 5 % with 30 rows in 10 cells),
    hence they are merged.

    >>> found = g(np.array([500, 300, 200]), np.array([440, 310, 250]))
    >>> round(found.value, 3), round(found.p_value, 4)
    (9.563, 0.0084)
    """
    one, two = merged(reference, current, least, ordered=ordered)
    n, m = one.sum(), two.sum()
    if len(one) < 2 or not n or not m:
        return _nothing("g")
    expected = (one + two) / (n + m)
    value = 2 * max(0.0, _times_log(one, one / (n * expected)) + _times_log(two, two / (m * expected)))
    return _tested("g", value, len(one) - 1, 1 / n + 1 / m)


def psi(reference: Counts, current: Counts, *, ordered: bool = True) -> Measure:
    """The population stability index, with half a row added to each cell.

    >>> found = psi(np.full(10, 1000), np.array([80, 90, 95, 100, 100, 100, 105, 105, 110, 115]))
    >>> round(found.value, 4), round(found.effect, 4), round(found.floor, 4)
    (0.0092, 0.0, 0.0307)
    """
    return _divergence("psi", _psi, 1.0, (reference, current), ordered=ordered)


def psi_corrected(reference: Counts, current: Counts) -> float:
    """The population stability index less the mean of its noise; on average right, hence also below 0.

    >>> round(psi_corrected(np.full(10, 1000), np.full(10, 100)), 4)
    -0.0099
    """
    one, two = _filled(reference, current)
    return _psi(one, two) - _noise(one, two) * (len(one) - 1)


def jensen_shannon(reference: Counts, current: Counts, *, ordered: bool = True) -> Measure:
    """The Jensen-Shannon distance: the root of the divergence in bits, in [0, 1].

    >>> found = jensen_shannon(np.array([500, 300, 200]), np.array([440, 310, 250]))
    >>> round(found.value, 4), round(found.p_value, 4), round(found.effect, 4)
    (0.0587, 0.0084, 0.0522)
    """
    both = (reference, current)
    return _root(_divergence("jensen_shannon", _jensen_shannon, 1 / (8 * _LOG2), both, ordered=ordered))


def hellinger(reference: Counts, current: Counts, *, ordered: bool = True) -> Measure:
    """The Hellinger distance, in [0, 1].

    >>> found = hellinger(np.array([500, 300, 200]), np.array([440, 310, 250]))
    >>> round(found.value, 4), round(found.p_value, 4), round(found.effect, 4)
    (0.0489, 0.0084, 0.0435)
    """
    return _root(_divergence("hellinger", _hellinger, 1 / 8, (reference, current), ordered=ordered))


def total_variation(reference: Counts, current: Counts) -> Measure:
    """Total variation: the share of rows that would have to move, in [0, 1].

    >>> found = total_variation(np.array([500, 300, 200]), np.array([440, 310, 250]))
    >>> round(found.value, 2), round(found.p_value, 3), round(found.effect, 4)
    (0.06, 0.01, 0.0532)
    """
    one, two = _filled(reference, current)
    if len(one) < 2 or not one.sum() or not two.sum():
        return _nothing("total_variation")
    value = float(np.abs(one / one.sum() - two / two.sum()).sum() / 2)
    pooled = (one + two) / (one.sum() + two.sum())
    covariance = _noise(one, two) * (np.diag(pooled) - np.outer(pooled, pooled))
    return _spread("total_variation", value, absolute_sum(np.full(len(one), 0.5), covariance))


def ks(reference: Counts, current: Counts) -> Measure:
    """Kolmogorov and Smirnov's largest distance of two distribution functions, taken at the cells' edges.

    It is at most the distance of the values themselves, from which it differs by at most the largest cell;
    the p-value is on the safe side for the same reason.

    Args:
        reference: (k,) rows per cell, in the order of the cells.
        current: likewise.

    >>> found = ks(np.array([500, 300, 200]), np.array([440, 310, 250]))
    >>> round(found.value, 3), round(found.p_value, 3), round(found.effect, 3), round(found.floor, 3)
    (0.06, 0.055, 0.044, 0.087)
    """
    n, m = float(reference.sum()), float(current.sum())
    if not n or not m:
        return _nothing("ks")
    value = float(np.abs(np.cumsum(reference / n - current / m)).max())
    noise = 1 / n + 1 / m
    effect = math.sqrt(max(0.0, value**2 - KOLMOGOROV_MEAN_SQUARE * noise))
    p_value = kolmogorov_survival(value / math.sqrt(noise))
    return Measure("ks", value, p_value, effect, kolmogorov_quantile(NOISE) * math.sqrt(noise))


def wasserstein(reference: Counts, current: Counts, positions: Floats | None = None) -> Measure:
    """Wasserstein's distance: how far a row moves on average.

    Args:
        reference: (k,) rows per cell, in the order of the cells.
        current: likewise.
        positions: (k,) where the rows of each cell are taken to be, increasing, in the unit of the answer.
            Left out, it is the share of reference rows below, so that one wild value weighs little: then
            the answer is in quantiles of the reference, in [0, 1].

    All rows half a quantile up:

    >>> found = wasserstein(np.array([100, 100, 0]), np.array([0, 100, 100]))
    >>> round(found.value, 3), found.name
    (0.375, 'wasserstein')
    """
    n, m = float(reference.sum()), float(current.sum())
    if not n or not m or len(reference) < 2:
        return _nothing("wasserstein")
    if positions is None:
        positions = (np.cumsum(reference) - reference / 2) / n
    gaps = np.diff(positions)
    value = float(np.abs(np.cumsum(reference / n - current / m)[:-1]) @ gaps)
    below = np.cumsum(reference + current)[:-1] / (n + m)
    bridge = np.minimum.outer(below, below) - np.outer(below, below)
    return _spread("wasserstein", value, absolute_sum(gaps, (1 / n + 1 / m) * bridge))


def merged(reference: Counts, current: Counts, least: float, *, ordered: bool) -> tuple[Counts, Counts]:
    """Both samples in so few cells that each is expected to hold enough rows in the smaller sample.

    Args:
        reference: (k,) rows per cell.
        current: likewise.
        least: rows that are enough.
        ordered: whether a small cell is merged with its neighbours; else the smallest are merged.

    >>> one, two = merged(np.array([2, 40, 40, 3]), np.array([1, 20, 18, 1]), 5, ordered=True)
    >>> one.tolist(), two.tolist()
    ([42, 43], [21, 19])
    """
    one, two = _filled(reference, current)
    both = one + two
    if not len(both):
        return one, two
    expected = both * (min(one.sum(), two.sum()) / both.sum())
    if float(expected.min()) >= least:
        return one, two
    order = np.arange(len(both)) if ordered else np.argsort(expected, kind="stable")
    starts, held = [0], 0.0
    for at, rows in enumerate(expected[order].tolist()):
        if held >= least:
            starts.append(at)
            held = 0.0
        held += rows
    if held < least and len(starts) > 1:
        starts.pop()
    return np.add.reduceat(one[order], starts), np.add.reduceat(two[order], starts)


def noise_floor(cells: int, reference: float, current: float) -> float:
    """The PSI that noise alone reaches in one of a thousand windows.

    Args:
        cells: that hold rows.
        reference: rows of the reference.
        current: rows of the window.

    >>> [round(noise_floor(10, 10_000, rows), 4) for rows in (100, 1_000, 10_000)]
    [0.2816, 0.0307, 0.0056]
    """
    return (1 / reference + 1 / current) * chi2_quantile(NOISE, cells - 1)


def rows_needed(effect: float, cells: int, reference: float | None) -> int | None:
    """How many rows a window must have before a PSI can be told from noise.

    Args:
        effect: the PSI, as 0.1.
        cells: that hold rows.
        reference: rows of the reference; None for as many as in the window.

    Returns:
        The rows, or None if the reference itself is too small.

    >>> rows_needed(0.1, 10, 10_000), rows_needed(0.25, 10, 10_000)
    (287, 113)
    >>> rows_needed(0.1, 10, None), rows_needed(0.25, 10, None), rows_needed(0.1, 10, 200)
    (558, 224, None)
    """
    share = effect / chi2_quantile(NOISE, cells - 1) if cells > 1 else math.inf
    if reference is None:
        return max(1, math.ceil(2 / share))
    room = share - 1 / reference
    return max(1, math.ceil(1 / room)) if room > 0 else None


def _filled(reference: Counts, current: Counts) -> tuple[Counts, Counts]:
    kept = (reference + current) > 0
    return reference[kept], current[kept]


def _noise(one: Counts, two: Counts) -> float:
    return float(1 / one.sum() + 1 / two.sum())


def _nothing(name: str) -> Measure:
    """What is told where at most one cell holds rows, or a sample has none."""
    return Measure(name, 0.0, None, 0.0, 0.0)


def _tested(name: str, value: float, freedom: int, noise: float) -> Measure:
    effect = math.sqrt(max(0.0, (value - freedom) * noise))
    return Measure(name, value, chi2_survival(value, freedom), effect, chi2_quantile(NOISE, freedom))


def _divergence(
    name: str,
    function: Callable[[Counts, Counts], float],
    factor: float,
    samples: tuple[Counts, Counts],
    *,
    ordered: bool,
) -> Measure:
    one, two = _filled(*samples)
    if len(one) < 2 or not one.sum() or not two.sum():
        return _nothing(name)
    unit = factor * _noise(one, two)
    value, freedom = function(one, two), len(one) - 1
    fewer = merged(one, two, ENOUGH, ordered=ordered)
    tested = value if len(fewer[0]) == len(one) else function(*fewer)
    p_value = chi2_survival(tested / unit, len(fewer[0]) - 1)
    effect = max(0.0, value - unit * freedom)
    return Measure(name, value, p_value, effect, unit * chi2_quantile(NOISE, freedom))


def _root(squared: Measure) -> Measure:
    """A distance that is the root of a divergence."""
    name, value, p_value, effect, floor = squared
    return Measure(name, math.sqrt(value), p_value, math.sqrt(effect), math.sqrt(floor))


def _spread(name: str, value: float, law: Spread) -> Measure:
    effect = math.sqrt(max(0.0, value**2 - law.mean_square))
    return Measure(name, value, law.survival(value), effect, law.quantile(NOISE))


def _psi(one: Counts, two: Counts) -> float:
    p = (one + 0.5) / (one.sum() + 0.5 * len(one))
    q = (two + 0.5) / (two.sum() + 0.5 * len(two))
    return float((p - q) @ np.log(p / q))


def _jensen_shannon(one: Counts, two: Counts) -> float:
    p, q = one / one.sum(), two / two.sum()
    middle = (p + q) / 2
    return max(0.0, (_times_log(p, p / middle) + _times_log(q, q / middle)) / (2 * _LOG2))


def _hellinger(one: Counts, two: Counts) -> float:
    return max(0.0, 1 - float(np.sqrt(one / one.sum()) @ np.sqrt(two / two.sum())))


def _times_log(shares: Counts, ratios: Counts) -> float:
    """The sum of ``x log y``, where 0 log 0 is 0."""
    kept = shares > 0
    return float(shares[kept] @ np.log(ratios[kept]))
