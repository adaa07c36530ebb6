"""One server per test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.http.control.rig import Rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path / "data")
    yield made
    made.close()
