"""Reads a deployment's log: its table and what has not reached it yet, newest first.

Files, row groups of files and entries that wait are sources, each with the largest id in it. The source with
the largest is read next; so a page of the newest rows opens one file, and memory holds one row group.
"""

from bisect import insort
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from konan.errors import Invalid, NotFound
from konan.journal.entry import Entry
from konan.journal.segments import Damage
from konan.predictions import lookup, shelf, table
from konan.predictions.columns import Column
from konan.predictions.filters import Filters
from konan.predictions.flusher import Tail
from konan.predictions.rows import Schemas, day_of, originals, table_of
from konan.predictions.shelf import Waiting
from konan.predictions.table import File, Snapshot

_ENTRIES = 1000
_DAY_US = 86_400_000_000
_LAST = "g"
"""Greater than every id."""

Keep = Callable[[list[str]], Sequence[bool]]
"""Which of some predictions are wanted, by something that the log does not hold; copies are asked for by the
id of their original."""


class Tails(Protocol):
    """Knows what is answered but in no table (`konan.predictions.flusher.Flusher`)."""

    def tail(self, name: str) -> Tail:
        """What of a log is not in its table yet."""
        ...


class _Source(NamedTuple):
    """A part of a log that is not read yet; ``open`` gives its parts, or its rows."""

    last: str
    open: "Callable[[], list[_Source] | pa.Table]"


class Known(msgspec.Struct, frozen=True, gc=False):
    """What a prediction is.

    Attributes:
        version: number of the version that answered.
        original: its own id, or that of the prediction that it is a copy of.
    """

    version: int
    original: str


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


class PredictionLog:
    """The logs of all deployments.

    Args:
        directory: where the logs are.
        tails: knows what is in no table yet.
        schemas: what versions take.
    """

    def __init__(self, directory: Path, tails: Tails, schemas: Schemas) -> None:
        self._directory = directory
        self._tails = tails
        self._schemas = schemas

    def page(self, deployment: str, want: Want, limit: int) -> pa.Table:
        """The newest rows that are wanted, by id, newest first.

        Args:
            deployment: uuid.
            want: which rows.
            limit: most rows.

        Returns:
            A table with the columns of `konan.predictions.columns` that the rows' versions have.

        Raises:
            Invalid: no version has a feature that is filtered by.
        """
        found: list[pa.Table] = []
        for part, bound in self._parts(deployment, want._replace(most=limit)):
            if part.num_rows:
                whole = pa.concat_tables([*found, part], promote_options="default")
                order = pc.sort_indices(whole, sort_keys=[("id", "descending")])
                found = [whole.take(order[:limit])]
            if found and found[0].num_rows == limit and found[0]["id"][-1].as_py() > bound:
                break
        return found[0] if found else pa.table({"id": pa.array([], pa.string())})

    def batches(self, deployment: str, want: Want) -> Iterator[pa.Table]:
        """All rows that are wanted, in parts of bounded size, newer parts first.

        Args:
            deployment: uuid.
            want: which rows.

        Raises:
            Invalid: no version has a feature that is filtered by.
        """
        for part, _ in self._parts(deployment, want):
            if part.num_rows:
                yield part

    def one(self, deployment: str, prediction_id: str) -> pa.Table:
        """The row of one prediction, from the files of its day.

        Raises:
            NotFound: there is none of that id.
        """
        try:
            day = day_of(prediction_id)
        except ValueError:
            raise NotFound("There is no such prediction.") from None
        tail = self._tails.tail(deployment)
        waiting = [entry for entry in entries_of(tail) if prediction_id in entry.ids]
        if waiting:
            rows = table_of(waiting[:1], self._schemas)
            return rows.filter(pc.equal(rows["id"], prediction_id))
        for file in table.snapshot(self._directory / deployment).files:
            if file.day == day and file.first <= prediction_id <= file.last:
                found = _look_up(file, prediction_id)
                if found is not None:
                    return found
        raise NotFound("There is no such prediction.")

    def known(self, deployment: str, ids: Collection[str]) -> dict[str, Known]:
        """Those of some ids that are predictions of a deployment, and what they are.

        Args:
            deployment: uuid.
            ids: any texts; only the files of their days and ranges are looked into.
        """
        wanted = set(ids)
        found = {
            one: Known(entry.version, entry.mirrors[at] if entry.mirrors else one)
            for entry in entries_of(self._tails.tail(deployment))
            for at, one in enumerate(entry.ids)
            if one in wanted
        }
        left = wanted.difference(found)
        files = table.snapshot(self._directory / deployment).files
        for rows in lookup.rows_of(files, left, ("id", "version", "mirrors")):
            names, versions = rows["id"].to_pylist(), rows["version"].to_pylist()
            found.update(zip(names, map(Known, versions, originals(rows)), strict=True))
        return found

    def _parts(self, deployment: str, want: Want) -> Iterator[tuple[pa.Table, str]]:
        """Rows of each part, and the largest id that what follows can have."""
        reading = _Reading(want, self._schemas)
        tail = self._tails.tail(deployment)  # before the table: nothing is missed
        now = table.snapshot(self._directory / deployment)
        sources = [reading.file(file) for file in now.files if reading.wants(file)]
        sources += reading.waiting(tail, now)
        sources.sort(key=_last)
        reading.columns.update(now.columns)
        looked = bool(sources)
        while sources:
            opened = sources.pop().open()
            if isinstance(opened, list):
                for source in opened:
                    insort(sources, source, key=_last)
            else:
                yield opened, sources[-1].last if sources else ""
        unknown = want.filters.unknown(reading.columns)
        if looked and unknown:
            raise Invalid(f"No version has a feature named {unknown[0]!r}.")


