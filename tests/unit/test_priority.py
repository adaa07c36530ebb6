"""Background work gives way inside its session and among sessions."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from konan import priority

_SAYS = """
import os
from pathlib import Path
from konan import priority
priority.give_way(nice=12)
print(os.getsid(0) == os.getpid(), os.getpriority(os.PRIO_PROCESS, 0))
group = Path("/proc/self/autogroup")
print(group.read_text() if group.exists() else "nice 12")
"""


def test_a_process_gives_way_in_a_session_of_its_own() -> None:
    said = subprocess.run(
        [sys.executable, "-c", _SAYS], capture_output=True, text=True, check=True, timeout=60
    ).stdout.splitlines()
    assert said[0] == "True 12"
    assert said[1].endswith("nice 12")


def test_another_process_is_told_to_give_way() -> None:
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        priority.give_way(child.pid)
        assert os.getpriority(os.PRIO_PROCESS, child.pid) == priority.BACKGROUND
        group = Path(f"/proc/{child.pid}/autogroup")
        assert not group.exists() or group.read_text().rstrip().endswith(f"nice {priority.BACKGROUND}")
    finally:
        child.kill()
        child.wait()


def test_a_process_that_has_gone_cannot() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    with pytest.raises(ProcessLookupError):
        priority.give_way(child.pid)
