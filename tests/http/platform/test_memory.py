"""What only some work needs is in no process that stays: memory is what the platform costs all day."""

import contextlib
import re
import signal
import sys
from pathlib import Path

import psutil
import pytest
from tests.http.platform.server import Server, eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks /proc what a process has loaded")
_HEAVY = re.compile(r"site-packages/(pyarrow|deltalake|numpy|duckdb|pandas|sklearn)/")


def heavy(pid: int) -> set[str]:
    """The large libraries that a process has in memory."""
    return set(_HEAVY.findall(Path(f"/proc/{pid}/maps").read_text()))


def writers(control: int) -> list[psutil.Process]:
    """The processes of control that change tables."""
    found = []
    for one in psutil.Process(control).children():
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
            if "konan.monitoring.profiles.writer_child" in " ".join(one.cmdline()):
                found.append(one)
    return found


def rows_in_tables(server: Server) -> bool:
    return any((server.data / "predictions").glob("*/table/day=*/*.parquet"))


def test_rows_reach_their_table_without_arrow_in_a_process_that_stays(server: Server) -> None:
    server.configure(flush_rows=5)
    server.start()
    server.deploy("twice")
    for x in range(12):
        assert server.predict("twice", float(x))[0] == 200
    eventually(lambda: rows_in_tables(server), "rows are in their table")
    pids = server.pids()
    assert {name: heavy(pids[name]) for name in ("supervisor", "control", "gateway-0")} == {
        "supervisor": set(),
        "control": set(),
        "gateway-0": set(),
    }
    assert len(server.logged("twice")) == 12
    assert "pyarrow" in heavy(pids["control"])  # somebody has read, so this test can see it


def test_what_changes_tables_may_die_at_any_time(server: Server) -> None:
    server.configure(flush_rows=5)
    server.start()
    server.deploy("twice")
    control = server.pids()["control"]
    answered = 0
    for _ in range(3):
        for x in range(6):
            assert server.predict("twice", float(x))[0] == 200
            answered += 1
        eventually(lambda: bool(writers(control)), "something changes the table")
        for process in writers(control):
            process.send_signal(signal.SIGKILL)
    eventually(lambda: rows_in_tables(server), "rows are in their table")
    assert server.pids()["control"] == control
    ids = server.logged("twice")
    assert (len(ids), len(set(ids))) == (answered, answered)
