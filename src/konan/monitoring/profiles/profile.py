"""Profiles: exact summaries of a window of rows, which can be added.

A profile holds whole numbers only, so that any split of the same rows in any order gives the same bytes, and
a window of 90 days is the sum of its hours. Two profiles may be added when they were counted with the same
cells, which a digest says.
"""

import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Self, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
from typing_extensions import override

from konan.errors import Invalid
from konan.monitoring.profiles.cells import Cells, Counts, NumericCells, counted

if TYPE_CHECKING:
    import pyarrow as pa

FEATURES = "features."
"""Columns of the model's inputs are named so, as ``features.age``."""

LABEL = "output.label"
VALUE = "output.value"
SCORE = "output.score"
"""The probability of the second class where there are two, else that of the label."""

TARGET = "target"

_MAGIC = b"KNP1"
_HEAD = struct.Struct("<4s32sII")
_BLOCK = 65_536

Vector: TypeAlias = npt.NDArray[np.int64]


class Layout(msgspec.Struct, frozen=True, dict=True):
    """The cells of all columns of a reference.

    Attributes:
        columns: cells, each named for its column: ``features.NAME``, `LABEL`, `VALUE`, `SCORE`, `TARGET`.
        form: of what is counted; profiles of another form cannot be added.
    """

    columns: tuple[Cells, ...]
    form: int = 1

    @cached_property
    def digest(self) -> str:
        """SHA-256 of its JSON, 64 hexadecimal digits."""
        return hashlib.sha256(self.to_json()).hexdigest()

    @cached_property
    def positions(self) -> dict[str, int]:
        """Where each column stands, by its name."""
        return {cells.name: at for at, cells in enumerate(self.columns)}

    @cached_property
    def ordered(self) -> tuple[int, ...]:
        """Positions of the inputs that are numbers; of these the profile also has sums of products."""
        return tuple(
            at for at, one in enumerate(self.columns) if one.ordered and one.name.startswith(FEATURES)
        )

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """How many cells each column has."""
        return tuple(len(cells.labels) for cells in self.columns)

    def cells(self, name: str) -> Cells:
        """The cells of a column.

        Raises:
            KeyError: there is no such column.
        """
        return self.columns[self.positions[name]]

    def to_json(self) -> bytes:
        """As JSON, the same for equal layouts."""
        return msgspec.json.encode(self, order="deterministic")

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """What `to_json` made.

        Raises:
            msgspec.DecodeError: it is no layout.
        """
        return msgspec.json.decode(text, type=cls)


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """What was counted in a window.

    Attributes:
        layout: digest of the layout.
        lengths: how many cells each column has.
        vector: ``int64``: the number of rows; the counts of each column; the sum of the ranks of each ordered
            column; the sums of products of each pair of them, of the upper triangle row by row.
    """

    layout: str
    lengths: tuple[int, ...]
    vector: Vector

    @classmethod
    def empty(cls, layout: Layout) -> Self:
        """Of no rows."""
        size = len(layout.ordered)
        length = 1 + sum(layout.lengths) + size + size * (size + 1) // 2
        return cls(layout.digest, layout.lengths, np.zeros(length, np.int64))

    @classmethod
    def of(cls, layout: Layout, table: "pa.Table", rows: int | None = None) -> Self:
        """Of the rows of a table.

        A column of the layout that the table lacks is not counted, so the truth of rows that were counted
        before may be added as a profile of its own.

        Args:
            layout: its cells.
            table: with columns named as those of the layout; others are passed over.
            rows: as how many rows they count; else as many as there are.

        >>> import pyarrow as pa
        >>> from konan.monitoring.profiles.histogram import fit_numeric
        >>> layout = Layout((fit_numeric("features.x", [1.0, 2.0, 3.0], 2),))
        >>> profile = Profile.of(layout, pa.table({"features.x": [2.5, None, 2.0]}))
        >>> profile.rows, dict(zip(layout.columns[0].labels, profile.counts[0].tolist()))
        (3, {'missing': 1, 'invalid': 0, 'below': 0, '[1, 2)': 0, '[2, 3]': 2, 'above': 0})
        """
        total = cls.empty(layout)
        for start in range(0, table.num_rows, _BLOCK):
            total.vector[1:] += _counted_block(layout, table.slice(start, _BLOCK))
        total.vector[0] = table.num_rows if rows is None else rows
        return total

    @classmethod
    def of_counts(cls, layout: Layout, counts: Sequence[npt.ArrayLike], rows: int | None = None) -> Self:
        """Of counts that are known; the sums are 0.

        Args:
            layout: its cells.
            counts: of each column, as many as it has cells.
            rows: how many rows they are of; else as many as the first column counts.

        Raises:
            Invalid: they do not fit the layout.
        """
        arrays = [np.asarray(one, dtype=np.int64) for one in counts]
        if tuple(map(len, arrays)) != layout.lengths:
            raise Invalid("The counts do not fit the layout.")
        found = cls.empty(layout)
        flat = np.concatenate(arrays) if arrays else np.zeros(0, np.int64)
        found.vector[1 : 1 + flat.size] = flat
        found.vector[0] = (arrays[0].sum() if arrays else 0) if rows is None else rows
        return found

    @property
    def rows(self) -> int:
        """How many rows were counted."""
        return int(self.vector[0])

    @property
    def counts(self) -> tuple[Counts, ...]:
        """How many values fell into each cell, by column in the layout's order."""
        return tuple(self.vector[start:end] for start, end in pairwise(accumulate(self.lengths, initial=1)))

    @property
    def sums(self) -> Vector:
        """The sum of the ranks of each ordered column, ``(k,) int64``."""
        start = 1 + sum(self.lengths)
        return self.vector[start : start + self._size]

    @property
    def products(self) -> Vector:
        """The sums of products of the ranks of each pair of ordered columns, ``(k, k) int64``, symmetric."""
        size = self._size
        found = np.zeros((size, size), np.int64)
        upper = np.triu_indices(size)
        found[upper] = self.vector[1 + sum(self.lengths) + size :]
        return found + np.triu(found, 1).T

    @property
    def _size(self) -> int:
        """How many columns are ordered, from the length: ``k + k (k + 1) / 2`` numbers are left for them."""
        left = self.vector.size - 1 - sum(self.lengths)
        return (int(np.sqrt(9 + 8 * left) + 0.5) - 3) // 2

    def merge(self, other: "Profile") -> "Profile":
        """Of the rows of both.

        Raises:
            Invalid: they were counted with different cells.
        """
        if (self.layout, self.lengths) != (other.layout, other.lengths):
            raise Invalid("Profiles of different layouts cannot be merged.")
        return Profile(self.layout, self.lengths, self.vector + other.vector)

    def to_bytes(self) -> bytes:
        """As bytes, the same for equal profiles: a head, then numbers of 64 bits."""
        head = _HEAD.pack(_MAGIC, bytes.fromhex(self.layout), len(self.lengths), self.vector.size)
        lengths = np.asarray(self.lengths, "<u4").tobytes()
        return head + lengths + self.vector.astype("<i8", copy=False).tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """What `to_bytes` made.

        Raises:
            Invalid: it is no profile.
        """
        try:
            magic, digest, columns, size = _HEAD.unpack_from(data)
            lengths = np.frombuffer(data, "<u4", columns, _HEAD.size)
            vector = np.frombuffer(data, "<i8", size, _HEAD.size + 4 * columns)
        except (struct.error, ValueError):
            raise Invalid("The profile is cut short.") from None
        if magic != _MAGIC or len(data) != _HEAD.size + 4 * columns + 8 * size:
            raise Invalid("The profile is not one of this form.")
        return cls(digest.hex(), tuple(lengths.tolist()), vector.astype(np.int64))

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Profile) and self.to_bytes() == other.to_bytes()

    @override
    def __hash__(self) -> int:
        return hash(self.to_bytes())


