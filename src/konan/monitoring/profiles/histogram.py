"""Cells fitted on a reference: quantiles of numbers, a cell for each point mass, the known categories.

Pure. What is fitted here is frozen; later values only fall into it (`konan.monitoring.profiles.cells`).
"""

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from konan.monitoring.profiles.cells import CategoryCells, NumericCells

CELLS = 16
"""Quantile cells of a column of numbers."""

MOST_VALUES = 50
"""Most categories with a cell of their own."""

MOST_RARE = 1000
FEWEST = 2
"""A category is known when at least so many rows of the reference had it: one that a single row had is as
likely as not a name or a number of somebody, and says nothing about the next row."""

ENOUGH = 20
"""Rows that a category needs for a cell of its own where many are rare."""

LONGEST = 200
"""A text longer than this is no category."""

_LARGEST = np.finfo(np.float64).max


def fit_numeric(name: str, values: npt.ArrayLike, cells: int = CELLS) -> NumericCells:
    """Cells whose bounds are quantiles of a reference, between its smallest and its largest number.

    A value that at least one in ``cells`` rows has gets a cell of its own, as zero often must: quantiles
    alone would fall together there. The others share as many cells as their part of the rows is worth.

    Args:
        name: of the column.
        values: ``(n,)`` numbers in any order; what is not finite is passed over.
        cells: about how many.

    >>> fit_numeric("x", np.arange(8.0), 4).labels
    ('missing', 'invalid', 'below', '[0, 2)', '[2, 4)', '[4, 6)', '[6, 7]', 'above')
    >>> fit_numeric("x", [0.0] * 70 + [1.0, 2.0, 3.0] * 10, 4).labels[3:-1]
    ('= 0', '(0, 2)', '[2, 3]')
    >>> fit_numeric("x", [5.0, 5.0]).labels
    ('missing', 'invalid', 'below', '= 5', 'above')
    """
    finite = np.asarray(values, dtype=np.float64)
    finite = np.sort(finite[np.abs(finite) < _LARGEST]) + 0.0
    if not finite.size:
        return NumericCells(name, ())
    found, counts = np.unique(finite, return_counts=True)
    heavy = counts * cells >= finite.size
    atoms = found[heavy]
    rest = finite[~np.isin(finite, atoms)] if heavy.any() else finite
    parts = [atoms, np.nextafter(atoms, math.inf), _inner(rest, cells, finite.size)]
    ends = [finite[:1], np.nextafter(finite[-1:], math.inf)]
    bounds = np.unique(np.concatenate([*parts, *ends]))
    return NumericCells(name, tuple(bounds.tolist()))


def fit_category(name: str, values: Iterable[str | None], most: int = MOST_VALUES) -> CategoryCells:
    """The categories of a reference: the most frequent, and those that are rare.

    Args:
        name: of the column.
        values: texts, None where one is missing.
        most: most categories with a cell of their own.

    >>> fit_category("x", ["b", "a", "b", None, "c", "a", "b"])
    CategoryCells(name='x', values=('b',), rare=('a',))
    """
    counts: dict[str, int] = {}
    for value in values:
        if value is not None:
            counts[value] = counts.get(value, 0) + 1
    return known_categories(name, counts, most)


def known_categories(name: str, counts: dict[str, int], most: int = MOST_VALUES) -> CategoryCells:
    """The categories of a reference, from how many of its rows had each.

    A cell of its own needs one row more than being known does, see `left_out`. Of more categories than
    have cells only those get one that are certainly more frequent than the first that has none, and of many
    that are rare only those with `ENOUGH` rows: the luckiest of many alike would seem to fall later.

    >>> known_categories("x", {"a": 9, "b": 2, "c": 1})
    CategoryCells(name='x', values=('a',), rare=('b',))
    """
    known = _known(counts)
    edge = counts[known[most]] if len(known) > most else 0
    rare = sum(count for count in counts.values() if count <= FEWEST)
    least = max(FEWEST + 1, edge + 4 * math.sqrt(edge), ENOUGH if rare >= ENOUGH else 0)
    own = [value for value in known[:most] if counts[value] >= least]
    return CategoryCells(name, tuple(own), tuple(known[len(own) : len(own) + MOST_RARE]))


def left_out(cells: CategoryCells, counts: dict[str, int]) -> int:
    """How many rows of the reference would have an unseen category if each had not been in it itself.

    No row of the reference itself has an unseen category, yet later rows do: of many rare categories always
    some are new. So these rows, which are counted as ``other``, belong to ``unseen`` where the reference is
    compared with later rows.

    Source: Good (1953), "The population frequencies of species and the estimation of population parameters".

    >>> counts = {"a": 9, "b": 2, "c": 1}
    >>> left_out(known_categories("x", counts), counts)
    2
    """
    known = _known(counts)
    last = len(cells.values) + len(cells.rare)
    dropped = [(-counts[value], value) for value in known[last : last + 1]]
    return sum(
        counts[value]
        for value in cells.rare
        if counts[value] == FEWEST or any((1 - counts[value], value) > first for first in dropped)
    )


def _known(counts: dict[str, int]) -> list[str]:
    """The categories that are no secret, the most frequent first."""
    known = [value for value, count in counts.items() if count >= FEWEST and len(value) <= LONGEST]
    return sorted(known, key=lambda value: (-counts[value], value))


def _inner(rest: npt.NDArray[np.float64], cells: int, rows: int) -> npt.NDArray[np.float64]:
    """Bounds between the smallest and the largest of sorted numbers, each one of the numbers."""
    share = math.ceil(cells * rest.size / rows)
    if share < 2:
        return rest[:0]
    found: npt.NDArray[np.float64] = rest[np.arange(1, share) * rest.size // share]
    return found
