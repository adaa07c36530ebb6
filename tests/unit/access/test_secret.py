"""The secret of a server is made once, and is its owner's alone."""

import threading
from pathlib import Path

import msgspec
import pytest

from konan.access import secret
from konan.errors import Conflict
from konan.records.routes import Route, RouteVersion, Snapshot
from konan.records.schema import Feature, Privacy, Schema


def test_it_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    made = secret.load(path)
    assert (len(made), path.stat().st_mode & 0o777) == (32, 0o600)
    assert secret.load(path) == made
    assert [each.name for each in tmp_path.iterdir()] == ["secret"]


def test_of_those_that_race_all_have_the_same(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    found: list[bytes] = []
    barrier = threading.Barrier(8)

    def race() -> None:
        barrier.wait()
        found.append(secret.load(path))

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), len(set(found))) == (8, 1)
    assert [each.name for each in tmp_path.iterdir()] == ["secret"]


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_a_damaged_one_is_never_used(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    with pytest.raises(Conflict, match="damaged"):
        secret.load(path)
    assert path.read_bytes() == content


def snapshot(privacy: Privacy) -> bytes:
    """The routes of one deployment with one version, whose one column is treated so."""
    schema = Schema(features=(Feature(name="who", type="string", privacy=privacy),))
    version = RouteVersion(uuid="v", number=1, schema=schema, batch_rows=1, deadline=1, queue_rows=1)
    route = Route(project="p", name="n", deployment="d", live=1, versions=(version,))
    return msgspec.json.encode(Snapshot(generation=1, keys=(), routes=(route,)))


def test_a_lost_one_is_not_silently_replaced(tmp_path: Path) -> None:
    path, routes = tmp_path / "secret", tmp_path / "routes.json"
    assert not secret.is_lost(path, routes)
    routes.write_bytes(snapshot("mask"))
    assert not secret.is_lost(path, routes)
    routes.write_bytes(snapshot("hash"))
    assert secret.is_lost(path, routes)
    assert str(path) in secret.lost(path).message
    secret.load(path)
    assert not secret.is_lost(path, routes)
