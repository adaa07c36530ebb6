"""Which predictions have a known truth: asked about very many of them, and answered by their ids alone."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from konan.predictions.groups import Groups, groups_of
from konan.predictions.table import File

_RECENT = 16
"""So many parts of a file are remembered, of some hundred kilobytes each."""


class Labelled:
    """Keeps the predictions with a known truth, or those without (`konan.predictions.filters.Keep`).

    Args:
        files: of the table of truths.
        held: ids with a truth that is in no table.
        wanted: whether those with a truth are kept.
    """

    def __init__(self, files: Iterable[File], held: Iterable[str], *, wanted: bool) -> None:
        self._files = [(file, _Ids(file)) for file in files]
        self._held = sorted(set(held))
        self._wanted = wanted

    def possible(self, first: str, last: str) -> bool:
        """Whether a prediction with an id from ``first`` to ``last`` may be wanted."""
        if not self._wanted:
            return True
        if self._held_within(first, last):
            return True
        return any(ids.any_within(first, last) for file, ids in self._files if _meet(file, first, last))

    def mask(self, ids: pa.ChunkedArray) -> pa.ChunkedArray:
        """Which of some predictions are wanted; of a copy the id of its original is asked."""
        if not len(ids):
            return pa.chunked_array([], pa.bool_())
        bounds = pc.min_max(ids)
        first, last = bounds["min"].as_py(), bounds["max"].as_py()
        parts = [pa.array(self._held_within(first, last), pa.string())]
        for file, found in self._files:
            if _meet(file, first, last):
                parts += found.within(first, last)
        known = pc.is_in(ids, pa.concat_arrays(parts))
        return known if self._wanted else pc.invert(known)

    def _held_within(self, first: str, last: str) -> list[str]:
        return self._held[bisect_left(self._held, first) : bisect_right(self._held, last)]


class _Ids:
    """The ids in one file; a part of it is read when it is needed."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._spans: list[tuple[str, str]] = []
        self._groups: Groups | None = None
        self._recent: dict[int, pa.Array] = {}

    def any_within(self, first: str, last: str) -> bool:
        """Whether an id lies between two."""
        groups, found = self._overlapping(first, last)
        if any(first <= least <= last or first <= greatest <= last for _, least, greatest in found):
            return True
        return any(pc.any(_between(self._read(groups, group), first, last)).as_py() for group, *_ in found)

    def within(self, first: str, last: str) -> list[pa.Array]:
        """The ids between two."""
        groups, found = self._overlapping(first, last)
        parts = [self._read(groups, group) for group, *_ in found]
        return [part.filter(_between(part, first, last)) for part in parts]

    def _overlapping(self, first: str, last: str) -> tuple[Groups, list[tuple[int, str, str]]]:
        """The row groups that may have ids between two, with their bounds."""
        groups = self._groups
        if groups is None:
            groups = groups_of(self._file.path)
            whole = (self._file.first, self._file.last)
            self._spans = [groups.span(group, "id") or whole for group in range(groups.count)]
            self._groups = groups  # last: another thread may be here
        spans = enumerate(self._spans)
        return groups, [(at, *span) for at, span in spans if first <= span[1] and last >= span[0]]

    def _read(self, groups: Groups, group: int) -> pa.Array:
        found = self._recent.get(group)
        if found is None:
            found = groups.read(group, ["id"])["id"].combine_chunks()
            self._recent = {**dict(list(self._recent.items())[1 - _RECENT :]), group: found}
        return found


def _meet(file: File, first: str, last: str) -> bool:
    return first <= file.last and last >= file.first


def _between(ids: pa.Array, first: str, last: str) -> pa.Array:
    return pc.and_(pc.greater_equal(ids, first), pc.less_equal(ids, last))
