"""The prediction log of one deployment as a Delta table that survives a power cut.

The Delta library does not wait for the disk. So before a change the table's present version is written to a
mark beside it, and after it everything new is synced and the mark removed. A mark that is found when the
table is opened tells that the change may be half on disk: it is undone, which loses nothing, because what
it wrote is still in the journal or in older files of the table.
"""

import os
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.transaction import AddAction

from konan.predictions import mark
from konan.predictions.rewriting import Change, without

ROW_GROUP = 16_384
"""Rows that are read together; small, so that a page needs few of them."""

_TARGET = 128 * 1024 * 1024
_DICTIONARY = 16 * 1024
"""Bytes of a dictionary; of more different values it is no help, neither in size nor when it is read."""

PAGE = 16 * 1024
"""Bytes of a column that are packed together, for readers of single rows (`konan.predictions.pages`)."""

_WRITER = WriterProperties(
    compression="ZSTD",
    compression_level=1,
    max_row_group_size=ROW_GROUP,
    dictionary_page_size_limit=_DICTIONARY,
    data_page_size_limit=PAGE,
)
_REMEMBERED = 32
"""So many tables are remembered as they were read."""

_DELETIONS = "deletions"
_CONFIGURATION = {
    "delta.logRetentionDuration": "interval 1 days",
    "delta.deletedFileRetentionDuration": "interval 1 hours",
    "delta.checkpointInterval": "50",
}


class File(NamedTuple):
    """A file of a table.

    Attributes:
        path: where it is.
        rows: number of its rows.
        bytes: its size.
        first: smallest id.
        last: largest id.
        day: days since 1970-01-01 UTC of all its ids.
    """

    path: str
    rows: int
    bytes: int
    first: str
    last: str
    day: int


class LogTable:
    """A table that one thread changes and any number read.

    Args:
        directory: of the deployment's log; made with the first rows.
    """

    def __init__(self, directory: Path) -> None:
        self._place = directory / "table"
        self._mark = directory / mark.NAME
        self._directory = directory
        mark.recover(directory)
        self._delta = DeltaTable(self._place) if self._exists() else None

    def flushed(self, gateway: int) -> int:
        """Sequence of a gateway's last journal record whose rows are in the table; 0 when there is none."""
        if self._delta is None:
            return 0
        return self._delta.transaction_version(f"gateway-{gateway}") or 0

    def now(self) -> "Snapshot":
        """The table as this has seen it last."""
        return _snapshot(self._place, self._delta)

    def append(self, rows: pa.Table, flushed: Mapping[int, int]) -> None:
        """Add rows, on disk when this returns; columns that the table lacks are added to it.

        Args:
            rows: in the order of their ids, with the columns of `konan.predictions.columns`.
            flushed: the last journal sequence of each gateway that is in the table then.
        """
        done = [Transaction(f"gateway-{gateway}", sequence) for gateway, sequence in flushed.items()]
        with self._change():
            write_deltalake(
                self._delta or self._place,
                rows,
                mode="append",
                schema_mode="merge",
                partition_by=["day"],
                configuration=None if self._delta else _CONFIGURATION,
                writer_properties=_WRITER,
                commit_properties=CommitProperties(app_transactions=done),
            )

    def compact(self, day: int) -> None:
        """Merge the files of a day."""
        if self._delta is not None:
            with self._change():
                self._delta.optimize.compact(
                    partition_filters=[("day", "=", _date(day))],
                    target_size=_TARGET,
                    writer_properties=_WRITER,
                )

    def deletions(self) -> int:
        """Number of the last `delete_before`; 0 when there was none."""
        return (self._delta.transaction_version(_DELETIONS) or 0) if self._delta else 0

    def delete_before(self, day: int, number: int) -> None:
        """Delete all days before a day, on disk after the next `vacuum`.

        Args:
            day: days since 1970-01-01 UTC.
            number: of the deletion, one more than `deletions`.
        """
        if self._delta is not None:
            done = CommitProperties(app_transactions=[Transaction(_DELETIONS, number)])
            with self._change():
                self._delta.delete(f"day < DATE '{_date(day)}'", commit_properties=done)

    def delete_rows(self, ids: Collection[str]) -> int:
        """Delete some rows: files that hold any of them are written again without them, in the same order.

        The bytes of the rows are there until `purge`.

        Args:
            ids: of the rows, as they are in the column ``id``.

        Returns:
            Bytes of the files that were written.
        """
        if self._delta is None:
            return 0
        unwanted = sorted(ids)
        wanted = pa.array(unwanted, pa.string())
        changes = list[Change]()
        with self._change():
            for file in snapshot(self._directory).files:
                if bisect_left(unwanted, file.first) < bisect_right(unwanted, file.last):
                    changes += without(self._place, Path(file.path), wanted, ROW_GROUP, PAGE)
            if changes:
                self._delta.create_write_transaction(changes, "append", self._delta.schema(), ["day"])
        return sum(one.size for one in changes if isinstance(one, AddAction))

    def purge(self) -> None:
        """Remove every trace of rows that were deleted: old files at once, and old versions with their logs.

        A log names files with the smallest and largest value of each column, and says what was deleted. Who
        is reading an older version meanwhile has to begin again.
        """
        if self._delta is None:
            return
        with self._change():
            done = {"konan.purged": str(self._delta.version())}
            self._delta.alter.set_table_properties(done, raise_if_not_exists=False)
            self._delta.update_incremental()
            self._delta.create_checkpoint()
        log = self._place / mark.LOG
        for path in log.iterdir():
            number = path.name.partition(".")[0]
            if number.isdecimal() and int(number) < self._delta.version():
                path.unlink()
        mark.sync(log)
        self.vacuum(0)

    def vacuum(self, hours: int) -> int:
        """Remove files that no version younger than so many hours uses; returns how many."""
        if self._delta is None:
            return 0
        self._delta.cleanup_metadata()
        gone = self._delta.vacuum(
            retention_hours=hours, enforce_retention_duration=False, dry_run=False, full=True
        )
        return len(gone)

    def _exists(self) -> bool:
        log = self._place / mark.LOG
        return log.is_dir() and any(log.glob("*.json"))

    @contextmanager
    def _change(self) -> Iterator[None]:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        before = -1 if self._delta is None else self._delta.version()
        old = self._paths()
        with self._mark.open("w") as file:
            file.write(str(before))
            file.flush()
            os.fsync(file.fileno())
        mark.sync(self._directory)
        yield
        if self._delta is None:
            self._delta = DeltaTable(self._place)
        else:
            self._delta.update_incremental()
        self._settle(before, self._paths() - old)
        self._mark.unlink()
        mark.sync(self._directory)

    def _settle(self, before: int, new: set[str]) -> None:
        """Wait for the disk: new files first, then the log that names them."""
        folders = {self._place, self._place.parent, self._place.parent.parent}
        for path in map(Path, new):
            mark.sync(path)
            folders.add(path.parent)
        for path in mark.behind(self._place, before):
            mark.sync(path)
        for folder in (*folders, self._place / mark.LOG):
            mark.sync(folder)

    def _paths(self) -> set[str]:
        return set() if self._delta is None else set(self._delta.file_uris())


