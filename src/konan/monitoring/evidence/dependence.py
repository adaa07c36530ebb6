"""Dependence: rows that hang together are fewer than they look, and do not count as evidence each (pure).

All guarantees of `konan.monitoring.evidence.detectors` need that a value's mean, given the past, is within
the limit.
Errors that come in runs, visits of one customer, a day and a night break that. The remedy is to bet on means
of blocks that are long against the memory of the stream; the price is power. So the block is chosen from
the reference's own autocorrelation, and where that is unknown or the data contradict it, it is said. Whole
windows of counts cost less: there each row counts as a part of one
(`konan.monitoring.drift.distributions.rows_as_one`).

The correlation of neighbouring block means from the autocorrelation of rows is the textbook sum (Box,
Jenkins & Reinsel, *Time Series Analysis*; block means as in Künsch, Annals of Statistics
1989). The ratio of the variance of counts to the one that independent rows would have is the design effect
(Kish 1965).
"""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from konan.monitoring.evidence.bets import Floats

NEAR_ZERO = 0.05
"""Correlation of neighbouring looks that is taken as none."""

LONG = 0.2
"""Correlation at the last lag that is known, from which on the memory of a stream has no end in sight."""

FEWEST_LAGS = 8
"""With fewer lags nothing is said about that."""

LARGEST = 4096
"""Rows in the longest block that is chosen."""


class Doubt(msgspec.Struct, frozen=True):
    """One reason not to trust evidence as far as its numbers say.

    Attributes:
        code: stable word for the kind: ``correlated``, ``clustered``, ``few_rows``, ``long_memory``,
            ``unknown_order``.
        message: what was seen and what it means.
        size: how much, in the unit of the message.
    """

    code: str
    message: str
    size: float