def merged(layout: Layout, profiles: Iterable[Profile]) -> Profile:
    """Of the rows of all of some profiles; of none it is empty.

    Raises:
        Invalid: one was counted with other cells.
    """
    total = Profile.empty(layout)
    for profile in profiles:
        if (profile.layout, profile.lengths) != (total.layout, total.lengths):
            raise Invalid("Profiles of different layouts cannot be merged.")
        total.vector[:] += profile.vector
    return total


def beside(layout: Layout, profiles: Sequence[Profile]) -> Profile:
    """The columns of profiles beside each other; of the pairs only those within the first are kept.

    Args:
        layout: with the columns of all of them, in their order; only the first may have ordered ones.
        profiles: the number of rows is that of the first.

    Raises:
        Invalid: they do not fit the layout.
    """
    if not profiles:
        return Profile.empty(layout)
    first = profiles[0]
    found = Profile.of_counts(layout, [one for profile in profiles for one in profile.counts], first.rows)
    pairs = first.vector[1 + sum(first.lengths) :]
    if found.vector.size != 1 + sum(found.lengths) + pairs.size:
        raise Invalid("The profiles do not fit the layout.")
    found.vector[1 + sum(found.lengths) :] = pairs
    return found


def _counted_block(layout: Layout, table: "pa.Table") -> Vector:
    """All but the number of rows, of so few rows that sums of products are exact as floating point."""
    names = set(table.column_names)
    counts: list[Counts] = []
    ranks = np.zeros((len(layout.ordered), table.num_rows))
    rows = iter(ranks)
    ordered = set(layout.ordered)
    for at, cells in enumerate(layout.columns):
        row = next(rows) if at in ordered else None
        if cells.name not in names:
            counts.append(np.zeros(len(cells.labels), np.int64))
            continue
        codes = cells.assign(table.column(cells.name))
        counts.append(counted(codes, len(cells.labels)))
        if row is not None and isinstance(cells, NumericCells):
            np.take(cells.ranks, codes, out=row)
    sums = ranks.sum(axis=1)
    products = (ranks @ ranks.T)[np.triu_indices(len(ranks))]
    return np.concatenate([*counts, sums.astype(np.int64), products.astype(np.int64)])
