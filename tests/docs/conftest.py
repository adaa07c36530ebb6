"""A whole platform for the guides and the contract, with the tools of the environment on the path."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.http.platform.server import Server


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that runs for all tests of a module, without deployments."""
    made = Server(tmp_path_factory.mktemp("docs"))
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def work(platform: Server) -> Path:
    return platform.work