def autocorrelation(values: npt.ArrayLike, lags: int = 64) -> tuple[float, ...]:
    """Correlation of a series with itself, at the lags from 1.

    Args:
        values: ``(n,)``, in the order of time.
        lags: how many; fewer where there are not four times as many values.

    Returns:
        In [-1, 1]; 0 where it is within the noise of so few values; empty when the series is shorter than 8
        or constant.

    >>> [round(value, 3) for value in autocorrelation([0, 0, 1, 1] * 100, 4)]
    [0.0, -0.995, 0.0, 0.99]
    """
    given = np.asarray(values, np.float64)
    most = min(lags, len(given) // 4)
    if len(given) < 8 or np.ptp(given) == 0:
        return ()
    centred = given - given.mean()
    spectrum = np.fft.rfft(centred, 1 << (len(given) + most).bit_length())  # padded, so that it never wraps
    together = np.fft.irfft(np.square(np.abs(spectrum)))[: most + 1]
    found = (together[1:] / together[0]).tolist()
    noise = 2.58 / math.sqrt(len(given))
    return tuple(value if abs(value) > noise else 0.0 for value in found)


def block_of(correlations: Sequence[float] | float, *, near_zero: float = NEAR_ZERO) -> int:
    """How many rows a look should average, so that neighbouring looks hardly hang together.

    Args:
        correlations: of rows at the lags from 1, or the one at lag 1 alone. Later ones are taken to fade as
            the lag-1 correlation does (an autoregressive series of order 1).
        near_zero: correlation of neighbouring block means that is allowed.

    Returns:
        A power of 2, from 1 to `LARGEST`.

    >>> [block_of(lag_one) for lag_one in (0.02, 0.19, 0.54, 0.9)]
    [1, 8, 32, 128]
    """
    given = (float(correlations),) if isinstance(correlations, int | float) else tuple(correlations)
    block = 1
    while block < LARGEST and abs(of_blocks(given, block)) > near_zero:
        block *= 2
    return block


def of_blocks(correlations: Sequence[float], block: int) -> float:
    """Correlation of the means of two neighbouring blocks of rows.

    >>> round(of_blocks((0.5,), 1), 3), round(of_blocks((0.5,), 8), 3)
    (0.5, 0.099)
    """
    if not correlations:
        return 0.0
    lags = np.arange(1, 2 * block)
    rows = _faded(correlations, 2 * block - 1)
    together = float(np.minimum(lags, 2 * block - lags) @ rows)
    alone = block + 2 * float((block - lags[: block - 1]) @ rows[: block - 1])
    return together / max(alone, 1e-9)


def design_effect(windows: npt.ArrayLike) -> float:
    """How many times fewer rows the windows hold than they seem to, from the spread of their counts.

    With independent rows of one source the chi-square statistic of the table equals its degrees of freedom.

    Args:
        windows: rows in each cell of several windows, ``(windows, cells)``.

    Returns:
        At least 1; 1 when fewer than two windows have rows.

    >>> design_effect([[50, 50], [52, 48], [47, 53]])
    1.0
    >>> round(design_effect([[90, 10], [10, 90], [60, 40]]), 1)
    65.6
    """
    table = np.asarray(windows, np.float64)
    table = table[table.sum(axis=1) > 0]
    table = table[:, table.sum(axis=0) > 0]
    freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
    if freedom < 1:
        return 1.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return max(1.0, statistic / float(freedom))


def assumptions(
    *,
    rows: int,
    correlations: Sequence[float] | None = None,
    windows: npt.ArrayLike | None = None,
    block: int = 1,
) -> tuple[Doubt, ...]:
    """What speaks against trusting a detector's guarantee; empty when nothing does.

    Args:
        rows: of the reference.
        correlations: autocorrelation of the reference's rows at the lags from 1; none when they have no
            order.
        windows: counts of quiet windows, ``(windows, cells)``, when there are some.
        block: rows that make one look.

    >>> [doubt.code for doubt in assumptions(rows=10_000, correlations=(0.54, 0.3), block=1)]
    ['correlated']
    >>> assumptions(rows=10_000, correlations=(0.01,), windows=[[50, 50], [52, 48]])
    ()
    """
    doubts = (
        _few(rows),
        _correlated(rows, correlations, block),
        _long(correlations or ()),
        _clustered(windows, block),
    )
    return tuple(doubt for doubt in doubts if doubt is not None)


def _few(rows: int) -> Doubt | None:
    if rows >= 1000:
        return None
    return Doubt(
        "few_rows", f"The reference has {rows} rows: only gross changes can be told from its noise.", rows
    )


def _correlated(rows: int, correlations: Sequence[float] | None, block: int) -> Doubt | None:
    if correlations is None:
        message = "The reference's rows have no order in time: whether they hang together is not known."
        return Doubt("unknown_order", message, 0.0)
    left = of_blocks(tuple(correlations), block)
    noise = 2 / math.sqrt(max(rows / block, 1))
    if abs(left) <= max(NEAR_ZERO, noise):
        return None
    message = f"Neighbouring looks correlate ({left:.2f}): alarms may come early. Longer blocks help."
    return Doubt("correlated", message, round(left, 4))


def _long(correlations: Sequence[float]) -> Doubt | None:
    last = float(correlations[-1]) if len(correlations) >= FEWEST_LAGS else 0.0
    if last < LONG:
        return None
    message = (
        f"Rows {len(correlations)} apart still correlate ({last:.2f}): slow changes, as seasons, look like "
        "drift. A reference of the same season helps."
    )
    return Doubt("long_memory", message, round(last, 4))


def _clustered(windows: npt.ArrayLike | None, block: int) -> Doubt | None:
    if windows is None:
        return None
    effect = design_effect(windows)
    degrees = max(np.asarray(windows).size - sum(np.asarray(windows).shape) + 1, 1)
    if effect <= block * (1 + 4 * math.sqrt(2 / degrees)):
        return None
    message = f"Windows differ as if they had {effect:.1f} times fewer rows: their rows come in clusters."
    return Doubt("clustered", message, round(effect, 2))


def _faded(correlations: Sequence[float], most: int) -> Floats:
    """The correlations at the lags from 1 to a most, with a geometric tail after those that are known."""
    known = np.asarray(correlations, np.float64)[:most]
    after = np.arange(1, most - len(known) + 1)
    ratio = min(abs(float(correlations[0])), 0.999)
    tail = known[-1] * ratio**after
    whole: Floats = np.concatenate([known, tail])
    return whole
