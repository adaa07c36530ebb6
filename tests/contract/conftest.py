"""Every adapter of the ports, opened empty for each test."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract import postgresql

from konan.adapters.disk import DiskBlobs
from konan.adapters.sql import SqlStore, open_store, sqlite_url
from konan.ports import Blobs

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgresql_socket() -> Iterator[str]:
    with postgresql.cluster() as socket:
        yield socket


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "konan.db")
    socket: str = request.getfixturevalue("postgresql_socket")
    return postgresql.create_database(socket, f"test_{next(_numbers)}")


@pytest.fixture
def store(store_url: str) -> Iterator[SqlStore]:
    opened = open_store(store_url)
    opened.ensure_project("p1", "2026-11-23T12:00:00.000000Z")
    opened.ensure_project("p2", "2026-11-23T12:00:00.000000Z")
    yield opened
    opened.close()


@pytest.fixture(params=["disk"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    assert request.param == "disk"
    directory = tmp_path / "blobs"
    directory.mkdir(mode=0o700)
    return DiskBlobs(directory)
