"""Which predictions are wanted, as masks over the columns of the log (pure)."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from konan.errors import Invalid
from konan.predictions.columns import Column
from konan.predictions.rows import moment

SHOWN_ROLES = ("live", "canary")
"""Whose answers were returned to a caller."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Bound = float | int | str | bool | None


class Range(NamedTuple):
    """What one feature shall be.

    Attributes:
        low: smallest value, or None.
        high: largest value, or None.
    """

    low: _Bound
    high: _Bound


class Filters(NamedTuple):
    """Which predictions are wanted; None takes all.

    Attributes:
        since: earliest time, microseconds since 1970-01-01 UTC.
        until: the time before which it must lie, likewise.
        version: number of the version.
        roles: whose traffic; empty takes all.
        status: HTTP status.
        label: label as text.
        latency: least and largest microseconds.
        features: ranges of features and declared columns by their names.
        hashes: what a version that hashes such a column has of the value that is asked for, by their names.
    """

    since: int | None = None
    until: int | None = None
    version: int | None = None
    roles: tuple[str, ...] = SHOWN_ROLES
    status: int | None = None
    label: str | None = None
    latency: Range = Range(None, None)
    features: Mapping[str, Range] = {}
    hashes: Mapping[str, str] = {}

    def columns(self, present: Iterable[str]) -> list[str]:
        """Those of a table's columns that must be looked at."""
        wanted = set(self._fixed())
        for name in self.features:
            wanted |= set(_physical(name))
        return [name for name in present if name in wanted]

    def unknown(self, present: Iterable[str]) -> list[str]:
        """The features that are asked for but are in no column."""
        there = set(present)
        return [name for name in self.features if not there & set(_physical(name))]

    def mask(self, rows: pa.Table) -> pa.ChunkedArray | None:
        """Which rows are wanted; None is all of them."""
        masks = [_between(rows[name], asked) for name, asked in self._fixed().items() if name != "role"]
        if self.roles:
            roles = pa.array(self.roles)
            masks.append(_each(rows["role"], lambda cells: pc.is_in(cells, roles)))
        masks += [_any(rows, name, asked, self.hashes.get(name)) for name, asked in self.features.items()]
        found = None
        for mask in masks:
            found = mask if found is None else pc.and_(found, mask)
        return None if found is None else pc.fill_null(found, fill_value=False)

    def bounds(self, present: Iterable[str]) -> dict[str, Range]:
        """What is asked of columns, to pass over parts of files by their statistics.

        Args:
            present: names of the columns.
        """
        there = set(present)
        found = {name: asked for name, asked in self._fixed().items() if name in there and name != "role"}
        for name, asked in self.features.items():
            physical = [one for one in _physical(name) if one in there]
            if len(physical) == 1 and _comparable(physical[0][0], asked) and name not in self.hashes:
                found[physical[0]] = asked
        return found

    def _fixed(self) -> dict[str, Range]:
        exact = {"version": self.version, "status": self.status, "label": self.label}
        found = {name: Range(value, value) for name, value in exact.items() if value is not None}
        if self.since is not None or self.until is not None:
            found["at"] = Range(self.since, None if self.until is None else self.until - 1)
        if self.latency != Range(None, None):
            found["latency_us"] = self.latency
        if self.roles:
            found["role"] = Range(None, None)
        return found


class Keep(Protocol):
    """Which predictions are wanted, by something that the log does not hold."""

    def possible(self, first: str, last: str) -> bool:
        """Whether a prediction with an id from ``first`` to ``last`` may be wanted."""
        ...

    def mask(self, ids: pa.ChunkedArray) -> pa.ChunkedArray:
        """Which of some predictions are wanted; of a copy the id of its original is asked."""
        ...


class Want(NamedTuple):
    """What a reader wants of a log.

    Attributes:
        filters: which rows.
        before: only smaller ids than this; empty is all.
        most: of each part only so many rows with the largest ids; 0 is all.
        keep: a last word on the rows that fit; None keeps all.
        columns: names of the columns that are needed; None is all.
    """

    filters: Filters = Filters()
    before: str = ""
    most: int = 0
    keep: Keep | None = None
    columns: tuple[str, ...] | None = None


