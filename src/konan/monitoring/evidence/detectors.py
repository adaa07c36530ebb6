"""Detectors: evidence that restarts at every look, hence is fast also after years without trouble (pure).

A detector is the sum of one e-process per possible beginning of the trouble. The Shiryaev-Roberts form
needs one number per bet, ``M <- (M + 1) e``. While nothing is wrong ``M - looks`` cannot grow on average,
so at the first look with M >= A the expected number of looks is at least A: **the average run length is at
least A**, and anybody may look at any time (Shin, Ramdas & Rinaldo, "E-detectors: a nonparametric framework
for sequential change detection", NEJSDS 2024). The average of detectors is a detector.

The guarantee needs that each look's mean is within the limit *given the past*. Rows that hang together
break it (`konan.monitoring.evidence.dependence` says when); then one bets on the means of blocks of rows.
"""

from collections.abc import Sequence
from typing import Self

import msgspec
import numpy as np
import numpy.typing as npt

from konan.monitoring.evidence.bets import BETS, Floats, log_factors, log_wealth, mixed

_CHUNK = 8192


class Evidence(msgspec.Struct, frozen=True):
    """The state of a detector: one number for each bet, finite and never negative.

    Attributes:
        masses: ``log(1 + M)`` for each bet.
        looks: made since the beginning.
        peak: largest ``log_evidence`` of all looks. It tells whether the detector ever fired; averages over
            detectors must use ``log_evidence``.

    >>> Evidence.of(2).after([[0.0, 0.5]]).masses
    (0.6931471805599453, 0.9740769841801067)
    """

    masses: tuple[float, ...]
    looks: int = 0
    peak: float = 0.0

    @classmethod
    def of(cls, bets: int) -> Self:
        """The beginning, for so many bets."""
        return cls((0.0,) * bets)

    @property
    def log_evidence(self) -> float:
        """``log(1 + M)`` of the average over bets; 0 at the beginning."""
        return mixed(self.masses)

    def fires(self, height: float) -> bool:
        """Whether it has reached a height A, at any look so far.

        Args:
            height: average run length, in looks, see `konan.monitoring.alarms.budget.run_length`.
        """
        return self.peak >= float(np.log1p(height))

    def after(self, factors: npt.ArrayLike) -> Self:
        """The state after more looks.

        Args:
            factors: logarithms of what the bets paid at each look, ``(looks, bets)``.
        """
        given = np.asarray(factors, np.float64)
        masses, peak = np.array(self.masses), self.peak
        for first in range(0, len(given), _CHUNK):
            walk = path(masses, given[first : first + _CHUNK])
            masses = walk[-1]
            peak = max(peak, float(averaged(walk).max()))
        return type(self)(tuple(masses.tolist()), self.looks + len(given), peak)


def path(masses: npt.ArrayLike, factors: Floats) -> Floats:
    """``log(1 + M)`` after each of several looks, ``(looks, bets)``.

    With L the running sum of factors, ``1 + M_t = exp(L_t) (1 + M_0 + sum of exp(-L_i) for i <= t)``.

    Args:
        masses: before, ``(bets,)``.
        factors: logarithms of what the bets paid, ``(looks, bets)``.
    """
    total = np.cumsum(factors, axis=0)
    inner = np.logaddexp.accumulate(np.vstack([np.asarray(masses, np.float64)[None], -total]), axis=0)
    walk: Floats = np.maximum(total + inner[1:], 0.0)
    return walk


def averaged(walk: Floats) -> Floats:
    """Logarithm of the average over bets at each look, ``(looks,)``."""
    top = walk.max(axis=1)
    mean: Floats = top + np.log(np.exp(walk - top[:, None]).mean(axis=1))
    return mean


