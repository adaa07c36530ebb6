"""The database is brought to the newest form when it is opened, in one transaction."""

import importlib.resources

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from konan.adapters.sql.database import Database
from konan.errors import Conflict


def migrate(database: Database) -> None:
    """Run the migrations that the database lacks; a run that was cut off leaves nothing behind.

    Raises:
        Conflict: a newer Konan has written the database.
    """
    config = Config()
    location = importlib.resources.files("konan.adapters.sql") / "migrations"
    config.set_main_option("script_location", str(location).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    with database.writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('konan migrations'))"))
        present = set(MigrationContext.configure(connection).get_current_heads())
        if not present <= known:
            raise Conflict(
                "A newer Konan has written this database; this one cannot read it.",
                hint="Install the newer Konan again, or restore a backup made by this one.",
            )
        if present == set(scripts.get_heads()):
            return
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
