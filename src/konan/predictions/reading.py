"""Reads a deployment's log: its table and what has not reached it yet, newest first.

Files, row groups of files and entries that wait are sources, each with the largest id in it. The source with
the largest is read next; so a page of the newest rows opens one file, and memory holds one row group.
"""

from bisect import insort
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Protocol

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from konan.errors import Invalid, NotFound
from konan.journal.entry import Entry
from konan.journal.segments import Damage
from konan.predictions import lookup, shelf, table
from konan.predictions.filters import Want
from konan.predictions.flusher import Tail
from konan.predictions.groups import look_up
from konan.predictions.parts import NONE, Pass, Source
from konan.predictions.rows import Schemas, day_of, table_of


class Tails(Protocol):
    """Knows what is answered but in no table (`konan.predictions.flusher.Flusher`)."""

    def tail(self, name: str) -> Tail:
        """What of a log is not in its table yet."""
        ...


class Known(msgspec.Struct, frozen=True, gc=False):
    """What a prediction is.

    Attributes:
        version: number of the version that answered.
        original: id of the prediction that it is a copy of, None if it is none.
    """

    version: int
    original: str | None = None


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
        return found[0] if found else NONE

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
                found = look_up(file.path, prediction_id)
                if found is not None:
                    return found
        raise NotFound("There is no such prediction.")

    def known(self, deployment: str, ids: Collection[str]) -> dict[str, Known]:
        """Those of some ids that are predictions of a deployment, and what they are.

        Args:
            deployment: uuid.
            ids: any texts; only the files of their days and ranges are looked into.
        """
        wanted = dict.fromkeys(ids)  # in their order, which is mostly that of the log
        found = {
            one: Known(entry.version, entry.mirrors[at] if entry.mirrors else None)
            for entry in entries_of(self._tails.tail(deployment))
            for at, one in enumerate(entry.ids)
            if one in wanted
        }
        left = [one for one in wanted if one not in found]
        files = table.snapshot(self._directory / deployment).files
        for rows in lookup.rows_of(files, left, ("id", "version", "mirrors")):
            names, versions, mirrors = (rows[name] for name in ("id", "version", "mirrors"))
            alike = pc.count_distinct(versions).as_py() == 1 and mirrors.null_count == len(mirrors)
            if alike:  # very many at once
                found.update(dict.fromkeys(names.to_pylist(), Known(versions[0].as_py())))
            else:
                known = map(Known, versions.to_pylist(), mirrors.to_pylist())
                found.update(zip(names.to_pylist(), known, strict=True))
        return found

    def _parts(self, deployment: str, want: Want) -> Iterator[tuple[pa.Table, str]]:
        """Rows of each part, and the largest id that what follows can have."""
        reading = Pass(want, self._schemas)
        tail = self._tails.tail(deployment)  # before the table: nothing is missed
        now = table.snapshot(self._directory / deployment)
        sources = sorted(reading.sources(tail, now), key=_last)
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


def entries_of(tail: Tail) -> Iterator[Entry]:
    """The entries of a tail, those in memory first."""
    yield from (one.entry for one in tail.held)
    for place in tail.places:
        try:
            yield from (one.entry for one in shelf.read(place))
        except (FileNotFoundError, Damage):
            continue


def _last(source: Source) -> str:
    return source.last
