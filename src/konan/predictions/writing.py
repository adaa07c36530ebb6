"""Changes the tables: puts in what waits, and keeps them tidy; the part of the writer that needs Arrow."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from konan.journal.segments import Damage
from konan.predictions import shelf
from konan.predictions.following import Follower, tell
from konan.predictions.orders import Cells
from konan.predictions.rows import by_day, ordered, rejections_of, table_of
from konan.predictions.schemas import Schemas
from konan.predictions.shelf import Done, Place, Waiting
from konan.predictions.stretch import ENTRIES, ROWS, SPAN
from konan.predictions.table import LogTable, snapshot
from konan.predictions.tidying import tidy


class TableWriter:
    """Writes the tables; each is changed by one thread of one process at a time.

    Args:
        directory: where the logs are.
        schemas: what versions take.
        rows: so many rows go into a table at once.
        follower: is told of each table that was changed.
    """

    def __init__(
        self, directory: Path, schemas: Schemas, rows: int, follower: Follower | None = None
    ) -> None:
        self._directory = directory
        self._schemas = schemas
        self._rows = rows
        self._follower = follower

    def commit(
        self,
        name: str,
        places: Sequence[Place],
        *,
        waited: bool = False,  # noqa: ARG002 - here nobody gives way
    ) -> Done:
        """Put entries into a log's table, on disk when this returns; what is in there is passed over.

        Args:
            name: of the log.
            places: of the entries, each gateway's in order; none only has the follower told.
            waited: whether somebody waits for it, which is all the same here.

        Raises:
            OSError: it did not go well; it may be done again.
        """
        table = LogTable(self._directory / name)
        broken: dict[int, str] = {}
        sizes: list[int] = []
        batch = _Batch(self._schemas)
        for part in _parts(places, broken):
            flushed = {gateway: table.flushed(gateway) for gateway in {one.gateway for one in part}}
            batch.add([one for one in part if one.sequence > flushed[one.gateway]])
            if batch.rows >= self._rows:
                sizes.append(batch.append_to(table))
        if batch.rows:
            sizes.append(batch.append_to(table))
        tell(self._follower, name, table.now)
        return Done(sum(sizes), len(sizes), broken)

    def append(self, name: str, rows: Sequence[Cells], sequence: int) -> None:
        """Put rows into a table that has no journal here, on disk when this returns; no follower is told.

        Args:
            name: of the table.
            rows: their columns, one of them ``id``; rows of one id stay in their order.
            sequence: the table knows it then; what it knows already is passed over.

        Raises:
            OSError: it did not go well; it may be done again.
        """
        table = LogTable(self._directory / name)
        if table.flushed(0) < sequence:
            table.append(by_day(rows), {0: sequence})

    def tidy(self, name: str, days: int) -> None:
        """Merge the small files of a log's table, delete what is too old, and give the room back."""
        tidy(self._directory / name, days)
        tell(self._follower, name, lambda: snapshot(self._directory / name))

    def rest(self) -> None:
        """Nothing is held."""

    def close(self) -> None:
        """Nothing is held."""


class _Batch:
    """Rows that go into a table together."""

    def __init__(self, schemas: Schemas) -> None:
        self.rows = 0
        self._schemas = schemas
        self._parts: list[pa.Table] = []
        self._ends: dict[int, int] = {}

    def add(self, waiting: list[Waiting]) -> None:
        if not waiting:
            return
        entries = [one.entry for one in waiting]
        answered = entries[0].kind == "answered"
        self._parts.append(table_of(entries, self._schemas) if answered else rejections_of(entries))
        self._ends |= {one.gateway: one.sequence for one in waiting}
        self.rows += self._parts[-1].num_rows

    def append_to(self, table: LogTable) -> int:
        """Commit, and begin anew; returns the number of rows."""
        size = self.rows
        table.append(ordered(self._parts), self._ends)
        self.rows, self._parts, self._ends = 0, [], {}
        return size


def _parts(places: Sequence[Place], broken: dict[int, str]) -> Iterator[list[Waiting]]:
    """The entries of places, in their order, so many at once as may be decoded."""
    for index, place in enumerate(places):
        try:
            found = shelf.read(place)
        except Damage as damage:
            broken[index] = str(damage)
            continue
        if len(found) < len(place.spans) // SPAN:
            broken[index] = f"{place.path.name}: entries are broken that were read before"
        part: list[Waiting] = []
        rows = 0
        for one in found:
            part.append(one)
            rows += max(one.entry.rows, 1)
            if len(part) >= ENTRIES or rows >= ROWS:
                yield part
                part, rows = [], 0
        if part:
            yield part
