"""How every store is opened, brought to the newest form, and refuses what it does not know."""

import sqlite3
import stat
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from konan.adapters.sql import SqlStore, open_store, sqlite_url
from konan.adapters.sql.database import Database
from konan.adapters.sql.migrate import NEWEST, migrate
from konan.adapters.sql.tables import metadata
from konan.errors import Conflict, ControlUnavailable, Invalid, KonanError
from konan.records.access import Principal


def test_the_migrations_make_the_tables_that_the_code_uses(store: SqlStore) -> None:
    with store._database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_newest_revision_is_known_without_looking_at_the_migrations(store: SqlStore) -> None:
    with store._database.reading() as connection:
        assert MigrationContext.configure(connection).get_current_heads() == (NEWEST,)


def test_opening_again_changes_nothing(store: SqlStore, store_url: str) -> None:
    assert store.next_generation() == 1
    again = open_store(store_url)
    again.ensure_project("p1", "other")
    assert again.next_generation() == 2
    again.close()


def test_a_newer_schema_is_refused_and_left_alone(store: SqlStore, store_url: str) -> None:
    with store._database.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Conflict) as refusal:
        open_store(store_url)
    assert "newer Konan" in refusal.value.message
    with store._database.reading() as connection:
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() == "9999"


def test_a_migration_that_is_cut_off_leaves_nothing(store_url: str) -> None:
    database = Database(store_url)
    statements = _statements_of_a_migration(store_url)
    database.close()
    assert statements > 8


def _statements_of_a_migration(url: str) -> int:
    """Cut a migration off before its first, second, … statement, until one gets through."""
    for allowed in range(100):
        database, left = Database(url), [allowed]

        def count(*_: object, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt

        sa.event.listen(database.engine, "before_cursor_execute", count)
        try:
            migrate(database)
        except KeyboardInterrupt:
            sa.event.remove(database.engine, "before_cursor_execute", count)
            with database.reading() as connection:
                assert sa.inspect(connection).get_table_names() == []
        else:
            return allowed
        finally:
            database.close()
    raise AssertionError("no migration got through")


def test_a_transaction_that_fails_leaves_nothing(store: SqlStore) -> None:
    def fail_half_way() -> None:
        with store._database.writing() as connection:
            connection.execute(sa.text("INSERT INTO projects VALUES ('p3', 'now')"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    with store._database.reading() as connection:
        names = connection.execute(sa.text("SELECT name FROM projects ORDER BY name")).scalars().all()
    assert names == ["p1", "p2"]


def test_sqlite_is_opened_so_that_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "konan.db"
    store = open_store(sqlite_url(path))
    with store._database.reading() as connection:
        modes = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    store.ensure_project("default", "now")
    store.close()
    assert modes == {"journal_mode": "truncate", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10000}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.with_name("konan.db-wal").exists()
    with sqlite3.connect(path) as direct:
        assert direct.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    direct.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file::memory:?uri=true",
        "mysql://secret@host/db",
        "postgresql+asyncpg://secret@host/db",
    ],
)
def test_other_databases_are_refused_without_repeating_the_url(url: str) -> None:
    with pytest.raises(Invalid) as refusal:
        open_store(url)
    assert "secret" not in str(refusal.value) + refusal.value.hint


def test_a_database_that_does_not_answer_is_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(ControlUnavailable) as refusal:
        open_store(f"postgresql://konan:canary@/none?host={tmp_path}")
    assert refusal.value.retry_after == 1
    assert "canary" not in refusal.value.message


def test_a_store_that_lost_its_database_says_so_without_details(tmp_path: Path) -> None:
    path = tmp_path / "konan.db"
    store = open_store(sqlite_url(path))
    with store._database.writing() as connection:
        connection.execute(sa.text("DROP TABLE keys"))
    who = Principal(project="p1", key_id="canary", scopes=frozenset())
    with pytest.raises(KonanError) as refusal:
        store.list_keys(who, 10)
    store.close()
    for detail in ("canary", "SELECT", "keys", str(tmp_path)):
        assert detail not in refusal.value.message
