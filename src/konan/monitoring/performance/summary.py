"""Summaries of answers beside their truths, which can be added (pure).

A summary holds whole numbers only, at few of many positions, so that any split of the same rows in any order
gives the same bytes, and 90 days are the sum of their hours.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt
from typing_extensions import override

from konan.errors import Invalid
from konan.monitoring.performance.grids import DELAYS
from konan.monitoring.performance.pairs import Pairs
from konan.monitoring.performance.shape import Shape
from konan.monitoring.performance.sums import PLACES, total
from konan.monitoring.profiles.sparse import Ints, Sparse, merged, nothing, packed, unpacked

Floats = npt.NDArray[np.float64]
Self = TypeVar("Self", bound="CountSummary")

_BLOCK = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class CountSummary:
    """How many rows there are, and how many of them have their truth; of any answers.

    Attributes:
        shape: what is counted.
        numbers: the counts.
    """

    shape: Shape
    numbers: Sparse

    @property
    def rows(self) -> int:
        """How many rows there are, with and without a truth."""
        return self.number("rows")

    @property
    def labelled(self) -> int:
        """How many have their truth."""
        return self.number("labelled")

    @property
    def usable(self) -> int:
        """How many have a truth and an answer that can be compared."""
        return self.labelled - self.number("unusable")

    @property
    def share(self) -> float:
        """Share of the rows that are labelled so far, in [0, 1]; 0 of no rows."""
        return self.labelled / self.rows if self.rows else 0.0

    @property
    def delays(self) -> Ints:
        """Labelled rows by the time from their answer to their first truth, in the cells of `DELAYS`."""
        return self.counts("delays")

    def number(self, name: str) -> int:
        """The count of a section that has one."""
        return self.numbers.one(self.shape.sections[name].start)

    def counts(self, name: str) -> Ints:
        """The counts of a section, ``(size,) int64``."""
        return self.numbers.dense(*self.shape.sections[name])

    def total(self, name: str) -> int:
        """The exact sum of a section, in units of ``2 ** -sums.SCALE``."""
        return total(self.numbers.within(self.shape.sections[name].start, PLACES))

    def totals(self, name: str, count: int) -> list[int]:
        """So many exact sums after another, as `total` gives one."""
        found = self.numbers.within(self.shape.sections[name].start, count * PLACES)
        ends = found.at.searchsorted([at * PLACES for at in range(count + 1)]).tolist()
        return [
            total(Sparse(found.at[first:last] - at * PLACES, found.values[first:last]))
            for at, (first, last) in enumerate(pairwise(ends))
        ]

    def merge(self: Self, other: "CountSummary") -> Self:
        """Of the rows of both.

        Raises:
            Invalid: they are of different answers.
        """
        if self.shape != other.shape:
            raise Invalid("Summaries of different answers cannot be merged.")
        return type(self)(self.shape, merged([self.numbers, other.numbers]))

    def to_bytes(self) -> bytes:
        """As bytes, the same for equal summaries."""
        return msgspec.msgpack.encode((self.shape, packed([self.numbers])))

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, CountSummary) and self.to_bytes() == other.to_bytes()

    @override
    def __hash__(self) -> int:
        return hash(self.to_bytes())


class ClassSummary(CountSummary):
    """Of a classifier: what was answered where what was true, and the probabilities beside."""

    __slots__ = ()

    @property
    def confusion(self) -> Ints:
        """Rows by truth and answer, ``(k, k) int64``: first the truth. Empty where classes are unknown."""
        size = len(self.shape.classes)
        return self.counts("confusion").reshape(size, size)

    @property
    def right(self) -> int:
        """How many answers were right."""
        return self.number("right")

    @property
    def scored(self) -> int:
        """How many usable rows have probabilities."""
        return self.number("scored") if self.shape.probabilities else 0


class ValueSummary(CountSummary):
    """Of a regressor: sums and a histogram of its errors, answer minus truth."""

    __slots__ = ()


Summary: TypeAlias = ClassSummary | ValueSummary | CountSummary

_KINDS: dict[str, type[CountSummary]] = {
    "classifier": ClassSummary,
    "regressor": ValueSummary,
    "other": CountSummary,
}


def of_numbers(shape: Shape, numbers: Sparse) -> Summary:
    """The summary that numbers make."""
    return _KINDS[shape.kind](shape, numbers)


def empty(shape: Shape) -> Summary:
    """Of no rows."""
    return of_numbers(shape, nothing())


def with_rows(shape: Shape, numbers: Sparse, rows: int) -> Summary:
    """The summary that numbers make of rows with a truth, and how many rows there are."""
    if not rows:
        return of_numbers(shape, numbers)
    position = shape.sections["rows"].start
    place = int(numbers.at.searchsorted(position))
    at = np.concatenate((numbers.at[:place], (position,), numbers.at[place:]))
    values = np.concatenate((numbers.values[:place], (rows,), numbers.values[place:]))
    return of_numbers(shape, Sparse(at, values))


def of_rows(shape: Shape, rows: int) -> Summary:
    """Of so many rows without a truth."""
    return with_rows(shape, nothing(), rows)


def summary_of(shape: Shape, pairs: Pairs, rows: int | None = None) -> Summary:
    """Of some rows whose truth is known.

    Args:
        shape: of their version.
        pairs: the rows, at most a million.
        rows: how many rows there are, with those without a truth; else as many as the pairs.

    >>> shape = Shape("classifier", ("no", "yes"))
    >>> pairs = Pairs.of_classes(shape, np.array([0, 1, 1]), np.array([0, 1, 0]))
    >>> summary = summary_of(shape, pairs, rows=4)
    >>> summary.rows, summary.labelled, summary.share, summary.confusion.tolist()
    (4, 3, 0.75, [[1, 0], [1, 1]])
    """
    (numbers,) = pairs.counted(np.zeros(pairs.rows, np.int64), 1)
    return with_rows(shape, numbers, pairs.rows if rows is None else rows)


def merged_summaries(shape: Shape, summaries: list[Summary]) -> Summary:
    """Of the rows of all of them.

    Raises:
        Invalid: one is of other answers.
    """
    if any(one.shape != shape for one in summaries):
        raise Invalid("Summaries of different answers cannot be merged.")
    return of_numbers(shape, merged([one.numbers for one in summaries]))


def from_bytes(data: bytes) -> Summary:
    """What `to_bytes` made.

    Raises:
        Invalid: it is no summary of this form.
    """
    try:
        shape, numbers = _decode(data)
        return of_numbers(shape, unpacked(numbers, 1)[0])
    except (msgspec.DecodeError, ValueError, KeyError):
        raise Invalid("The summary is not one of this form.") from None


def delay_within(delays: Ints, share: float) -> float | None:
    """Seconds within which a share of truths came, read at the end of a cell; None of no truths.

    >>> counts = np.zeros(len(DELAYS) + 1, np.int64)
    >>> counts[[1, 50]] = 90, 10
    >>> round(delay_within(counts, 0.9), 2), round(delay_within(counts, 0.95))
    (1.19, 5793)
    """
    count = int(delays.sum())
    if not count:
        return None
    cell = int(np.searchsorted(np.cumsum(delays), share * count))
    return float(DELAYS[min(cell, len(DELAYS) - 1)])


_decode = msgspec.msgpack.Decoder(tuple[Shape, bytes]).decode
