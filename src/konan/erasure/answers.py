"""The stored answers to requests with an idempotency key, as an erasure needs them gone."""

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

_BUSY_SECONDS = 10.0
_THEIRS = "FROM answers WHERE id IN (SELECT value FROM json_each(?))"


def noted(path: Path, journal: int) -> int:
    """Up to which sequence of a journal the answers are in the file.

    Raises:
        sqlite3.Error: the file cannot be read now.
    """
    with _opened(path) as database:
        row = database.execute("SELECT sequence FROM seen WHERE journal = ?", (journal,)).fetchone()
    return int(row[0]) if row else 0


def count(path: Path, requests: Collection[str]) -> int:
    """How many answers there are of some requests, by their ids."""
    with _opened(path) as database:
        row = database.execute(f"SELECT count(*) {_THEIRS}", (_text(requests),)).fetchone()
    return int(row[0])


def erase(path: Path, requests: Collection[str]) -> None:
    """Remove the answers of some requests; no byte of them stays in the file."""
    with _opened(path) as database:
        database.execute(f"DELETE {_THEIRS}", (_text(requests),))
        database.execute("VACUUM")


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    try:
        database.execute("PRAGMA secure_delete = ON")
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA journal_mode = TRUNCATE")
        yield database
    finally:
        database.close()


def _text(requests: Collection[str]) -> str:
    return msgspec.json.encode(sorted(requests)).decode()
