"""Shifts: evidence that a column has moved away from a reference that is itself only a sample (pure).

A long stream shows any small difference, also the one between the reference and the source it was drawn from.
So the bets are not against the reference's shares but against the most these can truly be: each share has an
upper limit that all hold together but for a small chance (`konan.monitoring.evidence.bets.share_limit`, union
bound over the bets), and a tolerance on top. What is bet on is simple and can be said in words: more rows
in a cell, more up to a cut, more above it, more far out. Each window is one look of a detector
(`konan.monitoring.evidence.detectors`), and its whole histogram is one factor, exact from counts.

Source: the restarts are Shin, Ramdas & Rinaldo (2024). To pay for a finite reference by a band around it, and
never to learn from live rows, follows Shaer, Bar, Prinster & Romano, "Testing for distribution shifts with
conditional conformal test martingales" (2026). ``benchmarks/monitoring/simulate.py`` measures this beside one
band for the whole distribution (Massart 1990), a ball of relative entropy, and learned alternatives.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from konan.monitoring.evidence.bets import Floats, mixed, share_limit
from konan.monitoring.evidence.detectors import Evidence

CUTS = 7
"""Places in the order of the cells where rows up to there, and above, are bet on."""

SHARES = (0.6, 0.2, 0.07, 0.023, 0.008)
"""Of the capital, on each."""

CHANCE = 1e-3
"""That one of a column's limits is below the truth, by default."""

TOLERANCE = 0.05
"""By default; see `Shifts`."""

_LARGE = 0.1


class Bet(msgspec.Struct, frozen=True):
    """One thing that may become more frequent than the reference allows.

    Attributes:
        what: in words, as ``more in missing``.
        limit: share of rows that is still all right, in (0, 1].
        share: of the reference's rows.
        log_evidence: logarithm of an e-value; 0 before anything was seen.
    """

    what: str
    limit: float
    share: float
    log_evidence: float = 0.0


class Shifts:
    """All bets on one column against its reference; made anew from the counts, only the evidence is stored.

    Args:
        reference: rows in each cell, ``(cells,)``.
        labels: what the cells are called, ``(cells,)``.
        order: positions of the cells that have an order, in it; empty for categories.
        chance: that a limit is wrong because the reference is small, for all bets of the column together.
        tolerance: that a share may exceed its limit, in standard deviations of one row: ``sqrt(m (1 - m))``.
        block: how many rows say as much as one, because they hang together: of the windows and of the
            reference; `konan.monitoring.drift.distributions.rows_as_one` of its autocorrelation.

    >>> shifts = Shifts([0, 2500, 2500, 2500, 2500], ("missing", "a", "b", "c", "d"), order=(1, 2, 3, 4))
    >>> calm = shifts.look(shifts.begin(), [0, 260, 250, 245, 245])
    >>> moved = shifts.look(calm, [10, 100, 190, 300, 400])
    >>> calm.fires(1e4), moved.fires(1e4), shifts.strongest(moved)[0].what
    (False, True, 'more above b')
    """

    def __init__(
        self,
        reference: npt.ArrayLike,
        labels: Sequence[str],
        *,
        order: Sequence[int] = (),
        chance: float = CHANCE,
        tolerance: float = TOLERANCE,
        block: float = 1.0,
    ) -> None:
        counts = np.asarray(reference, np.float64)
        rows = float(counts.sum())
        shares = counts / max(rows, 1.0)
        names, payoffs = _bets(shares, labels, tuple(order))
        seen = payoffs @ shares
        limits = share_limit(seen, rows / max(block, 1.0), chance / len(names))
        limits = np.minimum(limits + tolerance * np.sqrt(limits * (1 - limits)), 1.0)
        gain = payoffs / limits[:, None] - 1
        self._factors: Floats = np.log1p(gain[:, None, :] * np.array(SHARES)[:, None]) / max(block, 1.0)
        self.bets = tuple(
            Bet(name, float(limit), float(share))
            for name, limit, share in zip(names, limits, seen, strict=True)
        )

    def begin(self) -> Evidence:
        """The state before anything was seen."""
        return Evidence.of(len(self.bets) * len(SHARES))

    def factors(self, windows: npt.ArrayLike) -> Floats:
        """What every bet pays on whole windows, as logarithms.

        Args:
            windows: rows in each cell, ``(windows, cells)``.

        Returns:
            ``(windows, bets x shares)``.
        """
        size = len(self.bets) * len(SHARES)
        paid: Floats = np.asarray(windows, np.float64) @ self._factors.reshape(size, -1).T
        return paid

    def look(self, evidence: Evidence, window: npt.ArrayLike) -> Evidence:
        """The state after one more window; a window without rows is no look.

        Args:
            evidence: before, from `begin` or an earlier look, with the same reference.
            window: rows in each cell, ``(cells,)``.
        """
        counts = np.asarray(window)
        return evidence.after(self.factors(counts[None])) if counts.any() else evidence

    def log_e(self, window: npt.ArrayLike) -> float:
        """The e-value of one window alone, as a logarithm: for a comparison that is made once."""
        return mixed(self.factors(np.asarray(window)[None])[0])

    def strongest(self, evidence: Evidence, most: int = 3) -> list[Bet]:
        """The bets that have won most, the best first; only those that have won."""
        masses = np.array(evidence.masses).reshape(len(self.bets), -1)
        won = [mixed(row) for row in masses]
        ranked = sorted(range(len(won)), key=lambda index: -won[index])[:most]
        return [
            msgspec.structs.replace(self.bets[index], log_evidence=won[index])
            for index in ranked
            if won[index] > np.log1p(evidence.looks)
        ]


def _bets(shares: Floats, labels: Sequence[str], order: tuple[int, ...]) -> tuple[list[str], Floats]:
    """Names of the bets and the cells each pays for, ``(bets, cells)`` of 0 and 1."""
    cells = np.eye(len(shares))
    names = [f"more in {label}" for label in labels]
    rows = list(cells)
    if order:
        for name, row in _ordered(shares, labels, order):
            names.append(name)
            rows.append(row)
    else:
        large = [index for index, share in enumerate(shares) if share >= _LARGE]
        names += [f"fewer in {labels[index]}" for index in large]
        rows += [1 - cells[index] for index in large]
    return names, np.array(rows)


def _ordered(shares: Floats, labels: Sequence[str], order: tuple[int, ...]) -> list[tuple[str, Floats]]:
    """Bets on rows up to a cut, above it, and far out on both sides."""
    inner = shares[list(order)]
    mass = np.cumsum(inner) / max(float(inner.sum()), 1e-12)
    cuts = sorted({_cut(mass, (place + 1) / (CUTS + 1)) for place in range(CUTS)})
    found: list[tuple[str, Floats]] = []
    for cut in (cut for cut in cuts if cut < len(order) - 1):
        low = _cells(len(shares), order[: cut + 1])
        high = _cells(len(shares), order[cut + 1 :])
        found += [(f"more up to {labels[order[cut]]}", low), (f"more above {labels[order[cut]]}", high)]
    left, right = _cut(mass, 0.25), _cut(mass, 0.75)
    if left < right < len(order) - 1:
        middle = _cells(len(shares), order[left + 1 : right + 1])
        found += [
            ("more far out", _cells(len(shares), order) - middle),
            ("more in the middle", middle),
        ]
    return found


def _cut(mass: Floats, share: float) -> int:
    """The position whose running share of rows is nearest to one."""
    return int(np.abs(mass - share).argmin())


def _cells(size: int, members: Sequence[int]) -> Floats:
    row = np.zeros(size)
    row[list(members)] = 1.0
    return row
