"""Latencies in cells that add: integer counts from which quantiles follow within 1.6 % (pure).

Up to 64 microseconds each has a cell of its own; above, each doubling is cut into 32 cells of equal width, as
in G. Tene's HdrHistogram. So two histograms of any times and servers add cell by cell, and a quantile of the
sum is as exact as one of a part.
"""

from collections.abc import Sequence
from math import ceil

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

CELLS = 64 + 32 * 35
"""Number of cells; the last ones hold what takes days."""

_EXACT = 64
_HALF = 32


def cells_of(microseconds: Ints) -> Ints:
    """The cell of each latency.

    Args:
        microseconds: ``(n,) int64``; less than 0 counts as 0.

    Returns:
        ``(n,) int64`` in ``[0, CELLS)``.

    >>> cells_of(np.array([0, 63, 64, 65, 66, 1_000_000])).tolist()
    [0, 63, 64, 64, 65, 509]
    """
    values = np.maximum(microseconds, 0)
    length = np.frexp(values.astype(np.float64))[1].astype(np.int64)
    shift = np.maximum(length - 6, 0)
    return np.minimum(shift * _HALF + (values >> shift), CELLS - 1)


def bounds(cell: int) -> tuple[int, int]:
    """The smallest latency of a cell, and the one behind its largest, in microseconds.

    >>> bounds(63), bounds(64), bounds(509)
    ((63, 64), (64, 66), (999424, 1015808))
    """
    if cell < _EXACT:
        return cell, cell + 1
    shift = (cell - _HALF) // _HALF
    lower = (cell - shift * _HALF) << shift
    return lower, lower + (1 << shift)


def quantiles(counts: Ints, shares: Sequence[float]) -> list[float]:
    """The latencies that shares of the requests do not exceed, in seconds.

    Each is the middle of the cell that holds the request of that rank, so it is off by at most 1.6 %.

    Args:
        counts: of each cell, ``(CELLS,) int64``; at least one.
        shares: in (0, 1].

    >>> counts = np.bincount(cells_of(np.arange(1, 1001)), minlength=CELLS)
    >>> quantiles(counts, (0.5, 0.99, 1.0))
    [0.0005, 0.000984, 0.001]
    """
    sums = np.cumsum(counts)
    ranks = [max(1, ceil(share * int(sums[-1]))) for share in shares]
    found = map(bounds, np.searchsorted(sums, ranks).tolist())
    return [(lower + (upper - lower) // 2) / 1e6 for lower, upper in found]
