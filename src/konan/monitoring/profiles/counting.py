"""Counts the rows of a log's files into the profiles of their day, part by part, whatever their number."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from konan.monitoring.performance.logged_answers import LoggedAnswers
from konan.monitoring.profiles.days import Day, Key
from konan.monitoring.profiles.grouping import Coded
from konan.monitoring.profiles.layouts import Layouts
from konan.monitoring.profiles.log_rows import Logged, hours_of
from konan.monitoring.profiles.profile import Layout
from konan.monitoring.profiles.segments import Segments
from konan.predictions.flusher import REJECTED
from konan.predictions.schemas import Schemas

_FIXED = ("id", "version", "role")
_CODE = {"code": "code"}
"""The segment column of rejected requests."""

Groups = npt.NDArray[np.int64]


class Counting:
    """Counts rows of one log.

    Args:
        name: of the log.
        schemas: what versions take.
        layouts: what is counted of each version's rows.
        segments: the values that have profiles of their own; more may get in.
    """

    def __init__(self, name: str, schemas: Schemas, layouts: Layouts, segments: Segments) -> None:
        self._deployment = name.removesuffix(REJECTED)
        self._rejected = name.endswith(REJECTED)
        self._schemas = schemas
        self._layouts = layouts
        self._segments = segments
        self._known: dict[int, tuple[Layout, Logged]] = {}
        self._answers: dict[int, LoggedAnswers] = {}

    def count(self, path: str, day: int, into: Day) -> None:
        """Count all rows of a file.

        Args:
            path: of the file.
            day: days since 1970-01-01 UTC of all its rows.
            into: the profiles of that day.
        """
        for version, rows in self.rows(path):
            layout, logged = self.version(version)
            into.layouts[version] = layout.digest
            coded = Coded(layout, logged(rows))
            for column, values, groups in self.groups(version, rows, day):
                _add(into, version, column, values, coded.counted(groups, len(values)))

    def rows(self, path: str) -> Iterator[tuple[int, pa.Table]]:
        """The rows of a file with all that is counted, part by part, those of one version at a time."""
        reader = pq.ParquetFile(path)
        for group in range(reader.num_row_groups):
            fixed = reader.read_row_group(group, columns=list(_FIXED), use_threads=False)
            versions = pc.unique(fixed["version"]).to_pylist()
            needed = set[str]().union(*(self.version(version)[1].needed for version in versions))
            yield from self._parted(reader, group, fixed, needed, None)

    def chosen(
        self, path: str, choose: Callable[[pa.Table], pa.BooleanArray | None]
    ) -> Iterator[tuple[int, pa.Table]]:
        """Some rows of a file with all that is counted, part by part, those of one version at a time.

        Args:
            path: of the file.
            choose: which rows, given ``id``, ``version``, ``role`` and ``mirrors`` of all of a part; None for
                none of them.
        """
        reader = pq.ParquetFile(path)
        for group in range(reader.num_row_groups):
            fixed = reader.read_row_group(group, columns=[*_FIXED, "mirrors"], use_threads=False)
            wanted = choose(fixed)
            if wanted is not None:
                versions = pc.unique(fixed["version"]).to_pylist()
                known = [(self.answers(version), self.version(version)[1]) for version in versions]
                needed = set[str]().union(*(one.needed for pair in known for one in pair))
                yield from self._parted(reader, group, fixed, needed, wanted)

    def _parted(
        self, reader: pq.ParquetFile, group: int, fixed: pa.Table, needed: set[str], wanted: pa.Array | None
    ) -> Iterator[tuple[int, pa.Table]]:
        """The rows of a part with their columns and those of segments, by version."""
        versions = pc.unique(fixed["version"]).to_pylist()
        names = needed.union(*(self._columns(version).values() for version in versions))
        there = names.intersection(reader.schema_arrow.names).difference(fixed.column_names)
        rows = fixed
        if there:
            found = reader.read_row_group(group, columns=sorted(there), use_threads=False)
            for name in found.column_names:
                rows = rows.append_column(name, found[name])
        if wanted is not None:
            rows = rows.filter(wanted)
        for version in versions:
            yield version, rows if len(versions) == 1 else rows.filter(pc.equal(rows["version"], version))

    def answers(self, version: int) -> LoggedAnswers:
        """What is counted of a version's answers beside their truths."""
        known = self._answers.get(version)
        if known is None:
            schema = None if self._rejected else self._schemas(self._deployment, version)
            known = self._answers[version] = LoggedAnswers(schema)
        return known

    def version(self, version: int) -> tuple[Layout, Logged]:
        """What is counted of a version's rows, and where they have it."""
        known = self._known.get(version)
        if known is None:
            schema = None if self._rejected else self._schemas(self._deployment, version)
            layout = self._layouts(version)
            known = self._known[version] = layout, Logged(layout, schema)
        return known

    def groups(
        self, version: int, rows: pa.Table, day: int
    ) -> Iterator[tuple[str, list[tuple[str, int, str | None]], Groups]]:
        """The groups of rows of a version: by role and hour, and these by each segment column.

        Yields:
            The segment column, empty for none; role, hour and value of each group; the group of each row.
        """
        roles = pc.dictionary_encode(rows["role"].combine_chunks())
        names = roles.dictionary.to_pylist()
        hours = hours_of(rows["id"], day)
        found, base = np.unique(roles.indices.to_numpy().astype(np.int64) * 24 + hours, return_inverse=True)
        places = [(names[one // 24], one % 24) for one in found.tolist()]
        yield "", [(role, hour, None) for role, hour in places], base
        for column, physical in self._columns(version).items():
            if physical not in rows.column_names:
                yield column, [(role, hour, None) for role, hour in places], base
                continue
            values, codes = self._segments.coded(column, rows[physical])
            found, groups = np.unique(base * len(values) + codes, return_inverse=True)
            parted = [(*places[one // len(values)], values[one % len(values)]) for one in found.tolist()]
            yield column, parted, groups

    def _columns(self, version: int) -> dict[str, str]:
        return _CODE if self._rejected else self.version(version)[1].segments


def _add(
    into: Day,
    version: int,
    column: str,
    values: list[tuple[str, int, str | None]],
    vectors: npt.NDArray[np.int64],
) -> None:
    for (role, hour, value), vector in zip(values, vectors, strict=True):
        into.add(Key(version, role, column, value), hour, vector)


def name_of(path: str) -> str:
    """What a table's file is called in the profiles."""
    return Path(path).name
