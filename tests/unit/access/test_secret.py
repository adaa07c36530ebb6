"""The secret of a server is made once, and is its owner's alone."""

import threading
from pathlib import Path

import pytest

from konan.access import secret
from konan.errors import Conflict


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
