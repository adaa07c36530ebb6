"""How pairs of inputs move together, and whether that changed: swapped columns are seen here alone (pure).

Correlations are of the cells' ranks, hence like Spearman's: one wild value weighs no more than any other.

The noise of a correlation is taken on the safe side, because profiles have no sums of fourth powers of pairs:
its variance is at most ``sqrt(k_a * k_b) / n`` with the kurtoses of both columns, by the inequality of Cauchy
and Schwarz for two that are independent of each other's signs. Source of the variance: Hotelling (1953), "New
light on the correlation coefficient and its transforms".
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from konan.monitoring.drift.distributions import Counts, Floats, positive, two_sided
from konan.monitoring.evidence.bets import calibrated, mixed
from konan.monitoring.profiles.cells import NumericCells
from konan.monitoring.profiles.profile import Layout, Profile

FEWEST = 30
"""With fewer rows a correlation is not compared."""

_NOTABLE = 3.0
_MOST = 100


class PairChange(NamedTuple):
    """A pair of columns that moves together otherwise than in the reference.

    Attributes:
        columns: names of the two.
        usual: their correlation in the reference, in [-1, 1].
        current: their correlation in the window.
        p_value: chance of so large a change where nothing changed, for this pair alone.
        effect: the size of the change less what noise adds to it.
    """

    columns: tuple[str, str]
    usual: float
    current: float
    p_value: float
    effect: float


class Relations(NamedTuple):
    """All pairs of two samples.

    Attributes:
        names: of the k columns.
        usual: (k, k) correlations of the reference; NaN where a column does not vary.
        current: likewise of the window.
        changes: the pairs that changed most, the largest first.
        pairs: how many were compared.
        evidence: logarithm of an e-value against "no pair changed".
    """

    names: tuple[str, ...]
    usual: Floats
    current: Floats
    changes: tuple[PairChange, ...]
    pairs: int
    evidence: float


def correlations(profile: Profile) -> Floats:
    """Correlations of the ranks of each pair of ordered columns, (k, k); NaN where one does not vary.

    >>> import pyarrow as pa
    >>> from konan.monitoring.profiles.histogram import fit_numeric
    >>> up = np.arange(64.0)
    >>> layout = Layout((fit_numeric("features.a", up), fit_numeric("features.b", up)))
    >>> table = pa.table({"features.a": up, "features.b": up[::-1]})
    >>> correlations(Profile.of(layout, table)).round(3).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    rows = max(1, profile.rows)
    means = profile.sums / rows
    covariance = profile.products / rows - np.outer(means, means)
    spread = np.sqrt(np.clip(np.diagonal(covariance), 0, None))
    spread[spread < 1e-9] = np.nan
    found: Floats = np.clip(covariance / np.outer(spread, spread), -1, 1)
    return found


def relations(
    reference: Profile, current: Profile, layout: Layout, correlated: Mapping[str, Sequence[float]]
) -> Relations:
    """Which pairs of inputs changed.

    Args:
        reference: of the layout.
        current: likewise.
        layout: of both.
        correlated: autocorrelation of the rows of each column at the lags from 1; none where not known. A
            correlation of two series then has ``1 + 2 sum(r_a r_b)`` times the noise (Bartlett 1946, "On the
            theoretical specification of the sampling properties of autocorrelated time series").
    """
    names = tuple(layout.columns[at].name for at in layout.ordered)
    usual, now = correlations(reference), correlations(current)
    n, m = reference.rows, current.rows
    above = np.triu(np.isfinite(usual) & np.isfinite(now), 1)
    pairs = int(above.sum())
    if not pairs or min(n, m) < FEWEST:
        return Relations(names, usual, now, (), 0, 0.0)
    before, after = _kurtoses(reference, layout), _kurtoses(current, layout)
    heavier = np.maximum(before, after)
    noise = np.sqrt(np.outer(before, before)) / n + np.sqrt(np.outer(heavier, heavier)) / m
    noise *= _clustering(names, correlated)
    z = np.where(above, np.abs(now - usual) / np.sqrt(noise), 0.0)
    found = []
    for a, b in np.argwhere(z > _NOTABLE).tolist():  # what the others are worth is left out: it is small
        p_value = two_sided(z[a, b])
        effect = math.sqrt(max(0.0, (now[a, b] - usual[a, b]) ** 2 - noise[a, b]))
        between = (names[a], names[b])
        found.append(PairChange(between, float(usual[a, b]), float(now[a, b]), p_value, effect))
    found.sort(key=lambda change: -change.effect)
    evidence = mixed([calibrated(change.p_value) for change in found] or [-math.inf])
    share = math.log(max(1, len(found)) / pairs)
    return Relations(names, usual, now, tuple(found[:_MOST]), pairs, evidence + share)


def _clustering(names: tuple[str, ...], correlated: Mapping[str, Sequence[float]]) -> Floats:
    known = [positive(correlated.get(name, ())) for name in names]
    lags = max((len(one) for one in known), default=0)
    together = np.array([np.pad(one, (0, lags - len(one))) for one in known])
    found: Floats = 1 + 2 * together @ together.T
    return found


def _kurtoses(profile: Profile, layout: Layout) -> Floats:
    """Of the ranks of each ordered column, (k,); 1.8 is that of quantile cells filled alike."""
    counts = profile.counts
    return np.array([_kurtosis(counts[at], _ranks(layout, at)) for at in layout.ordered])


def _ranks(layout: Layout, at: int) -> Floats:
    cells = layout.columns[at]
    return cells.ranks if isinstance(cells, NumericCells) else np.zeros(len(cells.labels))


def _kurtosis(counts: Counts, ranks: Floats) -> float:
    rows = counts.sum()
    if not rows:
        return 1.0
    away = ranks - counts @ ranks / rows
    square = float(counts @ away**2) / rows
    return float(counts @ away**4) / rows / square**2 if square else 1.0
