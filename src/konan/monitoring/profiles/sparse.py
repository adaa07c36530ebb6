"""Whole numbers at few of many positions, which add exactly in any order (pure).

At a position of 0 or more a number is added. A position below 0 remembers the one value that was seen there,
or that there was more than one: so a cell of a histogram may tell that all its rows have the same value.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

MIXED = int(np.iinfo(np.int64).min)
"""Stands at a position below 0 where more than one value was seen."""


class Sparse(NamedTuple):
    """Numbers at positions; all others are 0, or were never seen.

    Attributes:
        at: positions, increasing, ``(n,) int64``.
        values: the number at each, ``(n,) int64``.
    """

    at: Ints
    values: Ints

    def one(self, position: int) -> int:
        """The number at a position; 0 where there is none."""
        place = int(self.at.searchsorted(position))
        there = place < self.at.size and self.at[place] == position
        return int(self.values[place]) if there else 0

    def dense(self, start: int, size: int) -> Ints:
        """The numbers of ``size`` positions from ``start`` on, 0 where there is none, ``(size,) int64``."""
        first, last = self.at.searchsorted((start, start + size))
        found = np.zeros(size, np.int64)
        found[self.at[first:last] - start] = self.values[first:last]
        return found

    def within(self, start: int, size: int) -> "Sparse":
        """Those at ``size`` positions from ``start`` on, counted from there."""
        first, last = self.at.searchsorted((start, start + size))
        return Sparse(self.at[first:last] - start, self.values[first:last])


def nothing() -> Sparse:
    """No number anywhere."""
    return Sparse(np.zeros(0, np.int64), np.zeros(0, np.int64))


def merged(parts: Sequence[Sparse]) -> Sparse:
    """The sum of some; of none it is nothing.

    >>> first = Sparse(np.array([-1, 0, 7]), np.array([5, 2, 3]))
    >>> second = Sparse(np.array([-1, 7]), np.array([6, -3]))
    >>> [one.tolist() for one in merged([first, second])]
    [[-1, 0], [-9223372036854775808, 2]]
    """
    kept = [one for one in parts if one.at.size]
    if len(kept) < 2:
        return kept[0] if kept else nothing()
    first, last = min(int(one.at[0]) for one in kept), max(int(one.at[-1]) for one in kept)
    if last - first < sum(one.at.size for one in kept):
        return _laid(kept, first, last)
    return gathered(np.concatenate([one.at for one in kept]), np.concatenate([one.values for one in kept]))


def _laid(parts: Sequence[Sparse], first: int, last: int) -> Sparse:
    """The sum of many that lie close, laid over all positions between two: that needs no sorting."""
    start = max(first, 0)
    sums = np.zeros(max(last + 1 - start, 0), np.int64)
    least = np.full(max(start - first, 0), np.iinfo(np.int64).max)
    most, seen = np.full(least.size, MIXED), np.zeros(least.size, np.bool_)
    for at, values in parts:
        remembered = int(at.searchsorted(0))
        sums[at[remembered:] - start] += values[remembered:]
        if remembered:
            places, some = at[:remembered] - first, values[:remembered]
            seen[places] = True
            least[places] = np.minimum(least[places], some)
            most[places] = np.maximum(most[places], some)
    below, above = np.flatnonzero(seen), np.flatnonzero(sums)
    alone = np.where(least[below] == most[below], least[below], MIXED)
    return Sparse(np.concatenate([below + first, above + start]), np.concatenate([alone, sums[above]]))


def gathered(at: Ints, values: Ints) -> Sparse:
    """Numbers at positions in any order, one position perhaps several times.

    Args:
        at: positions, ``(n,)``.
        values: the number at each, ``(n,)``.
    """
    if not at.size:
        return nothing()
    order = np.argsort(at, kind="stable")
    at, values = at[order], values[order]
    starts = np.flatnonzero(np.concatenate([[True], at[1:] != at[:-1]]))
    found = at[starts]
    remembering = int(np.searchsorted(found, 0))
    sums = np.add.reduceat(values, starts)
    if remembering:
        end = starts[remembering] if remembering < starts.size else at.size
        some, firsts = values[:end], starts[:remembering]
        least, most = np.minimum.reduceat(some, firsts), np.maximum.reduceat(some, firsts)
        sums[:remembering] = np.where(least == most, least, MIXED)
    kept = (sums != 0) | (found < 0)
    return Sparse(found[kept], sums[kept])


def packed(parts: Sequence[Sparse]) -> bytes:
    """Some of them as bytes, before they are compressed; equal ones give equal bytes."""
    lengths = np.array([one.at.size for one in parts], "<u4")
    steps = [np.diff(one.at, prepend=0) for one in parts]
    at = np.concatenate([np.zeros(0, np.int64), *steps]).astype("<i4")
    values = np.concatenate([np.zeros(0, np.int64), *(one.values for one in parts)]).astype("<i8")
    # bytes of one weight beside each other: most numbers are small, so most of them are 0
    shuffled = values.view(np.uint8).reshape(-1, 8).T
    return lengths.tobytes() + at.tobytes() + shuffled.tobytes()


def unpacked(data: bytes | memoryview, count: int, only: tuple[int, int] | None = None) -> list[Sparse]:
    """What `packed` made of so many.

    Args:
        data: the bytes.
        count: number of them.
        only: first of the positions that are wanted, and one behind the last; None is all.

    >>> both = Sparse(np.array([-1, 0, 7]), np.array([5, 2, 3])), Sparse(np.array([6]), np.array([4]))
    >>> [(one.at.tolist(), one.values.tolist()) for one in unpacked(packed(both), 2, (0, 7))]
    [([0], [2]), ([6], [4])]
    """
    lengths = np.frombuffer(data, "<u4", count).tolist()
    total = sum(lengths)
    steps = np.frombuffer(data, "<i4", total, 4 * count)
    shuffled = np.frombuffer(data, np.uint8, 8 * total, 4 * (count + total)).reshape(8, total)
    found, end = [], 0
    for length in lengths:
        start, end = end, end + length
        at, first, last = steps[start:end].cumsum(dtype=np.int64), start, end
        if only is not None:
            low, high = at.searchsorted(only).tolist()
            at, first, last = at[low:high], start + low, start + high
        values = np.ascontiguousarray(shuffled[:, first:last].T).view("<i8").reshape(last - first)
        found.append(Sparse(at, values.astype(np.int64, copy=False)))
    return found
