"""The whole store on one database."""

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from konan.adapters.sql.alarms import SqlAlarms
from konan.adapters.sql.database import Database
from konan.adapters.sql.deployments import SqlDeployments
from konan.adapters.sql.erasures import SqlErasures
from konan.adapters.sql.keys import SqlKeys
from konan.adapters.sql.kpis import SqlKpis
from konan.adapters.sql.ledger import SqlLedger
from konan.adapters.sql.measures import SqlMeasures
from konan.adapters.sql.migrate import migrate
from konan.adapters.sql.moving import export_rows, import_rows
from konan.adapters.sql.receivers import SqlReceivers
from konan.adapters.sql.tables import counters, projects
from konan.adapters.sql.versions import SqlVersions


class SqlStore(
    SqlKeys,
    SqlDeployments,
    SqlVersions,
    SqlErasures,
    SqlAlarms,
    SqlReceivers,
    SqlMeasures,
    SqlKpis,
    SqlLedger,
):
    """`konan.ports.Store` on a database whose tables exist; may be used from several threads.

    Args:
        database: where.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database)

    def ensure_project(self, name: str, at: str) -> None:
        """Make a project if there is none of that name."""
        try:
            with self._database.writing() as connection:
                known = connection.execute(sa.select(projects).where(projects.c.name == name)).one_or_none()
                if known is None:
                    connection.execute(projects.insert().values(name=name, created_at=at))
        except IntegrityError:
            return  # another one made it between the two statements

    def generation(self) -> int:
        """The number of the routes' snapshot."""
        asked = sa.select(counters.c.value).where(counters.c.name == "generation")
        with self._database.reading() as connection:
            return int(connection.execute(asked).scalar_one())

    def next_generation(self) -> int:
        """Count up and return the number of the routes' snapshot."""
        counting = (
            counters.update()
            .where(counters.c.name == "generation")
            .values(value=counters.c.value + 1)
            .returning(counters.c.value)
        )
        with self._database.writing() as connection:
            return int(connection.execute(counting).scalar_one())

    def export_rows(self, path: Path) -> None:
        """Write all rows to a new file; see `konan.adapters.sql.moving.export_rows`."""
        export_rows(self._database, path)

    def close(self) -> None:
        """Give back all connections."""
        self._database.close()


def open_store(url: str) -> SqlStore:
    """Open the metadata, brought to the newest form.

    Args:
        url: SQLAlchemy URL of a SQLite file or a PostgreSQL database.

    Raises:
        Invalid: the URL names neither.
        MissingExtra: the driver for PostgreSQL is not installed.
        ControlUnavailable: no database answers there.
        Conflict: a newer Konan has written the database.
    """
    database = Database(url)
    try:
        migrate(database)
    except BaseException:
        database.close()
        raise
    return SqlStore(database)


def fill_store(url: str, path: Path) -> None:
    """Make an empty database hold the rows of a file that `SqlStore.export_rows` wrote.

    Args:
        url: SQLAlchemy URL of a SQLite file that does not exist, or of an empty PostgreSQL database.
        path: of the file.

    Raises:
        Conflict: the database is not empty, or a newer Konan wrote the rows.
        Invalid: the URL names no database, or the rows are damaged.
        MissingExtra: the driver for PostgreSQL is not installed.
        ControlUnavailable: no database answers there.
    """
    database = Database(url)
    try:
        import_rows(database, path)
    finally:
        database.close()


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file.

    >>> sqlite_url(Path("/data/konan.db"))
    'sqlite:////data/konan.db'
    """
    return sa.URL.create("sqlite", database=str(path)).render_as_string()
