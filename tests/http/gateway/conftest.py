"""Gateways for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.http.gateway.rig import Rig, running


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One gateway for all tests of a module; they leave it as they found it."""
    with running(tmp_path_factory.mktemp("gateway")) as made:
        yield made


@pytest.fixture
def own_rig(tmp_path: Path) -> Iterator[Rig]:
    """A gateway that a test may ruin."""
    with running(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway with short deadlines and small limits."""
    directory = tmp_path_factory.mktemp("hasty")
    with running(
        directory,
        head_timeout=0.4,
        body_timeout=0.4,
        idle_timeout=0.4,
        body_bytes=100_000,
        connections=20,
    ) as made:
        yield made
