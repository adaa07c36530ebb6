"""One supervisor per data directory, and only its user enters it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from konan.config import Paths
from konan.errors import Conflict, NotAllowed
from konan.supervisor import lock

CLAIM = """
import pathlib, subprocess, sys
from konan.config import Paths
from konan.supervisor import lock
inherited = lock.claim(Paths(pathlib.Path(sys.argv[1])))
left = None
if sys.argv[2] == "leaves":
    waits = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    left = subprocess.Popen(waits, pass_fds=(inherited,), stdout=subprocess.DEVNULL)
print("claimed", flush=True)
if left is None:
    sys.stdin.read()
"""


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[Paths]:
    umask = os.umask(0o022)
    yield Paths(tmp_path / "data")
    os.umask(umask)


@contextmanager
def another(paths: Paths, ending: str = "stays") -> Iterator[subprocess.Popen[str]]:
    """Another process that has claimed the directory; ``leaves`` ends at once and leaves a child behind."""
    command = [sys.executable, "-c", CLAIM, str(paths.root), ending]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "claimed\n"
        yield process


def test_a_second_claim_is_refused_while_the_first_lives(paths: Paths) -> None:
    with another(paths) as first:
        with pytest.raises(Conflict):
            lock.claim(paths)
        assert lock.holder(paths) == first.pid
    assert lock.holder(paths) is None


def test_a_killed_holder_leaves_the_directory_free(paths: Paths) -> None:
    with another(paths) as first:
        first.kill()
    with another(paths) as second:
        assert lock.holder(paths) == second.pid


def test_what_a_dead_holder_left_running_is_waited_for(paths: Paths) -> None:
    with another(paths, "leaves") as first:
        assert first.wait() == 0
        with pytest.raises(Conflict, match="earlier start"):
            lock.claim(paths, grace=0.0)
        assert first.stdin is not None
        first.stdin.close()
        os.close(lock.claim(paths))


def test_nobody_holds_a_directory_that_is_not_there(paths: Paths) -> None:
    assert lock.holder(paths) is None


def test_everything_made_is_private(paths: Paths) -> None:
    with another(paths):
        found = [paths.root, *paths.root.rglob("*")]
        assert len(found) > 5
        assert all(path.stat().st_mode & 0o077 == 0 for path in found)


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o777])
def test_a_directory_open_to_others_is_refused(paths: Paths, mode: int) -> None:
    paths.root.mkdir()
    paths.root.chmod(mode)
    with pytest.raises(NotAllowed, match="other users") as raised:
        lock.claim(paths)
    assert "chmod 700" in raised.value.hint


def test_a_file_in_place_of_the_directory_is_refused(paths: Paths) -> None:
    paths.root.write_text("")
    with pytest.raises(NotAllowed):
        lock.claim(paths)
