"""Counts many rows into the sparse numbers of their groups at once (pure)."""

import numpy as np
import numpy.typing as npt

from konan.monitoring.performance.shape import Section
from konan.monitoring.performance.sums import PLACES, pieces
from konan.monitoring.profiles.sparse import Ints, Sparse, gathered

Floats = npt.NDArray[np.float64]

_DENSE = 1 << 18
_EXACT = 1 << 20
"""Numbers below ``2 ** 28`` of so many rows sum up exactly as floats."""


class Tally:
    """The numbers of the groups of some rows, while they are counted.

    Args:
        groups: the group of each row, in ``[0, count)``, ``(n,) int64``.
        count: number of groups.

    Raises:
        ValueError: they are too many rows for one tally.
    """

    def __init__(self, groups: Ints, count: int) -> None:
        if groups.size > _EXACT:
            raise ValueError(f"at most {_EXACT:,} rows are counted at once")
        self._groups = groups
        self._count = count
        self._found: list[tuple[Ints, Ints, Ints]] = []

    def add(
        self, section: Section, codes: Ints, weights: Ints | None = None, rows: Ints | None = None
    ) -> None:
        """Add 1, or a weight, at the place of each row.

        Args:
            section: where.
            codes: place in the section, ``(m,)``.
            weights: what is added, ``(m,)``, below ``2 ** 28`` in size.
            rows: of which rows, ``(m,)``; else of all.
        """
        groups = self._groups if rows is None else self._groups[rows]
        keys = groups * section.size + codes
        width = self._count * section.size
        if width <= _DENSE:
            sums = np.bincount(keys, weights, width)
            there = np.flatnonzero(sums)
            keys, sums = there, sums[there]
        else:
            keys, places = np.unique(keys, return_inverse=True)
            sums = np.bincount(places, weights, keys.size)
        group, code = np.divmod(keys, section.size)
        self._found.append((group, section.start + code, sums.astype(np.int64)))

    def sum(
        self, section: Section, values: Floats, rows: Ints | None = None, codes: Ints | None = None
    ) -> None:
        """Add exactly the values of rows.

        Args:
            section: of one sum, or of several after another.
            values: finite, ``(m,)``.
            rows: as of `add`.
            codes: to which of several sums each is added, ``(m,)``.
        """
        for place, piece in pieces(values):
            self.add(section, place if codes is None else codes * PLACES + place, piece, rows)

    def remember(self, section: Section, codes: Ints, values: Ints, rows: Ints | None = None) -> None:
        """Remember at each place its one value, or that there are several."""
        groups = self._groups if rows is None else self._groups[rows]
        self._found.append((groups, section.start + codes, values))

    def numbers(self) -> list[Sparse]:
        """What was counted, by group."""
        if not self._found:
            return [gathered(np.zeros(0, np.int64), np.zeros(0, np.int64)) for _ in range(self._count)]
        groups, at, values = (np.concatenate(parts) for parts in zip(*self._found, strict=True))
        order = np.argsort(groups, kind="stable")
        at, values = at[order], values[order]
        ends = np.searchsorted(groups[order], np.arange(self._count + 1))
        return [
            gathered(at[first:last], values[first:last])
            for first, last in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)
        ]
