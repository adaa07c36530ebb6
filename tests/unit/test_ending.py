"""A process that has answered ends with what it wrote, whatever its libraries' threads do."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(("given", "code"), [("", 0), ("None", 0), ("3", 3)])
def test_what_was_written_is_there_and_nothing_runs_after_it(given: str, code: int) -> None:
    program = (
        "import atexit, sys\n"
        "from konan import ending\n"
        "atexit.register(lambda: print('too late'))\n"
        "print('answer'); print('talk', file=sys.stderr)\n"
        f"ending.at_once({given})\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, "answer\n", "talk\n")
