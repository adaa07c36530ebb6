"""Finds the prediction that a business key means.

A key means the newest prediction that carried it when the truth was observed; if there was none by then, the
first one after it. Copies that challengers answered do not count. Where a version's key column is hashed,
keys are compared, and kept, as hashes; those of versions that keep them in clear are hashed to be compared.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from konan import clock
from konan.access import secret
from konan.journal.entry import Entry
from konan.ports import Store
from konan.predictions import table
from konan.predictions.columns import Column, columns
from konan.predictions.filters import SHOWN_ROLES
from konan.predictions.reading import Tails, entries_of
from konan.predictions.table import File
from konan.records.private import hashed, sought, text_of, treatments
from konan.records.schema import Schema

_PATIENCE = 1.0
_DAY_US = 86_400_000_000
_WHOLE = r"(-?[0-9]+)\.0"
_decode = msgspec.json.Decoder().decode


class KeyColumn(NamedTuple):
    """Where a version has its business keys.

    Attributes:
        column: in the log.
        key: under which they are hashed before they are kept; empty if they are not.
    """

    column: Column
    key: bytes = b""


Places = Mapping[int, KeyColumn]
KeyColumns = Callable[[str], Places]
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

    They are remembered for a moment, but never longer than gateways serve what they served: where a version
    that hashes its keys becomes live, the next key is kept as a hash.

    Args:
        store: the metadata.
        server_secret: of `konan.access.secret`.
    """

    def __init__(self, store: Store, server_secret: bytes) -> None:
        self._store = store
        self._secret = server_secret
        self._known: dict[str, dict[int, KeyColumn]] = {}
        self._asked = -_PATIENCE
        self._generation = -1

    def __call__(self, deployment: str) -> Places:
        """The column with the business key of each version of a deployment that declares one."""
        generation = self._store.generation()  # first: what changes meanwhile is asked again
        if generation != self._generation or clock.monotonic() - self._asked >= _PATIENCE:
            known: dict[str, dict[int, KeyColumn]] = {}
            for where, version in self._store.platform_versions():
                if version.schema is not None and version.schema.key:
                    key = secret.of_project(self._secret, where.project)
                    known.setdefault(where.uuid, {})[version.version] = key_column(version.schema, key)
            self._known, self._asked, self._generation = known, clock.monotonic(), generation
        return self._known.get(deployment, {})


def key_column(schema: Schema, key: bytes = b"") -> KeyColumn:
    """The column with the business key of a version that declares one.

    Args:
        schema: of the version.
        key: of the project, under which its hashed columns are hashed.
    """
    column = next(column for column in columns(schema) if column.name == schema.key)
    return KeyColumn(column, key if treatments(schema).get(schema.key) == "hash" else b"")


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

    def naming(self, deployment: str) -> Callable[[object], str]:
        """How a key that somebody gives is to be kept: as text, or as a hash if any version hashes keys."""
        key = _hashing(self._key_columns(deployment))
        return (lambda given: sought(key, given)) if key else text_of

    def find(self, deployment: str, asked: Sequence[Asked], since: int = 0) -> dict[Asked, Match]:
        """The predictions that keys mean; a key that none has carried yet is left out.

        Args:
            deployment: uuid.
            asked: keys.
            since: only predictions from then on are looked at, microseconds since 1970-01-01 UTC.
        """
        places = self._key_columns(deployment)
        key = _hashing(places)
        meant = {(sought(key, text), observed): (text, observed) for text, observed in asked} if key else {}
        search = _Search(list(meant) if key else asked)
        tail = self._tails.tail(deployment)  # before the table: nothing is missed
        for entry in entries_of(tail):
            if entry.role in SHOWN_ROLES and entry.version in places and entry.at_ns // 1000 >= since:
                search.take(_keyed(entry, places[entry.version], key))
        files = [f for f in table.snapshot(self._directory / deployment).files if f.day >= since // _DAY_US]
        for file in files:  # newest first
            if search.settled(file.last):
                break
            for rows in _groups(file, places, since):
                search.take(_rows(rows, places, search.keys, key))
        return {meant[one]: match for one, match in search.found.items()} if key else search.found


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


def _hashing(places: Places) -> bytes:
    """The key under which any version of a deployment hashes its business keys; empty if none does."""
    return next((place.key for place in places.values() if place.key), b"")


def _keyed(entry: Entry, place: KeyColumn, key: bytes) -> Iterator[tuple[str, Match]]:
    decoded = _decode(entry.body)
    for answered, row in zip(entry.ids, [decoded] if entry.single else decoded, strict=True):
        cell = row.get(place.column.name)
        if cell is not None:
            text = hashed(key, cell) if key and not place.key else text_of(cell)
            yield text, Match(entry.at_ns // 1000, answered, entry.version)


def _groups(file: File, places: Places, since: int) -> Iterator[pa.Table]:
    """The parts of a file with the columns that keys are in."""
    reader = pq.ParquetFile(file.path)
    names = reader.schema_arrow.names
    physical = [name for name in {place.column.physical for place in places.values()} if name in names]
    wanted = ["id", "at", "version", "role", *physical]
    for index in range(reader.num_row_groups if physical else 0):
        rows = reader.read_row_group(index, columns=wanted)
        at = rows["at"].cast(pa.int64())
        shown = pc.is_in(rows["role"], pa.array(SHOWN_ROLES))
        yield rows.set_column(1, "at", at).filter(pc.and_(shown, pc.greater_equal(at, since)))


def _rows(rows: pa.Table, places: Places, keys: pa.Array, key: bytes) -> Iterator[tuple[str, Match]]:
    """The predictions among some rows that carried one of the keys."""
    for sort in set(places.values()):
        column = sort.column
        if column.physical not in rows.column_names:
            continue
        versions = pa.array([number for number, place in places.items() if place == sort], pa.int32())
        some = rows.filter(pc.is_in(rows["version"], versions))
        texts = _texts(some[column.physical], column)
        if key and not sort.key:
            texts = _hashes(texts, key)
        there = pc.is_in(texts, keys)
        some = some.filter(there)
        cells = (some[name].to_pylist() for name in ("at", "id", "version"))
        yield from zip(texts.filter(there).to_pylist(), map(Match, *cells), strict=True)


def _texts(cells: pa.ChunkedArray, column: Column) -> pa.ChunkedArray:
    if column.letter in "xs":
        return pc.replace_substring_regex(cells, f"^{_WHOLE}$", r"\1")
    texts = [None if cell is None else text_of(cell) for cell in cells.to_pylist()]
    return pa.chunked_array([pa.array(texts, pa.string())])


def _hashes(texts: pa.ChunkedArray, key: bytes) -> pa.ChunkedArray:
    found = [None if text is None else hashed(key, text) for text in texts.to_pylist()]
    return pa.chunked_array([pa.array(found, pa.string())])