class _Reading:
    """One pass over a log.

    Attributes:
        columns: names of the columns that were seen.
    """

    def __init__(self, want: Want, schemas: Schemas) -> None:
        self.columns: set[str] = set()
        self._want = want
        self._schemas = schemas
        self._before = want.before or _LAST

    def waiting(self, tail: Tail, now: Snapshot) -> list[_Source]:
        """What is not in the table."""
        places = [place for place in tail.places if place.run.last]
        runs = [_Source(place.run.last, partial(self._run, place, now)) for place in places]
        return runs + self._held(tail.held, now)

    def wants(self, file: File) -> bool:
        """Whether rows of a file can be wanted: an id is never older than its request, nor much newer."""
        filters = self._want.filters
        if filters.since is not None and file.day < filters.since // _DAY_US:
            return False
        if filters.until is not None and file.day > filters.until // _DAY_US + 1:
            return False
        return file.first < self._before

    def file(self, file: File) -> _Source:
        """A file, whose row groups are sources themselves."""
        return _Source(file.last, partial(self._groups, file))

    def _run(self, place: shelf.Place, now: Snapshot) -> list[_Source]:
        try:
            return self._held(shelf.read(place), now)
        except (FileNotFoundError, Damage):  # in the table by now; or told by the flusher
            return []

    def _held(self, waiting: Sequence[Waiting], now: Snapshot) -> list[_Source]:
        flushed = {gateway: now.flushed(gateway) for gateway in {one.gateway for one in waiting}}
        entries = [one.entry for one in waiting if one.sequence > flushed[one.gateway]]
        parts = [entries[start : start + _ENTRIES] for start in range(0, len(entries), _ENTRIES)]
        return [_Source(max(max(one.ids) for one in part), partial(self._converted, part)) for part in parts]

    def _converted(self, entries: Sequence[Entry]) -> pa.Table:
        rows = table_of(entries, self._schemas)
        self.columns.update(rows.column_names)
        return self._narrow(rows.take(self._chosen(rows)))

    def _groups(self, file: File) -> list[_Source]:
        groups = _Groups(file.path)
        found = []
        for index in range(groups.count):
            first, last = groups.span(index, "id") or (file.first, file.last)
            if first < self._before and self._may_hold(groups, index):
                found.append(_Source(last, partial(self._group, groups, index)))
        return found

    def _may_hold(self, groups: "_Groups", index: int) -> bool:
        for name, asked in self._want.filters.ranges().items():
            physical = (name, Column("n", name).physical, Column("i", name).physical)
            known = [one for one in physical if one in groups.positions]
            span = groups.span(index, known[0]) if len(known) == 1 else None
            if span is not None:
                above = asked.high is not None and span[0] > asked.high
                if above or (asked.low is not None and span[1] < asked.low):
                    return False
        return True

    def _group(self, groups: "_Groups", index: int) -> pa.Table:
        """The wanted rows of a row group; columns are read only while any row may be wanted."""
        filters, names = self._want.filters, list(groups.positions)
        first = [name for name in filters.columns(names) if not self._settled(groups, index, name)]
        if "role" not in first:
            filters = filters._replace(roles=())
        mask = filters.mask(groups.coded(index, first))
        if mask is not None and not pc.any(mask).as_py():
            return pa.table({"id": pa.array([], pa.string())})
        rows = groups.read(index, ["id", "mirrors"] if self._want.keep else ["id"])
        chosen = self._last_word(rows, mask)
        wanted = [name for name in names if self._want.columns is None or name in self._want.columns]
        return groups.read(index, wanted, rows).select(dict.fromkeys(("id", *wanted))).take(chosen)

    def _settled(self, groups: "_Groups", index: int, name: str) -> bool:
        """Whether all rows of a row group have the same role, and it is wanted."""
        span = groups.span(index, name) if name == "role" else None
        return span is not None and span[0] == span[1] and span[0] in self._want.filters.roles

    def _narrow(self, rows: pa.Table) -> pa.Table:
        wanted = self._want.columns
        if wanted is None:
            return rows
        return rows.select([name for name in rows.column_names if name == "id" or name in wanted])

    def _chosen(self, rows: pa.Table) -> pa.Array:
        """Positions of the wanted rows."""
        return self._last_word(rows, self._want.filters.mask(rows))

    def _last_word(self, rows: pa.Table, mask: pa.ChunkedArray | None) -> pa.Array:
        """Positions of the rows that a mask leaves and that are wanted; with a limit, of the largest ids."""
        chosen = pa.array(range(rows.num_rows)) if mask is None else pc.indices_nonzero(mask)
        ids = rows["id"].take(chosen)
        fits = pc.less(ids, self._before)
        if self._want.keep is not None:
            asked = originals(rows.select(["id", "mirrors"]).take(chosen))
            fits = pc.and_(fits, pa.array(self._want.keep(asked), pa.bool_()))
        chosen, ids = chosen.filter(fits.combine_chunks()), ids.filter(fits)
        if self._want.most and len(chosen) > self._want.most:
            newest = pc.sort_indices(ids, sort_keys=[("", "descending")])[: self._want.most]
            chosen = chosen.take(newest)
        return chosen