def outside(span: tuple[Any, Any], asked: Range) -> bool:
    """Whether no value within the bounds of a part's statistics is what is asked for.

    >>> outside((3, 7), Range(8, None)), outside((3, 7), Range(None, 5)), outside(("a", "c"), Range("b", "b"))
    (True, False, False)
    """
    low, high = (_alike(bound, span[0]) for bound in asked)
    return bool((low is not None and span[1] < low) or (high is not None and span[0] > high))


def _alike(bound: _Bound, value: Any) -> Any:
    """A bound as what it is compared with; None if it is none, or cannot be compared."""
    if not isinstance(value, datetime):
        return bound
    if isinstance(bound, str):
        return moment(bound)
    try:
        return None if bound is None else _EPOCH + timedelta(microseconds=bound)
    except OverflowError:
        return None


def _physical(name: str) -> list[str]:
    return [Column(letter, name).physical for letter in "nibstx"]


def _any(rows: pa.Table, name: str, asked: Range, hashed: str | None) -> pa.ChunkedArray:
    """Whether one of the columns that a feature has had fits, or has the hash of what is asked for."""
    found = pa.chunked_array([pa.repeat(pa.scalar(value=False), rows.num_rows)])
    for physical in _physical(name):
        if physical in rows.column_names and _comparable(physical[0], asked):
            found = pc.or_(found, pc.fill_null(_between(rows[physical], asked), fill_value=False))
        if physical in rows.column_names and physical[0] in "sx" and hashed is not None:
            same = _between(rows[physical], Range(hashed, hashed))
            found = pc.or_(found, pc.fill_null(same, fill_value=False))
    return found


def _comparable(letter: str, asked: Range) -> bool:
    bounds = [bound for bound in asked if bound is not None]
    if letter == "b":
        return all(isinstance(bound, bool) for bound in bounds)
    if letter in "ni":
        return _is_number(*bounds)
    return all(isinstance(bound, str) for bound in bounds)


def _is_number(*bounds: _Bound) -> bool:
    known = [bound for bound in bounds if bound is not None]
    return all(isinstance(bound, int | float) and not isinstance(bound, bool) for bound in known)


def _each(cells: pa.ChunkedArray, test: Callable[[Any], Any]) -> pa.ChunkedArray:
    """A test of each cell; of cells that are coded by a dictionary, each of its texts is tested once."""
    if not pa.types.is_dictionary(cells.type):
        return test(cells)
    found = [test(chunk.dictionary).take(chunk.indices) for chunk in cells.chunks]
    return pa.chunked_array(found, pa.bool_())


def _between(cells: pa.ChunkedArray, asked: Range) -> pa.ChunkedArray:
    return _each(cells, lambda some: _lies_between(some, asked))


def _lies_between(cells: Any, asked: Range) -> Any:
    low, high = (None if bound is None else _scalar(bound, cells.type) for bound in asked)
    if low is not None and high is not None and low == high:
        return pc.equal(cells, low)
    found = pc.is_valid(cells)
    if low is not None:
        found = pc.and_(found, pc.greater_equal(cells, low))
    if high is not None:
        found = pc.and_(found, pc.less_equal(cells, high))
    return found


def _scalar(bound: Any, kind: pa.DataType) -> pa.Scalar:
    if pa.types.is_timestamp(kind):
        if isinstance(bound, str) and moment(bound) is None:
            raise Invalid("A date-time to compare with is not RFC 3339.")
        return pa.scalar(moment(bound) if isinstance(bound, str) else bound, kind)
    if pa.types.is_integer(kind):  # 1.5 lies between two integers
        return pa.scalar(float(bound), pa.float64()) if isinstance(bound, float) else pa.scalar(bound, kind)
    return pa.scalar(bound, kind)
