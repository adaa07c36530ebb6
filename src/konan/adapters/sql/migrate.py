"""The database is brought to the newest form when it is opened, in one transaction.

A database that has it already is only asked for its revision: the library that migrates is not even imported.
"""

import importlib.resources

import sqlalchemy as sa

from konan.adapters.sql.database import Database
from konan.errors import Conflict

REVISION_TABLE = "alembic_version"
"""Where the database keeps its revision."""

NEWEST = "0006"
"""The last of the migrations."""


def migrate(database: Database) -> None:
    """Run the migrations that the database lacks; a run that was cut off leaves nothing behind.

    Raises:
        Conflict: a newer Konan has written the database.
    """
    with database.writing() as connection:
        if _revision(connection) != NEWEST:
            migrate_in(connection)


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(REVISION_TABLE):
        return None
    return connection.execute(sa.text(f"SELECT version_num FROM {REVISION_TABLE}")).scalar()  # noqa: S608 - ours


def migrate_in(connection: sa.Connection, revision: str = "head") -> None:
    """Run the migrations that are lacking, up to one, in a transaction that is open.

    Raises:
        Conflict: a newer Konan has written the database, or the revision is of a newer one.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = Config()
    location = importlib.resources.files("konan.adapters.sql") / "migrations"
    config.set_main_option("script_location", str(location).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('konan migrations'))"))
    present = set(MigrationContext.configure(connection).get_current_heads())
    if not present <= known or revision not in {*known, "head"}:
        raise Conflict(
            "A newer Konan has written this database; this one cannot read it.",
            hint="Install the newer Konan again, or restore a backup made by this one.",
        )
    if present == set(scripts.get_heads()):
        return
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
