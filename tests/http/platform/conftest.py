"""Whole platforms for tests, stopped at the end with nothing left behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.http.platform.attacked import CANARY, Attacked
from tests.http.platform.server import Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that is not started yet."""
    made = Server(tmp_path)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that runs for all tests of a module, with the deployment ``twice``."""
    made = Server(tmp_path_factory.mktemp("platform"))
    made.start()
    try:
        made.deploy("twice")
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="session")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """A server that is attacked, started with a secret in its environment."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SOME_SECRET", CANARY)
        made = Attacked(tmp_path_factory.mktemp("attacked"))
        try:
            made.start()
            yield made
        finally:
            made.server.stop()
