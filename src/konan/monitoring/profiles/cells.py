"""Cells: the few places into one of which every value of a column falls, whatever is sent (pure).

Cells are fitted on a reference once (`konan.monitoring.profiles.histogram`) and frozen with it, so that
counts of any
two windows may be added and compared. Missing, unseen, out-of-range and wrong values have cells of their own:
what changes there is seen as any other change. Arrow is loaded only when values are assigned.

Source: quantile cells as in Yurdakul (2018), "Statistical properties of population stability index", with a
cell of its own for each value that holds much of the reference.
"""

import math
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from konan.records.schema import class_text

if TYPE_CHECKING:
    import pyarrow as pa

Codes: TypeAlias = npt.NDArray[np.int32]
Counts: TypeAlias = npt.NDArray[np.int64]
Column: TypeAlias = "pa.Array | pa.ChunkedArray"

MISSING = "missing"
INVALID = "invalid"
BELOW = "below"
ABOVE = "above"
OTHER = "other"
UNSEEN = "unseen"
PRESENT = "present"

_DIGITS = range(6, 18)


class NumericCells(msgspec.Struct, frozen=True, dict=True, tag_field="kind", tag="numeric"):
    """Cells of a column of numbers: missing, invalid, below, the cells between the bounds, above.

    ``invalid`` is an infinity, or a value that is no number. The cells are half-open; one that holds a single
    value, because much of the reference has it, reaches to the next floating-point number.

    Attributes:
        name: of the column, as ``features.age``.
        bounds: finite, increasing. Cell ``i`` holds ``bounds[i] <= x < bounds[i + 1]``. Empty where the
            reference had no number: then every number is ``above``.

    >>> cells = NumericCells("features.x", (0.0, 1.0, 2.0))
    >>> cells.labels
    ('missing', 'invalid', 'below', '[0, 1)', '[1, 2]', 'above')
    >>> import pyarrow as pa
    >>> cells.assign(pa.array([None, float("inf"), -3.0, 0.0, 1.5, 9.0])).tolist()
    [0, 1, 2, 3, 4, 5]
    """

    name: str
    bounds: tuple[float, ...]

    @property
    def ordered(self) -> bool:
        """Cells of numbers have an order."""
        return True

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """What each cell is called."""
        return (MISSING, INVALID, BELOW, *_intervals(self.bounds), ABOVE)

    @property
    def special(self) -> dict[str, int]:
        """The positions of the cells that stand for something unusual, by their names."""
        return {MISSING: 0, INVALID: 1, BELOW: 2, ABOVE: len(self.labels) - 1}

    @property
    def inner(self) -> range:
        """The positions of the other cells."""
        return range(3, len(self.labels) - 1)

    @property
    def atoms(self) -> tuple[float, ...]:
        """The values that have a cell of their own."""
        return tuple(low for low, high in _pairs(self.bounds) if _is_atom(low, high))

    @cached_property
    def ranks(self) -> npt.NDArray[np.float64]:
        """A whole number for each cell: its place in the order, twice, counted from the middle.

        Missing and invalid values have 0, as the middle has, and so weigh nothing in sums of products.

        >>> NumericCells("x", (0.0, 1.0, 2.0)).ranks.tolist()
        [0.0, 0.0, -3.0, -1.0, 1.0, 3.0]
        """
        size = len(self.labels) - 2
        return np.concatenate([[0.0, 0.0], 2.0 * np.arange(size) - (size - 1)])

    def assign(self, column: Column) -> Codes:
        """The position in ``labels`` of each value's cell, ``(n,) int32``; null and NaN are missing."""
        values, wrong = numbers(column)
        codes: Codes = (np.searchsorted(self._cuts, values, side="right") + 2).astype(np.int32)
        odd = ~np.isfinite(values)
        if odd.any():
            codes[odd] = np.where(np.isnan(values[odd]), 0, 1)
        if wrong is not None:
            codes[wrong] = 1
        return codes

    def count(self, column: Column) -> Counts:
        """How many values fall into each cell, ``(len(labels),) int64``."""
        return counted(self.assign(column), len(self.labels))

    @cached_property
    def _cuts(self) -> npt.NDArray[np.float64]:
        return np.array(self.bounds or (-math.inf,))


