"""What one pass over a log reads of each of its parts: files, runs of row groups, entries that wait.

A part is opened when its turn comes. Row groups are read one by one at first, because a page is mostly full
after the newest; the fewer rows fit, the more of them are looked through at once.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise, starmap
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from konan.journal.entry import Entry
from konan.journal.segments import Damage
from konan.predictions import shelf
from konan.predictions.filters import Range, Want, outside
from konan.predictions.flusher import Tail
from konan.predictions.groups import Groups, Rows, groups_of
from konan.predictions.rows import Schemas, original_ids, table_of
from konan.predictions.shelf import Waiting
from konan.predictions.table import File, Snapshot

_ENTRIES = 1000
_GROUPS = 64
"""Most row groups that are looked through at once."""

_DAY_US = 86_400_000_000
_LAST = "g"
"""Greater than every id."""

_NO_IDS = pa.array([], pa.string())
NONE = pa.table({"id": _NO_IDS})
"""No rows."""


class Source(NamedTuple):
    """A part of a log that is not read yet; ``open`` gives its parts, or its rows."""

    last: str
    open: "Callable[[], list[Source] | pa.Table]"


class Pass:
    """One pass over a log.

    Args:
        want: which rows.
        schemas: what versions take.

    Attributes:
        columns: names of the columns that were seen.
    """

    def __init__(self, want: Want, schemas: Schemas) -> None:
        self.columns: set[str] = set()
        self._want = want
        self._schemas = schemas
        self._before = want.before or _LAST
        self._looked = 0
        self._page = _NO_IDS

    def sources(self, tail: Tail, now: Snapshot) -> list[Source]:
        """The parts of a log in which rows may be wanted.

        Args:
            tail: what is not in the table.
            now: the table.
        """
        self.columns.update(now.columns)
        files = [Source(file.last, partial(self._file, file)) for file in now.files if self._wants(file)]
        places = [place for place in tail.places if place.run.last]
        runs = [Source(place.run.last, partial(self._run, place, now)) for place in places]
        return files + runs + self._held(tail.held, now)

    def _wants(self, file: File) -> bool:
        """Whether rows of a file can be wanted: an id is never older than its request, nor much newer."""
        filters = self._want.filters
        if filters.since is not None and file.day < filters.since // _DAY_US:
            return False
        if filters.until is not None and file.day > filters.until // _DAY_US + 1:
            return False
        return file.first < self._before

    # What is not in the table

    def _run(self, place: shelf.Place, now: Snapshot) -> list[Source]:
        try:
            return self._held(shelf.read(place), now)
        except (FileNotFoundError, Damage):  # in the table by now; or told by the flusher
            return []

    def _held(self, waiting: Sequence[Waiting], now: Snapshot) -> list[Source]:
        flushed = {gateway: now.flushed(gateway) for gateway in {one.gateway for one in waiting}}
        entries = [one.entry for one in waiting if one.sequence > flushed[one.gateway]]
        parts = [entries[start : start + _ENTRIES] for start in range(0, len(entries), _ENTRIES)]
        return [Source(max(max(one.ids) for one in part), partial(self._converted, part)) for part in parts]

    def _converted(self, entries: Sequence[Entry]) -> pa.Table:
        rows = table_of(entries, self._schemas)
        self.columns.update(rows.column_names)
        mask = self._want.filters.mask(rows)
        if mask is not None:
            rows = rows.filter(mask)
        rows = rows.filter(self._fitting(rows["id"], rows if self._want.keep else None))
        if self._want.most:
            rows = rows.sort_by([("id", "descending")]).slice(0, self._want.most)
        wanted = self._want.columns
        if wanted is None:
            return rows
        return rows.select([name for name in rows.column_names if name == "id" or name in wanted])

    # What is in the table

    def _file(self, file: File) -> list[Source]:
        groups = groups_of(file.path)
        asked = self._want.filters.bounds(groups.positions)
        found = []
        for group in range(groups.count):
            first, last = groups.span(group, "id") or (file.first, file.last)
            if first >= self._before or any(_without(groups, group, *one) for one in asked.items()):
                continue
            if self._possible(groups, group, first, last):
                found.append((last, group))
        return self._rest(groups, sorted(found))

    def _possible(self, groups: Groups, group: int, first: str, last: str) -> bool:
        keep = self._want.keep
        return keep is None or not groups.empty(group, "mirrors") or keep.possible(first, last)

    def _rest(self, groups: Groups, left: list[tuple[str, int]]) -> list[Source]:
        return [Source(left[-1][0], partial(self._split, groups, left))] if left else []

    def _split(self, groups: Groups, left: list[tuple[str, int]]) -> list[Source]:
        """The next row groups of a file to look through, and the rest."""
        count, last = self._at_once(), left[-1][0]
        self._looked += count
        now = sorted(group for _, group in left[-count:])
        return [*self._rest(groups, left[:-count]), Source(last, partial(self._some, groups, now))]

    def _at_once(self) -> int:
        """How many row groups are looked through next: what the page lacks, but not more than all before."""
        if not self._want.most:
            return 1
        most = min(self._looked + 1, _GROUPS)
        found, lacking = len(self._page), self._want.most - len(self._page)
        return min(most, max(1, -(-lacking * self._looked // found))) if found else most

    def _some(self, groups: Groups, some: list[int]) -> pa.Table:
        """The wanted rows of some row groups; columns are read only while any row may be wanted."""
        names = ["id", "mirrors"] if self._want.keep else ["id"]
        read = groups.each_of(self._hits(groups, some), names)
        found = [rows for rows in starmap(self._last_word, read) if len(rows.ids)]
        if self._want.most:
            found = self._newest(found)
        if not found:
            return NONE
        wanted = self._want.columns
        names = [name for name in groups.positions if wanted is None or name in wanted]
        return groups.take(found, names)

    def _newest(self, found: list[Rows]) -> list[Rows]:
        """Those of some rows that can be on the page, beside all that was found before."""
        ids = pa.concat_arrays([self._page, *(rows.ids for rows in found)])
        newest = pc.sort_indices(ids, sort_keys=[("", "descending")])
        self._page = ids.take(newest[: self._want.most])
        if len(ids) <= self._want.most:
            return found
        least, chosen = self._page[-1], []
        for rows in found:
            fits = pc.greater_equal(rows.ids, least)
            if pc.any(fits).as_py():
                positions = rows.positions[fits.to_numpy(zero_copy_only=False)]
                chosen.append(Rows(rows.group, positions, rows.ids.filter(fits)))
        return chosen

    def _hits(self, groups: Groups, some: list[int]) -> list[Rows]:
        """The rows that fit the filters, still without their ids."""
        filters = self._want.filters
        settled = all(_has_one_of(groups, group, filters.roles) for group in some)
        if settled:
            filters = filters._replace(roles=())
        looked = filters.columns(groups.positions)
        mask = filters.mask(groups.coded(some, looked)) if looked or filters.features else None
        if mask is None:
            return [Rows(group, np.arange(groups.rows(group)), _NO_IDS) for group in some]
        positions = pc.indices_nonzero(mask).to_numpy().astype(np.int64)
        starts = np.cumsum([0, *(groups.rows(group) for group in some)])
        bounds = np.searchsorted(positions, starts)
        return [
            Rows(group, positions[begin:end] - start, _NO_IDS)
            for group, start, (begin, end) in zip(some, starts, pairwise(bounds), strict=False)
            if begin < end
        ]

    def _last_word(self, rows: Rows, read: pa.Table) -> Rows:
        """Those of some rows that are wanted, with their ids."""
        fits = self._fitting(read["id"], read if self._want.keep else None).combine_chunks()
        ids = read["id"].combine_chunks().filter(fits)
        return Rows(rows.group, rows.positions[fits.to_numpy(zero_copy_only=False)], ids)

    def _fitting(self, ids: pa.ChunkedArray, rows: pa.Table | None) -> pa.ChunkedArray:
        """Which ids are on the page or behind it, and their predictions kept."""
        fits = pc.less(ids, self._before)
        if rows is not None and self._want.keep is not None:
            fits = pc.and_(fits, self._want.keep.mask(original_ids(rows)))
        return fits


def _without(groups: Groups, group: int, name: str, asked: Range) -> bool:
    """Whether no row of a row group can have what is asked of a column."""
    span = groups.span(group, name)
    return groups.empty(group, name) if span is None else outside(span, asked)


def _has_one_of(groups: Groups, group: int, roles: Sequence[str]) -> bool:
    """Whether all rows of a row group are known to have one of some roles."""
    span = groups.span(group, "role")
    return span is not None and span[0] == span[1] and span[0] in roles
