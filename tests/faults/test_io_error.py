"""An error of the disk at the n-th call: nothing is acknowledged behind it, all that was before is there."""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.size import FULL
from tests.http.gateway.rig import Rig, route, running, until

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


def test_a_gateway_whose_disk_failed_answers_nothing_until_it_is_started_again(tmp_path: Path) -> None:
    row = {"temp": 1.5, "hr": 2}
    with running(tmp_path) as rig:
        before = rig.predict(row).json["id"]
        with failing(rig.process.pid):
            until(lambda: rig.predict(row).status != 200)
            assert rig.predict(row).code == "journal_unavailable"
        for _ in range(3):  # the disk works again, but what is on it is not known
            assert rig.predict(row).code == "journal_unavailable"
        with rig.client(key=None) as client:
            assert client.ask("GET", "/readyz").status == 503
            assert client.ask("GET", "/healthz").status == 200
        assert "the journal could not be written" in rig.log()
        rig.truncate_log()
    again = Rig(tmp_path)
    try:
        again.publish(route())
        again.add_worker()
        after = again.predict(row).json["id"]
        ids = [one for _, entry in read(again.paths.journal / "0") for one in entry.ids]
        assert ids[0] == before
        assert ids[-1] == after
    finally:
        again.stop()


@contextlib.contextmanager
def failing(pid: int) -> Iterator[None]:
    """Every write of a running process fails."""
    command = ["strace", "-f", "-p", str(pid), "-o", "/dev/null", "-e", "inject=pwrite64:error=EIO"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        assert "attached" in tracer.stderr.readline()
        try:
            yield
        finally:
            tracer.terminate()
            tracer.communicate()
