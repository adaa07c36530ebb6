"""Additive models on the cells of profiles: what is expected of a row is a sum of one number for each column.

The mean over a window then needs nothing but how often each cell occurs in it, so it is computed from a
profile, exactly and whatever the traffic. With the cells of the score alone it is histogram binning, a
calibration of scores; with those of inputs and answer it is a regression of losses.

Sources: additive models, Hastie & Tibshirani, *Generalized Additive Models* (1990); differences of
neighbouring cells are penalised as in Eilers & Marx, "Flexible smoothing with B-splines and penalties"
(1996); histogram binning, Zadrozny & Elkan, "Obtaining calibrated probability estimates" (2001); the
delete-a-group jackknife on consecutive rows, Künsch, "The jackknife and the bootstrap for general stationary
observations" (1989).
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from konan.monitoring.profiles.cells import Cells, NumericCells

Floats: TypeAlias = npt.NDArray[np.float64]
Codes: TypeAlias = npt.NDArray[np.int64]

GROUPS = 20
"""Parts of the rows of which each is left out once."""

STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
"""Penalties that are tried, in rows: a cell with so many rows is drawn half of the way to its neighbours."""

_TO_MEAN = 0.1
_BLOCK = 4096


class Additive(NamedTuple):
    """A fitted model.

    Attributes:
        weights: of each quantity in each cell; the last row is the constant, ``(cells + 1, quantities)``.
        without: the same fitted without each group, ``(groups, cells + 1, quantities)``.
        residuals: of each row from the model that was fitted without its group, ``(rows, quantities)``.
    """

    weights: Floats
    without: Floats
    residuals: Floats


def fit(columns: Sequence[Cells], codes: Codes, values: Floats) -> Additive:
    """Fit quantities of rows on their cells; the penalty is the one that predicts left-out groups best.

    Args:
        columns: the cells of each column.
        codes: the cell of each row in each column, ``(rows, columns)``, rows in the order of time.
        values: the quantities of each row, ``(rows, quantities)``; the first decides the penalty.

    >>> from konan.monitoring.profiles.histogram import fit_numeric
    >>> x = np.random.default_rng(0).random(4000)
    >>> cells = fit_numeric("x", x, 4)
    >>> import pyarrow as pa
    >>> codes = cells.assign(pa.array(x)).astype(np.int64)[:, None]
    >>> found = fit((cells,), codes, (x > 0.5).astype(float)[:, None])
    >>> (found.weights[cells.inner.start : cells.inner.stop, 0] + found.weights[-1, 0]).round(2).tolist()
    [0.0, 0.0, 0.97, 1.0]
    """
    rows, size = len(values), sum(len(one.labels) for one in columns)
    offsets = np.cumsum([0, *(len(one.labels) for one in columns)])[:-1]
    places = codes + offsets
    edges = np.linspace(0, rows, min(GROUPS, rows) + 1).astype(int)
    spans = [slice(*pair) for pair in pairwise(edges.tolist())]
    squares = np.stack([_squares(places[one], size) for one in spans])
    sides = np.stack([_side(places[one], values[one], size) for one in spans])
    rough = _roughness(columns)
    strength = _best(squares, sides, rough, [float((values[one, 0] ** 2).sum()) for one in spans])
    weights = _solved(squares.sum(axis=0), sides.sum(axis=0), strength * rough)
    without = _left_out(squares, sides, strength * rough)
    residuals = np.concatenate(
        [values[one] - predicted(places[one], each) for one, each in zip(spans, without, strict=True)]
    )
    return Additive(weights, without, residuals)


def predicted(places: Codes, weights: Floats) -> Floats:
    """What is expected of rows, ``(rows, quantities)``.

    Args:
        places: of each row's cells among those of all columns, ``(rows, columns)``.
        weights: as in `Additive`.
    """
    total = np.repeat(weights[-1:], len(places), axis=0)
    for column in places.T:
        total += weights[column]
    return total


def _squares(places: Codes, size: int) -> Floats:
    """How often each two cells occur in one row, with the constant as a last cell."""
    found = np.zeros((size + 1, size + 1))
    for start in range(0, len(places), _BLOCK):
        marks = _marks(places[start : start + _BLOCK], size)
        found += marks.T @ marks
    return found


def _side(places: Codes, values: Floats, size: int) -> Floats:
    found = np.zeros((size + 1, values.shape[1]))
    for start in range(0, len(places), _BLOCK):
        found += _marks(places[start : start + _BLOCK], size).T @ values[start : start + _BLOCK]
    return found


def _marks(places: Codes, size: int) -> Floats:
    """A row of zeros and ones for each row, ``(rows, size + 1)``."""
    found = np.zeros((len(places), size + 1))
    np.put_along_axis(found, places, 1.0, axis=1)
    found[:, size] = 1.0
    return found


def _roughness(columns: Sequence[Cells]) -> Floats:
    """The penalty of weights: of differences of neighbours where cells have an order, and a little of all."""
    size = sum(len(one.labels) for one in columns)
    found, at = np.zeros((size + 1, size + 1)), 0
    for one in columns:
        cells = len(one.labels)
        ordered = isinstance(one, NumericCells)
        found[range(at, at + cells), range(at, at + cells)] += _TO_MEAN if ordered else 1.0
        if ordered:
            steps = np.diff(np.eye(cells)[one.special["below"] :], axis=0)
            found[at : at + cells, at : at + cells] += steps.T @ steps
        at += cells
    return found


def _best(squares: Floats, sides: Floats, rough: Floats, totals: Sequence[float]) -> float:
    """The penalty with the least squared error of the first quantity in left-out groups."""
    errors = []
    for strength in STRENGTHS:
        found = _left_out(squares, sides[:, :, :1], strength * rough)[:, :, 0]
        fitted = np.einsum("gi,gij,gj->", found, squares, found)
        errors.append(sum(totals) - 2 * float((found * sides[:, :, 0]).sum()) + float(fitted))
    return STRENGTHS[int(np.argmin(errors))]


def _left_out(squares: Floats, sides: Floats, penalty: Floats) -> Floats:
    whole, side = squares.sum(axis=0), sides.sum(axis=0)
    return np.stack(
        [_solved(whole - one, side - each, penalty) for one, each in zip(squares, sides, strict=True)]
    )


def _solved(squares: Floats, side: Floats, penalty: Floats) -> Floats:
    return np.asarray(np.linalg.solve(squares + penalty + 1e-9 * np.eye(len(squares)), side), np.float64)
