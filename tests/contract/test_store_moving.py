"""The rows of every store go into an empty one of either kind and come out equal."""

import itertools
from pathlib import Path

import msgspec
import pytest
from tests.contract import postgresql

from konan.adapters.sql import SqlStore, fill_store, moving, open_store, sqlite_url
from konan.errors import Conflict, Invalid
from konan.records.access import Key, Principal

_numbers = itertools.count()
OWNER = Principal(project="p1", key_id="k", scopes=frozenset({"admin"}))
AT = "2026-11-23T12:00:00.000000Z"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "empty.db")
    socket: str = request.getfixturevalue("postgresql_socket")
    return postgresql.create_database(socket, f"moved_{next(_numbers)}")


@pytest.fixture
def rows(store: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(moving, "_AT_ONCE", 16)
    for number in range(40):
        store.add_key(OWNER, _key(number), f"{number:064d}")
    store.ensure_deployment(OWNER, "bikes", "d1", AT)
    store.next_generation()
    path = tmp_path / "rows.jsonl"
    store.export_rows(path)
    return path


def _key(number: int) -> Key:
    made = {
        "id": f"k{number:04d}",
        "name": 'ö " \\ \n',
        "project": "p1",
        "scopes": ["read"],
        "deployments": [],
    }
    return msgspec.convert(made | {"created_at": AT, "expires_at": AT}, Key)


def test_all_rows_arrive_and_are_written_equally_again(
    store: SqlStore, rows: Path, empty_url: str, tmp_path: Path
) -> None:
    fill_store(empty_url, rows)
    moved = open_store(empty_url)
    moved.export_rows(tmp_path / "again.jsonl")
    assert sorted((tmp_path / "again.jsonl").read_bytes().splitlines()) == sorted(
        rows.read_bytes().splitlines()
    )
    assert moved.list_keys(OWNER, 2000) == store.list_keys(OWNER, 2000)
    assert moved.platform_grants() == store.platform_grants()
    assert moved.deployment(OWNER, "bikes") == store.deployment(OWNER, "bikes")
    assert moved.next_generation() == store.next_generation() == 2
    moved.close()


def test_a_database_that_is_not_empty_is_refused_and_left_alone(store: SqlStore, rows: Path) -> None:
    before = store.list_keys(OWNER, 2000)
    with pytest.raises(Conflict):
        fill_store(store._database.engine.url.render_as_string(hide_password=False), rows)
    assert store.list_keys(OWNER, 2000) == before


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        (b'{"revision":"0', b'{"revision":"9', Conflict),
        (b'{"revision"', b'{"division"', Invalid),
        (b'{"table":"keys"', b'{"table":"kets"', Invalid),
        (b'{"table":"keys"', b'["table":"keys"', Invalid),
    ],
)
def test_other_rows_are_refused_and_nothing_of_them_is_kept(
    rows: Path, empty_url: str, old: bytes, new: bytes, error: type[Exception]
) -> None:
    good = rows.read_bytes()
    rows.write_bytes(good.replace(old, new, 1))
    with pytest.raises(error):
        fill_store(empty_url, rows)
    rows.write_bytes(good)
    fill_store(empty_url, rows)