class CategoryCells(msgspec.Struct, frozen=True, dict=True, tag_field="kind", tag="category"):
    """Cells of a column of texts, booleans or whole numbers that are names: values, other, unseen, missing.

    Attributes:
        name: of the column, as ``features.city``.
        values: texts with a cell of their own, the most frequent first.
        rare: texts that the reference had too; together they are ``other``. What is in neither is ``unseen``,
            and so is a value of a type that is no category.

    >>> cells = CategoryCells("features.city", ("Bern", "Rome"), ("Oslo",))
    >>> cells.labels
    ('Bern', 'Rome', 'other', 'unseen', 'missing')
    >>> import pyarrow as pa
    >>> cells.assign(pa.array(["Rome", "Oslo", "Atlantis", None])).tolist()
    [1, 2, 3, 4]
    """

    name: str
    values: tuple[str, ...]
    rare: tuple[str, ...] = ()

    @property
    def ordered(self) -> bool:
        """Categories have no order."""
        return False

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """What each cell is called; a value that is called as one of the last three is quoted."""
        ours = (OTHER, UNSEEN, MISSING)
        return (*(f'"{value}"' if value in ours else value for value in self.values), *ours)

    @property
    def special(self) -> dict[str, int]:
        """The positions of the cells that stand for something unusual, by their names."""
        return {UNSEEN: len(self.values) + 1, MISSING: len(self.values) + 2}

    @property
    def inner(self) -> range:
        """The positions of the other cells."""
        return range(len(self.values) + 1)

    def assign(self, column: Column) -> Codes:
        """The position in ``labels`` of each value's cell, ``(n,) int32``."""
        import pyarrow.compute as pc

        texts = category_texts(column)
        missing = pc.is_null(column, nan_is_null=True).to_numpy(zero_copy_only=False)
        if texts is None:
            codes: Codes = np.full(len(column), self.special[UNSEEN], np.int32)
        else:
            at = pc.fill_null(pc.index_in(texts, value_set=self._known), -1)
            codes = self._places[at.to_numpy(zero_copy_only=False)]
        codes[missing] = self.special[MISSING]
        return codes

    def count(self, column: Column) -> Counts:
        """How many values fall into each cell, ``(len(labels),) int64``."""
        return counted(self.assign(column), len(self.labels))

    @cached_property
    def _known(self) -> Any:
        import pyarrow as pa

        return pa.array((*self.values, *self.rare), pa.string())

    @cached_property
    def _places(self) -> Codes:
        """The cell of each known text, and last that of an unknown one."""
        own = np.arange(len(self.values))
        rare = np.full(len(self.rare), len(self.values))
        return np.concatenate([own, rare, [self.special[UNSEEN]]]).astype(np.int32)


class PresenceCells(msgspec.Struct, frozen=True, dict=True, tag_field="kind", tag="presence"):
    """Cells of a column of which only is told whether there was a value.

    So it is with what is masked or hashed, with keys and persons, whose every value is new, and with moments,
    which move on by themselves.

    >>> import pyarrow as pa
    >>> PresenceCells("features.name").count(pa.array(["***", None, "***"])).tolist()
    [2, 1]
    """

    name: str

    @property
    def ordered(self) -> bool:
        """There is no order."""
        return False

    @property
    def labels(self) -> tuple[str, ...]:
        """What each cell is called."""
        return (PRESENT, MISSING)

    @property
    def special(self) -> dict[str, int]:
        """The position of the cell that stands for something unusual, by its name."""
        return {MISSING: 1}

    @property
    def inner(self) -> range:
        """The position of the other cell."""
        return range(1)

    def assign(self, column: Column) -> Codes:
        """0 where there is a value, 1 where there is none, ``(n,) int32``; NaN is none."""
        import pyarrow.compute as pc

        codes: Codes = pc.is_null(column, nan_is_null=True).to_numpy(zero_copy_only=False).astype(np.int32)
        return codes

    def count(self, column: Column) -> Counts:
        """How many values fall into each cell, ``(len(labels),) int64``."""
        return counted(self.assign(column), len(self.labels))


