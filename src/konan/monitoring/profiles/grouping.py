"""Counts many profiles at once: those of the groups of some rows (`profile` beside it counts one)."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from konan.monitoring.profiles.cells import NumericCells
from konan.monitoring.profiles.profile import Layout, Profile

Groups = npt.NDArray[np.int64]
Matrix = npt.NDArray[np.int64]


class Coded:
    """Rows whose values were assigned to their cells, to be counted by one grouping after another.

    Args:
        layout: its cells.
        table: at most some ten thousand rows, with columns named as those of the layout.
    """

    def __init__(self, layout: Layout, table: pa.Table) -> None:
        self._width = Profile.empty(layout).vector.size
        self._codes: list[tuple[int, int, npt.NDArray[np.int64]]] = []
        self._ranks = np.zeros((table.num_rows, len(layout.ordered)))
        names, at = set(table.column_names), 1
        ordered = {position: place for place, position in enumerate(layout.ordered)}
        for position, cells in enumerate(layout.columns):
            if cells.name in names:
                codes = cells.assign(table.column(cells.name))
                self._codes.append((at, len(cells.labels), codes.astype(np.int64)))
                if position in ordered and isinstance(cells, NumericCells):
                    self._ranks[:, ordered[position]] = cells.ranks[codes]
            at += len(cells.labels)
        self._sums = at

    def counted(self, groups: Groups, count: int) -> Matrix:
        """The vector of each group's profile, ``(count, width) int64``.

        Args:
            groups: the group of each row, in [0, count).
            count: number of groups.
        """
        found = np.zeros((count, self._width), np.int64)
        found[:, 0] = np.bincount(groups, minlength=count)
        for at, cells, codes in self._codes:
            counts = np.bincount(groups * cells + codes, minlength=count * cells)
            found[:, at : at + cells] = counts.reshape(count, cells)
        size = self._ranks.shape[1]
        if size:
            order = np.argsort(groups, kind="stable")
            ranks, upper = self._ranks[order], np.triu_indices(size)
            ends = np.cumsum(found[:, 0])
            for group, (start, end) in enumerate(zip(ends - found[:, 0], ends, strict=True)):
                some = ranks[start:end]
                found[group, self._sums : self._sums + size] = some.sum(axis=0)
                found[group, self._sums + size :] = (some.T @ some)[upper]
        return found
