"""Data and talk go their own ways, and progress is for terminals only."""

import os
import pty
import subprocess
import sys

import pytest

from konan.cli.screen import Screen

PROGRESS = (
    "from konan.cli.screen import Screen\n"
    "import sys\n"
    "with Screen(quiet='q' in sys.argv).progress('Predicting', 10) as advance:\n"
    "    advance(10)\n"
    "with Screen(quiet='q' in sys.argv).waiting('Packing') as tell:\n"
    "    tell('Building'); tell('Building')\n"
)


def on_terminal(term: str, *words: str) -> str:
    """Run the program with standard error on a terminal; what it showed."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": term}
    with subprocess.Popen([sys.executable, "-c", PROGRESS, *words], stderr=theirs, env=environment) as child:
        os.close(theirs)
        shown = b""
        while part := _read(ours):
            shown += part
        assert child.wait() == 0
    os.close(ours)
    return shown.decode()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # how a terminal says that the other side has gone
        return b""


def test_a_terminal_shows_progress() -> None:
    shown = on_terminal("xterm")
    assert "Predicting" in shown
    assert "Building" in shown
    assert "\x1b[" in shown


def test_a_dumb_terminal_gets_plain_lines() -> None:
    shown = on_terminal("dumb")
    assert shown.replace("\r\n", "\n") == "Building\n"


def test_quiet_shows_nothing_even_on_a_terminal() -> None:
    assert on_terminal("xterm", "q") == ""


def test_a_pipe_gets_plain_lines_and_no_bar() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRESS], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "Building\n")


def test_quiet_says_nothing_but_data(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(quiet=True)
    screen.say("talk")
    screen.data("data")
    assert capsys.readouterr() == ("data\n", "")
