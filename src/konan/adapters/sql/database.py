"""One open database: how it is opened, begun and committed, and how its failures are named.

SQLite keeps a rollback journal in TRUNCATE mode and syncs fully: that lost nothing in power cuts, while WAL
can be corrupted by two connections before SQLite 3.51.3. A transaction that writes takes the lock when it
begins, so none can fail half-way because another one wrote first.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from konan.errors import ControlUnavailable, Invalid, KonanError, MissingExtra, StorageFull

_BUSY_MILLISECONDS = 10_000
_FULL = ("database or disk is full", "No space left on device")
_DAMAGED = ("file is not a database", "disk image is malformed")
_CLOSED = ("unable to open", "readonly database", "access permission denied")
_WRITES = "konan_writes"


class Database:
    """An open database.

    Args:
        url: SQLAlchemy URL of a SQLite file or a PostgreSQL database.

    Raises:
        Invalid: the URL names neither.
        MissingExtra: the driver for PostgreSQL is not installed.
        ControlUnavailable: no database answers there.
    """

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self._writer = self.engine.execution_options(**{_WRITES: True})

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that only reads; it sees one moment."""
        with _named(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def reading_one_moment(self) -> Iterator[sa.Connection]:
        """A transaction of many statements that all see the same moment."""
        level = {} if self.engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        with _named(), self.engine.execution_options(**level).begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that writes: durable when the block ends, nothing of it when the block raises."""
        with _named(), self._writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()


def _engine(url: str) -> sa.Engine:
    try:
        parsed = sa.make_url(url)
    except exc.ArgumentError:
        parsed = sa.URL.create("none")
    if parsed.drivername == "sqlite" and parsed.database and ":memory:" not in parsed.database:
        return _sqlite(parsed)
    if parsed.drivername in {"postgresql", "postgresql+psycopg"}:
        return _postgresql(parsed)
    raise Invalid(
        "The setting database_url must name a SQLite file or a PostgreSQL database.",
        hint="For example postgresql://user@host/name; empty is SQLite in the data directory.",
    )


def _sqlite(url: sa.URL) -> sa.Engine:
    with contextlib.suppress(OSError):  # opening it says what is wrong
        Path(str(url.database)).touch(mode=0o600)
    engine = sa.create_engine(url, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    if isinstance(connection, sqlite3.Connection):
        # The driver would begin transactions by itself, and not before CREATE TABLE; they are begun below.
        connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {_BUSY_MILLISECONDS}",
        "journal_mode = TRUNCATE",
        "synchronous = FULL",
        "foreign_keys = ON",
        "trusted_schema = OFF",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql(url: sa.URL) -> sa.Engine:
    try:
        return sa.create_engine(
            url.set(drivername="postgresql+psycopg"),
            hide_parameters=True,
            pool_pre_ping=True,
            connect_args={"connect_timeout": 5, "options": "-c statement_timeout=30000"},
        )
    except ModuleNotFoundError:
        raise MissingExtra(
            "PostgreSQL needs a driver that is not installed.",
            hint="pip install 'konan-mlops[server,postgres]'",
        ) from None


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except exc.OperationalError as error:
        raise _name_of(error) from error
    except exc.DatabaseError as error:
        if not any(words in str(error.orig) for words in _DAMAGED):
            raise
        raise ControlUnavailable(
            "The metadata database is damaged; predictions go on.",
            hint="Put back a copy of it, then start again.",
        ) from error


def _name_of(error: exc.OperationalError) -> KonanError:
    if any(words in str(error.orig) for words in _FULL):
        return StorageFull("The disk that holds the metadata is full.", hint="Make room, then try again.")
    if any(words in str(error.orig) for words in _CLOSED):
        return ControlUnavailable(
            "The metadata database cannot be opened for writing; predictions go on.",
            hint="Look at who owns the file konan.db and its folder, and whether the disk is read-only.",
        )
    return ControlUnavailable(
        "The metadata database does not answer; predictions go on.",
        hint="Look whether it runs, and at the setting database_url.",
        retry_after=1,
    )
