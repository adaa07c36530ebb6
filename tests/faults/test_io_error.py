"""An error of the disk at the n-th call: nothing is acknowledged behind it, all that was before is there."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.faults.size import FULL

from konan.journal.reader import read

CALLS = range(1, 201) if FULL else (1, 2, 3, 5, 8, 13, 21, 34)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace makes the errors"),
]


def answers(directory: Path, mode: str, injected: str) -> list[tuple[str, int]]:
    """What a process that appends is told, in order, while the kernel refuses some of its calls."""
    program = [sys.executable, "-m", "tests.faults.appending", str(directory), mode, "1", "60"]
    done = subprocess.run(
        ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={injected}", *program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = (line.split() for line in done.stdout.splitlines())
    return [(word, int(number)) for word, number in lines]


def assert_stopped(directory: Path, told: list[tuple[str, int]]) -> bool:
    """Whether something was refused; behind the first refusal all is, and what was acknowledged is there."""
    words = [word for word, _ in told]
    first = next((at for at, word in enumerate(words) if word != "ok"), len(words))
    assert set(words[first:]) <= {"journal_unavailable"}
    kept = [entry.at_ns for _, entry in read(directory)] if directory.exists() else []
    assert {number for word, number in told if word == "ok"} <= set(kept)
    assert len(kept) == len(set(kept))
    return first < len(words)


@pytest.mark.parametrize("error", ["EIO", "EROFS"])
@pytest.mark.timeout(1800 if FULL else 180)
def test_a_write_that_fails_is_the_last(tmp_path: Path, error: str) -> None:
    refused = 0
    for call in CALLS:
        directory = tmp_path / str(call)
        told = answers(directory, "durable", f"pwrite64:error={error}:when={call}+")
        refused += assert_stopped(directory, told)
    assert refused > 0


@pytest.mark.timeout(1800 if FULL else 180)
def test_one_write_that_fails_is_the_last(tmp_path: Path) -> None:
    for call in CALLS:
        directory = tmp_path / str(call)
        assert_stopped(directory, answers(directory, "durable", f"pwrite64:error=EIO:when={call}"))


@pytest.mark.timeout(1800 if FULL else 180)
def test_a_sync_of_buffered_records_that_fails_is_the_last(tmp_path: Path) -> None:
    refused = 0
    for call in CALLS[:200]:
        directory = tmp_path / str(call)
        told = answers(directory, "buffered", f"fdatasync:error=EIO:when={call}")
        refused += assert_stopped(directory, told)
    assert refused > 0
