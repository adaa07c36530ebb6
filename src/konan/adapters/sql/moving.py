"""All rows of a database as lines of JSON, and back into an empty database of either kind.

The tables are asked of the database itself, at the revision that it has; so rows that an older Konan wrote
are put into the tables that it had, and brought to the newest form there.
"""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from konan.adapters.sql.database import Database
from konan.adapters.sql.migrate import REVISION_TABLE, migrate_in
from konan.errors import Conflict, Invalid

_AT_ONCE = 500


class _Start(msgspec.Struct, frozen=True, kw_only=True):
    """The first line: the revision of the tables."""

    revision: str


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a table; bytes are ``{"base64": …}``."""

    table: str
    row: dict[str, Any]


def export_rows(database: Database, path: Path) -> None:
    """Write all rows, as they are at one moment, to a new file.

    Args:
        database: at the newest revision.
        path: of the file.

    Raises:
        ControlUnavailable: the database does not answer.
    """
    with database.reading_one_moment() as connection, path.open("xb") as file:
        tables = _tables(connection)
        revision = connection.execute(sa.select(tables.pop(REVISION_TABLE))).scalar_one()
        file.write(msgspec.json.encode(_Start(revision=revision)) + b"\n")
        for table in tables.values():
            streamed = connection.execution_options(yield_per=_AT_ONCE).execute(sa.select(table))
            for row in streamed.mappings():
                plain = {str(name): _plain(value) for name, value in row.items()}
                file.write(msgspec.json.encode(_Row(table=str(table.name), row=plain)) + b"\n")


def import_rows(database: Database, path: Path) -> None:
    """Put rows into an empty database, and bring it to the newest form; all or nothing.

    Args:
        database: empty.
        path: what `export_rows` wrote.

    Raises:
        Conflict: the database is not empty, or a newer Konan wrote the rows.
        Invalid: the rows are not what was written.
        ControlUnavailable: the database does not answer.
    """
    with path.open("rb") as file:
        try:
            start = msgspec.json.decode(file.readline(), type=_Start)
        except msgspec.DecodeError:
            raise Invalid("The backup is damaged: its metadata has no beginning.") from None
        with database.writing() as connection:
            if sa.inspect(connection).get_table_names():
                raise Conflict(
                    "The database is not empty; a backup is never laid over what is there.",
                    hint="Name an empty one with --database-url.",
                )
            migrate_in(connection, start.revision)
            tables = _tables(connection)
            del tables[REVISION_TABLE]
            for table in reversed(list(tables.values())):  # what migrations have put there
                connection.execute(table.delete())
            for name, rows in _by_table(file):
                if name not in tables:
                    raise Invalid(f"The backup is damaged: its metadata has no table {name}.")
                connection.execute(tables[name].insert(), rows)
            migrate_in(connection)


def _tables(connection: sa.Connection) -> dict[str, sa.Table]:
    """The tables by name, those that others refer to first."""
    found = sa.MetaData()
    found.reflect(connection)
    return {table.name: table for table in found.sorted_tables}


def _by_table(lines: Iterator[bytes]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Rows of one table together, at most so many at once, in their order."""
    name, rows = "", list[dict[str, Any]]()
    for line in lines:
        try:
            one = msgspec.json.decode(line, type=_Row)
        except msgspec.DecodeError:
            raise Invalid("The backup is damaged: its metadata cannot be read.") from None
        if rows and (one.table != name or len(rows) >= _AT_ONCE):
            yield name, rows
            rows = []
        name = one.table
        rows.append({column: _native(value) for column, value in one.row.items()})
    if rows:
        yield name, rows


def _plain(value: object) -> object:
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _native(value: object) -> object:
    return base64.b64decode(value["base64"]) if isinstance(value, dict) else value