Cells: TypeAlias = NumericCells | CategoryCells | PresenceCells


def counted(codes: Codes, size: int) -> Counts:
    """How often each of ``0 .. size - 1`` stands in an array, ``(size,) int64``.

    >>> counted(np.array([2, 0, 2], np.int32), 4).tolist()
    [1, 0, 2, 0]
    """
    return np.bincount(codes, minlength=size).astype(np.int64)


def category_texts(column: Column) -> Any:
    """The values of a column as the texts in which categories are compared, an Arrow array of strings.

    Returns:
        None where the column has a type that is no category, as a list or a moment.

    >>> import pyarrow as pa
    >>> category_texts(pa.array([True, None])).to_pylist(), category_texts(pa.array([1.0])).to_pylist()
    (['true', None], ['1.0'])
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        return category_texts(pc.cast(column, kind.value_type))
    plain = (pa.types.is_string, pa.types.is_large_string, pa.types.is_boolean, pa.types.is_integer)
    if any(is_so(kind) for is_so in (*plain, pa.types.is_null)):
        return column if pa.types.is_string(kind) else pc.cast(column, pa.string())
    if pa.types.is_floating(kind):
        found = (None if one is None or math.isnan(one) else class_text(one) for one in column.to_pylist())
        return pa.array(found, pa.string())
    return None


def numbers(column: Column) -> tuple[npt.NDArray[np.float64], Any]:
    """The values of a column as numbers.

    Returns:
        ``(n,) float64``, NaN where there is none; and a mask of values that are no numbers, None if all are.

    >>> import pyarrow as pa
    >>> numbers(pa.array([1, None]))[0].tolist(), numbers(pa.array(["a", None]))[1].tolist()
    ([1.0, nan], [True, False])
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if any(is_so(kind) for is_so in (pa.types.is_floating, pa.types.is_integer, pa.types.is_decimal)):
        plain = column if kind == pa.float64() else pc.cast(column, pa.float64(), safe=False)
        return np.asarray(plain, dtype=np.float64), None
    wrong = pc.is_valid(column).to_numpy(zero_copy_only=False)
    return np.full(len(column), math.nan), wrong


def _pairs(bounds: tuple[float, ...]) -> list[tuple[float, float]]:
    return list(pairwise(bounds))


def _is_atom(low: float, high: float) -> bool:
    return high == math.nextafter(low, math.inf)


def _intervals(bounds: tuple[float, ...]) -> list[str]:
    """What the cells between bounds are called.

    >>> _intervals((0.0, math.nextafter(0.0, 1.0), 2.0, math.nextafter(7.0, 8.0)))
    ['= 0', '(0, 2)', '[2, 7]']
    """
    if not bounds:
        return []
    pairs = _pairs(bounds)
    after = [False, *(_is_atom(*pair) for pair in pairs[:-1]), True]
    shown = [
        math.nextafter(one, -math.inf) if is_so else one for one, is_so in zip(bounds, after, strict=True)
    ]
    texts = _told_apart(shown)
    found = []
    for at, pair in enumerate(pairs):
        opening = "(" if after[at] else "["
        closing = "]" if at + 1 == len(pairs) else ")"
        whole = f"{opening}{texts[at]}, {texts[at + 1]}{closing}"
        found.append(f"= {texts[at]}" if _is_atom(*pair) else whole)
    return found


def _told_apart(numbers: list[float]) -> list[str]:
    """Numbers as texts with as few digits as tell them apart."""
    wanted = len(set(numbers))
    tries = ([f"{number + 0.0:.{digits}g}" for number in numbers] for digits in _DIGITS)
    return next(texts for texts in tries if len(set(texts)) == wanted)
