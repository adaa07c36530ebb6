"""One server's truths per test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.groundtruth.truths import Truths


@pytest.fixture
def truths(tmp_path: Path) -> Iterator[Truths]:
    made = Truths(tmp_path)
    yield made
    made.close()
