"""The state of a data directory at one moment, taken while others go on changing it.

Nobody waits for it and nobody is asked. Rows move one way only, from the journal to the shelf and to the
tables, and truths likewise; so places are looked at in that order, and a row that has left one is found in
the next. The journals are held first, by second names of their segments, and ended last: then no table names
a sequence that its journal has not reached, and later rows are never taken for known ones.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from konan.backup import members, tables
from konan.backup.journals import Gone, HeldJournal
from konan.backup.linking import link
from konan.backup.writing import Source
from konan.config import Paths
from konan.errors import ControlUnavailable

_TRIES = 3
_SQLITE = b"SQLite format 3\0"
_TABLE = "table"
_REMOVED = "removed.json"
_LOCKS = "locks"
_PROFILE = "profile.json"
"""The owner's key as text: whoever has a backup shall not have a key as well; a start makes a new one."""


def take(paths: Paths, place: Path, export: Callable[[Path], None]) -> Iterator[Source]:
    """Take a snapshot; the members of the archive that it makes.

    Args:
        paths: the data directory.
        place: an empty directory in it, for second names of files and small copies.
        export: writes the rows of the metadata to a file.

    Raises:
        ControlUnavailable: too much moved at once.
        KonanError: what ``export`` raises.
        OSError: a file cannot be read or linked.
    """
    for attempt in range(_TRIES):
        data = place / str(attempt)
        try:
            sizes = _hold(paths, data)
        except Gone:
            continue
        # Metadata last, so that it knows every version whose predictions are here; then what it names.
        export(place / members.METADATA)
        _files(paths.blobs, data / paths.blobs.name)
        _others(paths, data)
        return _sources(place / members.METADATA, data, sizes)
    raise ControlUnavailable("Too much changes at once for a backup.", hint="Try again in a while.")


def _hold(paths: Paths, data: Path) -> dict[Path, int]:
    """Journals, waiting rows, tables and answers, in the order in which rows move."""
    journals = [
        HeldJournal(source, data / paths.journal.name / source.name)
        for source in sorted(paths.journal.iterdir())
        if source.is_dir()
    ]
    logs = data / paths.predictions.name
    _files(paths.predictions / "shelf", logs / "shelf")
    for directory in sorted(path for path in paths.predictions.iterdir() if (path / _TABLE).is_dir()):
        tables.hold(directory / _TABLE, logs / directory.name / _TABLE)
        _one(directory / _REMOVED, logs / directory.name / _REMOVED)
        for journal in journals:
            journal.follow()
    for path in paths.predictions.iterdir():
        if path.is_file():
            _one(path, logs / path.name)
    for path in paths.root.iterdir():
        if path != paths.database and path.is_file() and _is_sqlite(path):
            _copy_database(path, data / path.name)
    sizes: dict[Path, int] = {}
    for journal in journals:
        sizes |= journal.finish()
    return sizes


def _others(paths: Paths, data: Path) -> None:
    """Whatever else is in the data directory and cannot be made again."""
    left_out = {
        *(paths.database, paths.journal, paths.predictions, paths.blobs, paths.environments),
        *(paths.packages, paths.logs, paths.run, paths.uploads, paths.lock, paths.root / _PROFILE),
    }
    for path in paths.root.iterdir():
        if path in left_out or path.name.startswith(".") or (data / path.name).exists():
            continue
        if path.is_dir() and not path.is_symlink():
            _files(path, data / path.name)
        elif not path.name.endswith(("-journal", "-wal", "-shm")):
            _one(path, data / path.name)
    _files(paths.environments / _LOCKS, data / paths.environments.name / _LOCKS)


def _files(source: Path, target: Path) -> None:
    """All files below a directory; what begins with a dot, or is only a part, is not complete yet."""
    if source.is_dir():
        for path in source.rglob("*"):
            _one(path, target / path.relative_to(source))


def _one(path: Path, target: Path) -> None:
    complete = not path.name.startswith(".") and path.suffix != ".part"
    if complete and path.is_file() and not path.is_symlink():
        link(path, target)


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


def _copy_database(path: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=60)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)


def _sources(metadata: Path, data: Path, sizes: dict[Path, int]) -> Iterator[Source]:
    yield Source(members.METADATA, metadata)
    for path in sorted(data.rglob("*")):
        name = f"{members.DATA}{path.relative_to(data)}"
        if path.is_file() and not members.name_fault(name):
            yield Source(name, path, sizes.get(path))