class Detector(msgspec.Struct, frozen=True, kw_only=True):
    """Watches whether the mean of values in [0, 1] rises above a limit: errors, losses, shares.

    It has no other memory than its numbers: stored and read back, it goes on as if nothing had happened.

    Attributes:
        limit: the mean that is still all right, in (0, 1]: a `konan.monitoring.evidence.bets.share_limit`
            of the reference, and a tolerance.
        bets: shares of the capital.
        block: values whose mean is one look, see `konan.monitoring.evidence.dependence.block_of`.
        evidence: so far.
        waiting: sum of the values of the block that is not full yet.
        waiting_rows: how many these are.

    >>> calm = Detector.of(0.2).update([0, 0, 1, 0, 0] * 200)
    >>> calm.evidence.looks, calm.fires(1e4)
    (1000, False)
    >>> calm.update([0, 1, 0, 1] * 50).fires(1e4)
    True
    """

    limit: float
    bets: tuple[float, ...] = BETS
    block: int = 1
    evidence: Evidence
    waiting: float = 0.0
    waiting_rows: int = 0

    @classmethod
    def of(cls, limit: float, *, block: int = 1, bets: Sequence[float] = BETS) -> Self:
        """One that has seen nothing."""
        return cls(limit=limit, bets=tuple(bets), block=max(block, 1), evidence=Evidence.of(len(bets)))

    @property
    def log_evidence(self) -> float:
        """``log(1 + M)``, 0 at the beginning."""
        return self.evidence.log_evidence

    def fires(self, height: float) -> bool:
        """Whether it has reached a height A at any look so far."""
        return self.evidence.fires(height)

    def update(self, values: npt.ArrayLike) -> Self:
        """The detector after more values, in their order; each full block is one look.

        However the values are cut into calls, the outcome is the same.

        Args:
            values: ``(n,)``, in [0, 1].

        Raises:
            ValueError: a value is outside [0, 1], or is no number.
        """
        means, waiting, rows = self._blocks(np.atleast_1d(np.asarray(values, np.float64)))
        factors = log_factors(means, self.limit, self.bets)
        return msgspec.structs.replace(
            self, evidence=self.evidence.after(factors), waiting=waiting, waiting_rows=rows
        )

    def look(self, counts: npt.ArrayLike, payoffs: npt.ArrayLike, rows_as_one: float | None = None) -> Self:
        """The detector after one look at a whole window, of which only the histogram is known.

        The product of the bets on its rows is one factor. With blocks of b rows its b-th root is taken: the
        geometric mean of a block's bets is at most their arithmetic mean, which is the bet on the mean of
        the block. So counts are enough and nothing is claimed that blocks would not give.

        That is more careful than needed for windows that are long against the memory of the stream: there
        the root of as many rows as say as much as one keeps the run length (by the normal approximation,
        and as measured by the study ``blocks`` of ``benchmarks/monitoring/simulate.py``), and sees sooner.

        Args:
            counts: rows in each cell, ``(c,)``.
            payoffs: the value in [0, 1] of each cell's rows, ``(c,)``.
            rows_as_one: the root to take (`konan.monitoring.drift.distributions.rows_as_one`); the block
                unless given.
        """
        root = max(self.block if rows_as_one is None else rows_as_one, 1.0)
        wealth = log_wealth(counts, payoffs, self.limit, self.bets) / root
        return msgspec.structs.replace(self, evidence=self.evidence.after(wealth[None]))

    def again(self) -> Self:
        """The same watch from the beginning: after an alarm was resolved, or another version went live."""
        return type(self).of(self.limit, block=self.block, bets=self.bets)

    def _blocks(self, values: Floats) -> tuple[Floats, float, int]:
        """Means of the blocks that are full now, then the sum and the number of values left over."""
        if not bool(np.all((values >= 0) & (values <= 1))):
            raise ValueError("a detector watches values in [0, 1]")
        lacking = self.block - self.waiting_rows
        if len(values) < lacking:
            return np.empty(0), self.waiting + float(values.sum()), self.waiting_rows + len(values)
        rest = values[lacking:]
        full = len(rest) // self.block * self.block
        head = self.waiting + float(values[:lacking].sum())
        sums = np.concatenate([[head], rest[:full].reshape(-1, self.block).sum(axis=1)])
        tail = rest[full:]
        return np.minimum(sums / self.block, 1.0), float(tail.sum()), len(tail)