class Snapshot(NamedTuple):
    """A table as it was at one moment.

    Attributes:
        columns: names of its columns; none when there is no table yet.
        files: newest ids first.
        delta: the table.
    """

    columns: tuple[str, ...]
    files: tuple[File, ...]
    delta: DeltaTable | None

    def flushed(self, gateway: int) -> int:
        """Sequence of a gateway's last journal record whose rows are in the table; 0 when there is none."""
        return (self.delta.transaction_version(f"gateway-{gateway}") or 0) if self.delta else 0


def snapshot(directory: Path) -> Snapshot:
    """The table of a log as it is now.

    Args:
        directory: of the log.
    """
    place = directory / "table"
    newest = _newest(place / mark.LOG)
    known = _read.get(place)
    if known is not None and known.newest == newest:
        return known.found
    found = _snapshot(place, DeltaTable(place) if DeltaTable.is_deltatable(str(place)) else None)
    if newest is not None and found.delta is not None and found.delta.version() == newest.version:
        _read[place] = _Read(newest, found)
        for old in list(_read)[:-_REMEMBERED]:
            _read.pop(old, None)
    return found


class _Newest(NamedTuple):
    """The last change of a table, as its file tells it; one that was undone is told from the one after it."""

    version: int
    inode: int
    written: int


class _Read(NamedTuple):
    newest: _Newest
    found: Snapshot


_read: dict[Path, _Read] = {}
"""Tables as they were read last; to read one again takes some ten milliseconds."""


def _newest(log: Path) -> _Newest | None:
    try:
        name = max((one.name for one in log.iterdir() if one.suffix == ".json"), default="")
        if not name.removesuffix(".json").isdecimal():
            return None
        stat = (log / name).stat()
    except FileNotFoundError:  # there is none, or it was undone just now
        return None
    return _Newest(int(name.removesuffix(".json")), stat.st_ino, stat.st_mtime_ns)


def _snapshot(place: Path, delta: DeltaTable | None) -> Snapshot:
    if delta is None:
        return Snapshot((), (), None)
    adds = pa.table(delta.get_add_actions(flatten=True))
    columns = tuple(field.name for field in delta.schema().fields)
    if not adds.num_rows:
        return Snapshot(columns, (), delta)
    found = [
        File(str(place / path), rows, size, first, last, day)
        for path, rows, size, first, last, day in zip(
            *(adds[name].to_pylist() for name in ("path", "num_records", "size_bytes", "min.id", "max.id")),
            adds["partition.day"].cast(pa.int32()).to_pylist(),
            strict=True,
        )
    ]
    return Snapshot(columns, tuple(sorted(found, key=lambda file: file.last, reverse=True)), delta)


def _date(day: int) -> str:
    return str(pa.scalar(day, pa.int32()).cast(pa.date32()).as_py())
