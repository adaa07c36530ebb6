"""Finds the prediction that a business key means.

A key means the newest prediction that carried it when the truth was observed; if there was none by then, the
first one after it. Copies that challengers answered do not count.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from konan import clock
from konan.journal.entry import Entry
from konan.ports import DeploymentStore
from konan.predictions import table
from konan.predictions.columns import Column, columns
from konan.predictions.filters import SHOWN_ROLES
from konan.predictions.reading import Tails, entries_of
from konan.predictions.table import File
from konan.records.schema import Schema, class_text

_PATIENCE = 1.0
_DAY_US = 86_400_000_000
_WHOLE = r"(-?[0-9]+)\.0"
_whole = re.compile(_WHOLE)
_decode = msgspec.json.Decoder().decode

KeyColumns = Callable[[str], Mapping[int, Column]]
"""The column with the business key of each version that declares one, by its deployment's uuid."""

Asked = tuple[str, int]
"""A key, and when its truth was observed (microseconds since 1970-01-01 UTC)."""


class Match(NamedTuple):
    """A prediction that carried a key.

    Attributes:
        at: when it was asked for, microseconds since 1970-01-01 UTC.
        id: of the prediction.
        version: number of the version that answered.
    """

    at: int
    id: str
    version: int


class StoredKeyColumns:
    """The key columns of all versions that are not failed.

    Args:
        store: the metadata.
    """

    def __init__(self, store: DeploymentStore) -> None:
        self._store = store
        self._known: dict[str, dict[int, Column]] = {}
        self._asked = -_PATIENCE

    def __call__(self, deployment: str) -> Mapping[int, Column]:
        """The column with the business key of each version of a deployment that declares one."""
        if clock.monotonic() - self._asked >= _PATIENCE:
            known: dict[str, dict[int, Column]] = {}
            for where, version in self._store.platform_versions():
                if version.schema is not None and version.schema.key:
                    known.setdefault(where.uuid, {})[version.version] = key_column(version.schema)
            self._known, self._asked = known, clock.monotonic()
        return self._known.get(deployment, {})


def key_column(schema: Schema) -> Column:
    """The column with the business key of a version that declares one."""
    return next(column for column in columns(schema) if column.name == schema.key)


class KeyFinder:
    """Looks for business keys in the prediction logs.

    Args:
        directory: where the logs are.
        tails: knows what is in no table yet.
        key_columns: where keys are.
    """

    def __init__(self, directory: Path, tails: Tails, key_columns: KeyColumns) -> None:
        self._directory = directory
        self._tails = tails
        self._key_columns = key_columns

    def declared(self, deployment: str) -> bool:
        """Whether any version of a deployment declares a business key."""
        return bool(self._key_columns(deployment))

    def find(self, deployment: str, asked: Sequence[Asked], since: int = 0) -> dict[Asked, Match]:
        """The predictions that keys mean; a key that none has carried yet is left out.

        Args:
            deployment: uuid.
            asked: keys.
            since: only predictions from then on are looked at, microseconds since 1970-01-01 UTC.
        """
        places = self._key_columns(deployment)
        search = _Search(asked)
        tail = self._tails.tail(deployment)  # before the table: nothing is missed
        for entry in entries_of(tail):
            if entry.role in SHOWN_ROLES and entry.version in places and entry.at_ns // 1000 >= since:
                search.take(_keyed(entry, places[entry.version]))
        files = [f for f in table.snapshot(self._directory / deployment).files if f.day >= since // _DAY_US]
        for file in files:  # newest first
            if search.settled(file.last):
                break
            for rows in _groups(file, places, since):
                search.take(_rows(rows, places, search.keys))
        return search.found


class _Search:
    """What was asked for, and the best match of each so far."""

    def __init__(self, asked: Sequence[Asked]) -> None:
        self.found: dict[Asked, Match] = {}
        self._asked: dict[str, list[int]] = {}
        for key, observed in dict.fromkeys(asked):
            self._asked.setdefault(key, []).append(observed)
        self._count = sum(map(len, self._asked.values()))
        self.keys = pa.array(list(self._asked), pa.string())

    def take(self, carried: Iterator[tuple[str, Match]]) -> None:
        """Consider predictions with their keys."""
        for key, match in carried:
            for observed in self._asked.get(key, ()):
                best = self.found.get((key, observed))
                if best is None or _better(match, best, observed):
                    self.found[key, observed] = match

    def settled(self, last: str) -> bool:
        """Whether predictions with ids up to one cannot be better than what was found."""
        return len(self.found) == self._count and all(
            match.at <= observed and match.id > last for (_, observed), match in self.found.items()
        )


def _better(match: Match, best: Match, observed: int) -> bool:
    if (match.at <= observed) != (best.at <= observed):
        return match.at <= observed
    return match > best if match.at <= observed else match < best


def _keyed(entry: Entry, column: Column) -> Iterator[tuple[str, Match]]:
    decoded = _decode(entry.body)
    for answered, row in zip(entry.ids, [decoded] if entry.single else decoded, strict=True):
        cell = row.get(column.name)
        if cell is not None:
            yield text_of(cell), Match(entry.at_ns // 1000, answered, entry.version)


def _groups(file: File, places: Mapping[int, Column], since: int) -> Iterator[pa.Table]:
    """The parts of a file with the columns that keys are in."""
    reader = pq.ParquetFile(file.path)
    names = reader.schema_arrow.names
    physical = [name for name in {column.physical for column in places.values()} if name in names]
    wanted = ["id", "at", "version", "role", *physical]
    for index in range(reader.num_row_groups if physical else 0):
        rows = reader.read_row_group(index, columns=wanted)
        at = rows["at"].cast(pa.int64())
        shown = pc.is_in(rows["role"], pa.array(SHOWN_ROLES))
        yield rows.set_column(1, "at", at).filter(pc.and_(shown, pc.greater_equal(at, since)))


def _rows(rows: pa.Table, places: Mapping[int, Column], keys: pa.Array) -> Iterator[tuple[str, Match]]:
    """The predictions among some rows that carried one of the keys."""
    for column in set(places.values()):
        if column.physical not in rows.column_names:
            continue
        versions = pa.array([number for number, place in places.items() if place == column], pa.int32())
        some = rows.filter(pc.is_in(rows["version"], versions))
        texts = _texts(some[column.physical], column)
        there = pc.is_in(texts, keys)
        some = some.filter(there)
        cells = (some[name].to_pylist() for name in ("at", "id", "version"))
        yield from zip(texts.filter(there).to_pylist(), map(Match, *cells), strict=True)


def _texts(cells: pa.ChunkedArray, column: Column) -> pa.ChunkedArray:
    if column.letter in "xs":
        return pc.replace_substring_regex(cells, f"^{_WHOLE}$", r"\1")
    texts = [None if cell is None else text_of(cell) for cell in cells.to_pylist()]
    return pa.chunked_array([pa.array(texts, pa.string())])


def text_of(cell: Any) -> str:
    """A key as text, in which keys are compared; a whole number has no point, as tables add one.

    >>> text_of(17), text_of(17.0), text_of("17.0"), text_of("A-17"), text_of(True)
    ('17', '17', '17', 'A-17', 'true')
    """
    text = class_text(cell)
    whole = _whole.fullmatch(text)
    return whole[1] if whole else text
