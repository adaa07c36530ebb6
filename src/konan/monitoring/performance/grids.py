"""Cells with fixed edges for scores, for residuals and for delays: fine where scores are rare (pure).

Edges depend on no data, so that summaries of any rows add. A cell holds ``edges[i - 1] <= x < edges[i]``.
Toward 0 and 1 the cells of scores become narrower in proportion, as do those of residuals toward 0 (the
idea of a histogram with relative error: C. Masson, J. E. Rim, H. K. Lee, "DDSketch", VLDB 2019).
"""

import numpy as np
import numpy.typing as npt

from konan.monitoring.profiles.sparse import Ints

Floats = npt.NDArray[np.float64]

BINS = 10
"""Bins of a calibration curve: equally wide, open below and closed above, as in scikit-learn."""


def _score_edges() -> Floats:
    small = [2.0**power * (1 + step / 64) for power in range(-40, -4) for step in range(64)]
    even = [step / 1024 for step in range(64, 513)]
    lower = sorted({*small, *even, *(step / 100 for step in range(1, 51))})
    upper = {1 - one for one in lower} | {step / 100 for step in range(50, 101)}
    return np.array(sorted({*lower, *upper, 1.0}))


def _residual_edges() -> Floats:
    sizes = [2.0**power * (1 + step / 32) for power in range(-64, 64) for step in range(32)]
    return np.array([*(-one for one in reversed(sizes)), np.nextafter(0, -1), np.nextafter(0, 1), *sizes])


SCORES = _score_edges()
"""Edges of scores in [0, 1]: every hundredth and every 1024th is one."""

RESIDUALS = _residual_edges()
"""Edges of residuals: 32 for each doubling, from 5e-20 to 2e19; 0 has a cell of its own."""

DELAYS = 2.0 ** (np.arange(4 * 25 + 1) / 4)
"""Edges of delays in seconds: four for each doubling, from a second to more than a year."""

_BOUNDS = np.linspace(0.0, 1.0, BINS + 1)[1:-1]


def cells_of(edges: Floats, values: Floats) -> Ints:
    """The cell of each value, in ``[0, len(edges)]``, ``(n,) int64``."""
    return np.searchsorted(edges, values, side="right").astype(np.int64)


def bins_of(scores: Floats) -> Ints:
    """The bin of the calibration curve of each score, ``(n,) int64``.

    >>> bins_of(np.array([0.0, 0.1, 0.11, 1.0])).tolist()
    [0, 0, 1, 9]
    """
    return np.searchsorted(_BOUNDS, scores).astype(np.int64)


def as_int(values: Floats) -> Ints:
    """Floats as whole numbers that have the same order, ``(n,) int64``."""
    bits = (values + 0.0).view(np.int64)  # -0.0 becomes 0.0
    found: Ints = np.where(bits < 0, bits ^ np.int64(np.iinfo(np.int64).max), bits)
    return found


def as_float(whole: Ints) -> Floats:
    """What `as_int` was made of.

    >>> as_float(as_int(np.array([-2.5, 0.0, 3.0]))).tolist()
    [-2.5, 0.0, 3.0]
    """
    bits = np.where(whole < 0, whole ^ np.int64(np.iinfo(np.int64).max), whole)
    return bits.view(np.float64)