class _Groups:
    """The row groups of one file."""

    def __init__(self, path: str) -> None:
        reader = pq.ParquetFile(path)
        self.count: int = reader.num_row_groups
        self._path = path
        self.positions = {name: position for position, name in enumerate(reader.schema_arrow.names)}
        self._reader = reader
        self._coded: pq.ParquetFile | None = None

    def coded(self, index: int, names: list[str]) -> pa.Table:
        """Columns of a row group with texts coded by a dictionary, which is much faster to compare."""
        if self._coded is None:
            texts = [name for name in names if pa.types.is_string(self._reader.schema_arrow.field(name).type)]
            self._coded = pq.ParquetFile(
                self._path, metadata=self._reader.metadata, read_dictionary=texts, memory_map=True
            )
        return self._coded.read_row_group(index, columns=names, use_threads=False)

    def span(self, index: int, name: str) -> tuple[Any, Any] | None:
        """Smallest and largest value of a column in a row group, None if that is not known."""
        stats = self._reader.metadata.row_group(index).column(self.positions[name]).statistics
        return (stats.min, stats.max) if stats is not None and stats.has_min_max else None

    def read(self, index: int, names: Sequence[str], beside: pa.Table | None = None) -> pa.Table:
        """Columns of a row group, beside those that were read before."""
        if beside is None:
            return self._reader.read_row_group(index, columns=list(names))
        more = [name for name in names if name not in beside.column_names]
        if not more:
            return beside
        rest = self._reader.read_row_group(index, columns=more)
        if not beside.num_columns:
            return rest
        for name in more:
            beside = beside.append_column(name, rest[name])
        return beside


def entries_of(tail: Tail) -> Iterator[Entry]:
    """The entries of a tail, those in memory first."""
    yield from (one.entry for one in tail.held)
    for place in tail.places:
        try:
            yield from (one.entry for one in shelf.read(place))
        except (FileNotFoundError, Damage):
            continue


def _look_up(file: File, prediction_id: str) -> pa.Table | None:
    groups = _Groups(file.path)
    for index in range(groups.count):
        first, last = groups.span(index, "id") or (file.first, file.last)
        if first <= prediction_id <= last:
            ids = groups.read(index, ["id"])
            at = pc.index(ids["id"], prediction_id).as_py()
            if at >= 0:
                return groups.read(index, list(groups.positions)).slice(at, 1)
    return None


def _last(source: _Source) -> str:
    return source.last
