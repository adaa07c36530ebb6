"""What a classifier of two classes would have answered with another threshold (pure)."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from konan.errors import Invalid
from konan.monitoring.performance.grids import SCORES, as_float, cells_of
from konan.monitoring.performance.ranking import Grid, grids
from konan.monitoring.performance.summary import ClassSummary, Summary
from konan.monitoring.profiles.sparse import Ints

Floats = npt.NDArray[np.float64]


class Thresholded(NamedTuple):
    """The confusion matrix with a threshold.

    Attributes:
        threshold: the positive class is answered where its probability is at least this.
        confusion: rows by truth and answer, ``(2, 2)``, the positive class second.
        open: rows whose answer is not known, because the threshold is inside a cell of scores of which only
            the number is known: of the negative and of the positive class. Half of them count as positive.
    """

    threshold: float
    confusion: Ints
    open: tuple[int, int]

    @property
    def is_exact(self) -> bool:
        """Whether every row's answer is known."""
        return not any(self.open)


def at(summary: Summary, threshold: float, positive: int = 1) -> Thresholded:
    """The confusion matrix with a threshold; exact for whole hundredths and 1024ths.

    Args:
        summary: of a classifier of two classes with probabilities.
        threshold: in [0, 1].
        positive: place of the positive class.

    Raises:
        Invalid: there are no two classes with probabilities, or the threshold is outside.
    """
    return split(grid_of(summary), threshold, positive)


def split(grid: Grid, threshold: float, positive: int = 1) -> Thresholded:
    """The same as `at`, from the grid of a summary.

    Raises:
        Invalid: the threshold is outside [0, 1].
    """
    if not 0 <= threshold <= 1:
        raise Invalid("A threshold is a number in [0, 1].")
    if positive == 1:
        negatives, positives, opened = _split(grid, threshold, above=True)
        return Thresholded(threshold, np.array([negatives, positives]), opened)
    # the first class has at least the threshold where the second has at most what is left
    others, own, (first, second) = _split(grid, 1 - threshold, above=False)
    return Thresholded(threshold, np.array([own[::-1], others[::-1]]), (second, first))


def all_of(grid: Grid) -> tuple[Floats, Ints, Ints]:
    """Hits and false alarms with every threshold on the grid, each exact.

    Args:
        grid: as of `grid_of`.

    Returns:
        The thresholds, rising, ``(t,)``; rows of the second class, and of the first, whose score is at least
        each, ``(t,)``.
    """
    own, others = (np.cumsum(one[::-1])[::-1] for one in (grid.positives, grid.negatives))
    return np.concatenate([[0.0], SCORES]), own, others


def grid_of(summary: Summary) -> Grid:
    """The scores of the second of two classes.

    Raises:
        Invalid: there are no two classes with probabilities.
    """
    if not isinstance(summary, ClassSummary) or summary.shape.curves != (1,):
        raise Invalid("A threshold is for a classifier of two classes with probabilities.")
    return grids(summary)[0]


def _split(grid: Grid, threshold: float, *, above: bool) -> tuple[list[int], list[int], tuple[int, int]]:
    """Rows of the first and of the second class, below and from a threshold on; and open ones."""
    cell = int(cells_of(SCORES, np.array([threshold]))[0])
    found, opened = [], []
    for counts in (grid.negatives, grid.positives):
        below, here = int(counts[:cell].sum()), int(counts[cell])
        upper = int(counts.sum()) - below - here
        inside = _inside(grid, cell, threshold, above=above)
        part = here // 2 if inside is None else here * inside
        opened.append(here if inside is None else 0)
        found.append([below + here - part, upper + part])
    return found[0], found[1], (opened[0], opened[1])


def _inside(grid: Grid, cell: int, threshold: float, *, above: bool) -> bool | None:
    """Whether the rows of a threshold's own cell are above it; None where some may and some may not be."""
    if cell and threshold == SCORES[cell - 1] and above:
        return True
    if not grid.positives[cell] + grid.negatives[cell]:
        return False
    if grid.mixed[cell]:
        return None
    value = float(as_float(grid.values[cell : cell + 1])[0])
    return value >= threshold if above else value > threshold
