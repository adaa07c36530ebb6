"""Helper processes end in time, within their limits, and with their parent."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from konan.errors import DeadlineExceeded
from konan.packaging.child import Finished, Limits, run


def python(code: str, tmp_path: Path, limits: Limits, data: bytes = b"") -> Finished:
    command = [sys.executable, "-I", "-c", code]
    return asyncio.run(run(command, limits, environment={"A": "b"}, directory=tmp_path, data=data))


def gone(pid: int) -> bool:
    """Whether a process ends within a few seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def written(note: Path) -> None:
    """Wait until a process has written its id."""
    deadline = time.monotonic() + 20
    while not (note.exists() and note.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)


def test_input_goes_in_and_output_comes_out(tmp_path: Path) -> None:
    code = (
        "import os,sys; print(sys.stdin.read(), dict(os.environ), os.getcwd()); print('no', file=sys.stderr)"
    )
    found = python(code, tmp_path, Limits(30), b"hello")
    assert found.status == 0
    assert found.output.decode().startswith("hello {'A': 'b'")
    assert str(tmp_path) in found.output.decode()
    assert found.talk == "no\n"


def test_a_process_that_takes_too_long_is_killed_with_its_children(tmp_path: Path) -> None:
    code = (
        "import os,time\n"
        "if os.fork() == 0: time.sleep(1000)\n"
        f"open({str(tmp_path / 'pid')!r},'w').write(str(os.getpid())); time.sleep(1000)"
    )
    with pytest.raises(DeadlineExceeded):
        python(code, tmp_path, Limits(1.5))
    assert gone(int((tmp_path / "pid").read_text()))


def test_memory_and_processor_time_are_limited(tmp_path: Path) -> None:
    assert python("bytearray(2 << 30)", tmp_path, Limits(30, memory=1 << 30)).status == 1
    assert python("while True: pass", tmp_path, Limits(30, processor=1)).status == -signal.SIGKILL


def test_files_that_it_makes_can_be_read_by_workers_of_another_user(tmp_path: Path) -> None:
    python("open('made', 'w')", tmp_path, Limits(30))
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o644


def test_a_cancelled_call_kills_the_process(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = f"import os,time; open({str(note)!r},'w').write(str(os.getpid())); time.sleep(1000)"

    async def scenario() -> None:
        command = [sys.executable, "-I", "-c", code]
        task = asyncio.create_task(run(command, Limits(60), environment={}, directory=tmp_path))
        await asyncio.to_thread(written, note)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
    assert gone(int(note.read_text()))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a process to its parent")
def test_it_dies_when_its_parent_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    inner = f"import os,time; open({str(note)!r},'w').write(str(os.getpid())); time.sleep(1000)"
    outer = (
        "import asyncio,sys\nfrom pathlib import Path\nfrom konan.packaging.child import Limits, run\n"
        f"asyncio.run(run([sys.executable,'-I','-c',{inner!r}], Limits(60), environment={{}},"
        f" directory=Path({str(tmp_path)!r})))"
    )
    parent = subprocess.Popen([sys.executable, "-c", outer])
    written(note)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    assert gone(int(note.read_text()))
