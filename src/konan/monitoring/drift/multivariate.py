"""Drift that no single column or pair shows, on demand: can a classifier tell the window from the reference?

Small boosted trees learn to tell rows of the window from rows of the reference; on rows they did not
see, the area under the ROC curve is 0.5 where nothing changed. The rows are those of the log: this is the one
statistic that profiles are not enough for. Rows are taken to be independent.

Sources: the idea, Lopez-Paz and Oquab (2017), "Revisiting classifier two-sample tests"; trees on cells,
Friedman (2001), "Greedy function approximation: a gradient boosting machine", with Newton leaves as in Chen
and Guestrin (2016), "XGBoost"; interval of the area, DeLong, DeLong and Clarke-Pearson (1988),
"Comparing the areas under two or more correlated receiver operating characteristic curves".
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from konan.monitoring.drift.distributions import Floats
from konan.monitoring.profiles.profile import Layout

if TYPE_CHECKING:
    import pyarrow as pa

Codes = npt.NDArray[np.integer[Any]]

FEWEST = 100
"""With fewer rows on one side nothing is told."""

MOST = 10_000
"""Rows of each side that are used; of more, so many are drawn."""

_FOLDS = 2
_TREES = 30
_LEVELS = 3
_RATE = 0.2
_LEAST_WEIGHT = 5.0
_PENALTY = 1.0
_Z = 2.5758


class Domain(NamedTuple):
    """How well rows of a window can be told from rows of the reference.

    Attributes:
        auc: area under the ROC curve on rows that were not learned from; 0.5 is chance. None for too few.
        low: lower end of its 99 % interval.
        high: upper end.
        p_value: chance of so large an area where nothing changed.
        columns: names with their share of what was gained by splitting, the largest first.
        rows: of the reference and of the window that were used.
    """

    auc: float | None
    low: float
    high: float
    p_value: float | None
    columns: tuple[tuple[str, float], ...]
    rows: tuple[int, int]


class _Tree(NamedTuple):
    """A tree of full depth: a column and a cell for each inner node, a step for each leaf."""

    columns: npt.NDArray[np.int64]
    cells: npt.NDArray[np.int64]
    steps: Floats


def codes(layout: Layout, table: "pa.Table") -> tuple[tuple[str, ...], Codes]:
    """Rows as the cells of their values.

    Args:
        layout: with the cells.
        table: rows; columns that the layout does not have are passed over.

    Returns:
        Names of the k columns, and (n, k) positions of cells.
    """
    names = tuple(cells.name for cells in layout.columns if cells.name in table.column_names)
    held = [layout.cells(name).assign(table.column(name)) for name in names]
    return names, np.stack(held, axis=1) if held else np.zeros((table.num_rows, 0), np.int32)


def domain_classifier(reference: Codes, current: Codes, names: Sequence[str], *, seed: int = 0) -> Domain:
    """Whether rows of a window can be told from rows of the reference.

    Args:
        reference: (n, k) positions of cells, as `codes` gives them.
        current: (m, k) likewise.
        names: of the k columns.
        seed: of the draw of rows and folds; the same seed gives the same answer.

    Two columns whose own distributions stay, but which now go together:

    >>> draw = np.random.default_rng(7)
    >>> before, after = draw.integers(0, 4, (600, 2)), draw.integers(0, 4, (600, 2))
    >>> after[:, 1] = after[:, 0]
    >>> found = domain_classifier(before, after, ("a", "b"))
    >>> found.auc > 0.8, found.low > 0.75, found.p_value < 1e-9
    (True, True, True)
    """
    draw = np.random.default_rng(seed)
    one, two = _drawn(reference, draw), _drawn(current, draw)
    rows = (len(one), len(two))
    if min(rows) < FEWEST or not names:
        return Domain(None, 0.0, 1.0, None, (), rows)
    x = np.concatenate([one, two]).astype(np.int64)
    y = np.repeat([0.0, 1.0], rows)
    folds = np.concatenate([draw.permutation(np.arange(size) % _FOLDS) for size in rows])
    gains = np.zeros(len(names))
    found = [_scored(x, y, folds == fold, gains) for fold in range(_FOLDS)]
    auc = sum(area for area, _, _ in found) / _FOLDS
    # each fold trained the other's trees, so both may err together: their mean is taken to vary as one does
    spread = sum(math.sqrt(variance) for _, variance, _ in found) / _FOLDS
    chance = sum(math.sqrt(null) for _, _, null in found) / _FOLDS
    p_value = math.erfc((auc - 0.5) / chance / math.sqrt(2)) / 2
    low, high = max(0.0, auc - _Z * spread), min(1.0, auc + _Z * spread)
    shares = gains / gains.sum() if gains.sum() else gains
    order = np.argsort(-shares, kind="stable")
    return Domain(auc, low, high, p_value, tuple((names[at], float(shares[at])) for at in order), rows)


def area(reference: Floats, current: Floats) -> tuple[float, float]:
    """Area under the ROC curve, and the variance of its estimate.

    Args:
        reference: (n,) scores of rows that should have small ones.
        current: (m,) scores of rows that should have large ones.

    >>> round(area(np.array([0.1, 0.4, 0.35]), np.array([0.8, 0.4, 0.9]))[0], 4)
    0.9444
    """
    n, m = len(reference), len(current)
    together = _ranks(np.concatenate([reference, current]))
    beaten = (together[n:] - _ranks(current)) / n
    lost = 1 - (together[:n] - _ranks(reference)) / m
    return float(beaten.mean()), float(beaten.var(ddof=1) / m + lost.var(ddof=1) / n)


def _drawn(rows: Codes, draw: np.random.Generator) -> Codes:
    return rows if len(rows) <= MOST else rows[draw.choice(len(rows), MOST, replace=False)]


def _scored(
    x: npt.NDArray[np.int64], y: Floats, held_out: npt.NDArray[np.bool_], gains: Floats
) -> tuple[float, float, float]:
    """Area on rows held out, its variance, and that where nothing changed."""
    trees = _boosted(x[~held_out], y[~held_out], gains)
    scores = sum((_stepped(tree, x[held_out]) for tree in trees), np.zeros(int(held_out.sum())))
    truth = y[held_out] > 0
    n, m = int((~truth).sum()), int(truth.sum())
    return *area(scores[~truth], scores[truth]), (n + m + 1) / (12 * n * m)


def _boosted(x: npt.NDArray[np.int64], y: Floats, gains: Floats) -> list[_Tree]:
    weight = np.where(y > 0, 0.5 / y.mean(), 0.5 / (1 - y.mean()))
    cells = int(x.max()) + 1
    flat = x + cells * np.arange(x.shape[1])
    score = np.zeros(len(y))
    trees = []
    for _ in range(_TREES):
        chance = 1 / (1 + np.exp(-score))
        pull, pull_weight = weight * (y - chance), weight * chance * (1 - chance)
        tree = _grown(x, flat, cells, (pull, pull_weight), gains)
        score += _stepped(tree, x)
        trees.append(tree)
    return trees


def _grown(
    x: npt.NDArray[np.int64],
    flat: npt.NDArray[np.int64],
    cells: int,
    pulls: tuple[Floats, Floats],
    gains: Floats,
) -> _Tree:
    """One tree; a node that is not worth a split sends all its rows to the left."""
    inner = 2**_LEVELS - 1
    columns, splits = np.zeros(inner, np.int64), np.full(inner, cells, np.int64)
    node = np.zeros(len(x), np.int64)
    width = x.shape[1] * cells
    for level in range(_LEVELS):
        nodes, first = 2**level, 2**level - 1
        place = (flat + width * (node - first)[:, None]).ravel()
        held = [
            _summed(place, np.repeat(pull, x.shape[1]), nodes * width).reshape(nodes, x.shape[1], cells)
            for pull in pulls
        ]
        columns[first : first + nodes], splits[first : first + nodes] = _best(held[0], held[1], gains)
        right = x[np.arange(len(x)), columns[node]] > splits[node]
        node = 2 * node + 1 + right
    leaf = node - inner
    g, h = (_summed(leaf, pull, 2**_LEVELS) for pull in pulls)
    return _Tree(columns, splits, _RATE * g / (h + _PENALTY))


def _summed(places: npt.NDArray[np.int64], values: Floats, most: int) -> Floats:
    found: Floats = np.bincount(places, values, most).astype(np.float64, copy=False)
    return found


def _best(g: Floats, h: Floats, gains: Floats) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The best column and last cell on the left, for each node."""
    left_g, left_h = g.cumsum(axis=2), h.cumsum(axis=2)
    all_g, all_h = left_g[:, :, -1:], left_h[:, :, -1:]
    right_g, right_h = all_g - left_g, all_h - left_h
    gain = left_g**2 / (left_h + _PENALTY) + right_g**2 / (right_h + _PENALTY) - all_g**2 / (all_h + _PENALTY)
    gain[(left_h < _LEAST_WEIGHT) | (right_h < _LEAST_WEIGHT)] = 0.0
    nodes, cells = len(g), g.shape[2]
    best = gain.reshape(nodes, -1).argmax(axis=1)
    columns, splits = best // cells, best % cells
    won = gain.reshape(nodes, -1)[np.arange(nodes), best]
    np.add.at(gains, columns, won)
    return columns, np.where(won > 0, splits, cells)


def _stepped(tree: _Tree, x: npt.NDArray[np.int64]) -> Floats:
    node = np.zeros(len(x), np.int64)
    rows = np.arange(len(x))
    for _ in range(_LEVELS):
        node = 2 * node + 1 + (x[rows, tree.columns[node]] > tree.cells[node])
    found: Floats = tree.steps[node - len(tree.columns)]
    return found


def _ranks(values: Floats) -> Floats:
    """Ranks from 1, the mean rank for equal values."""
    _, at, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    found: Floats = (last - (counts - 1) / 2)[at]
    return found
