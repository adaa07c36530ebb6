"""Tables that another process changes: killed at any moment, it loses nothing and writes nothing twice."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.unit.predictions.logs import BIKES, World, entry, ids_of, rejected, schemas
from tests.unit.predictions.test_flusher import rows_in_table
from typing_extensions import override

from konan.predictions import apart, table
from konan.predictions.apart import Apart, WriterFailed
from konan.predictions.flusher import Flusher
from konan.predictions.mark import NAME as MARK
from konan.predictions.orders import Cells
from konan.predictions.reading import PredictionLog


class Remote(World):
    """A world whose tables are changed by another process."""

    @override
    def restart(self) -> None:
        self.apart = Apart(self.directory, schemas, self.rules.rows)
        self.flusher = Flusher(self.journal, self.directory, schemas, self.rules, self.apart)
        self.log = PredictionLog(self.directory, self.flusher, schemas)


@contextmanager
def remote(root: Path) -> Iterator[Remote]:
    world = Remote(root)
    try:
        yield world
    finally:
        world.flusher.stop()


def until(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_rows_and_refusals_are_committed_and_the_process_ends_when_it_is_idle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with remote(tmp_path) as world:
        entries = [entry(number) for number in range(20)]
        world.write(*entries, rejected(1))
        world.flusher.flush()
        assert world.flusher.rows == 21
        assert rows_in_table(world) == 20
        assert rows_in_table(world, f"{BIKES}-rejected") == 1
        assert world.apart.process is not None
        world.flusher.tidy(BIKES, 0)
        assert sorted(world.ids()) == ids_of(*entries)
        world.flusher.step(0)
        assert world.apart.process is not None
        monkeypatch.setattr(apart, "IDLE", 0.0)
        world.flusher.step(0)
        assert world.apart.process is None


def test_killed_at_any_moment_of_a_commit_it_loses_nothing_and_writes_nothing_twice(tmp_path: Path) -> None:
    """The kill comes later and later into the change, until it comes too late."""
    with remote(tmp_path) as world:
        entries, failed = [], 0
        for round_ in range(3):
            some = [entry(number, 50) for number in range(40)]
            entries += some
            world.write(*some)
            failed += _killed_within(world, round_ * 0.01)
            assert not (world.directory / BIKES / MARK).exists()
            assert sorted(world.ids()) == sorted(ids_of(*entries))
        assert failed
        world.flusher.flush()
        assert sorted(world.ids()) == sorted(ids_of(*entries))
        assert rows_in_table(world) == 6_000


def _killed_within(world: Remote, seconds: float) -> bool:
    """Kill the process so many seconds after it began to change the table; whether it was in time."""
    mark = world.directory / BIKES / MARK
    failed = []

    def flush() -> None:
        try:
            world.flusher.flush()
        except WriterFailed:
            failed.append(True)

    flushing = threading.Thread(target=flush)
    flushing.start()
    until(lambda: mark.exists() or not flushing.is_alive())
    time.sleep(seconds)
    process = world.apart.process
    if process is not None:
        os.kill(process.pid, signal.SIGKILL)
    flushing.join()
    return bool(failed)


def test_a_failure_in_the_process_is_told_and_done_again(tmp_path: Path) -> None:
    with remote(tmp_path) as world:
        entries = [entry(number) for number in range(5)]
        world.write(*entries)
        (world.directory / BIKES).mkdir(parents=True)
        (world.directory / BIKES / "table").write_text("in the way")
        with pytest.raises(WriterFailed):
            world.flusher.flush()
        (world.directory / BIKES / "table").unlink()
        world.flusher.flush()
        assert sorted(world.ids()) == ids_of(*entries)
        assert rows_in_table(world) == 5


def test_an_owner_waits_until_the_process_of_the_one_before_has_ended(tmp_path: Path) -> None:
    with remote(tmp_path) as world:
        world.write(entry(1))
        world.flusher.flush()
        process = world.apart.process
        assert process is not None
        taking = threading.Thread(target=Apart, args=(world.directory, schemas, 10))
        taking.start()
        taking.join(0.2)
        assert taking.is_alive()
        os.kill(process.pid, signal.SIGKILL)
        taking.join(30)
        assert not taking.is_alive()


def test_a_backlog_gives_way_to_nobody(tmp_path: Path) -> None:
    with remote(tmp_path) as world:
        world.rules = type(world.rules)(rows=10, seconds=0.0)
        world.flusher.stop()
        world.restart()
        world.write(entry(1))
        world.flusher.step(1.0)
        first = world.apart.process
        assert first is not None
        own = os.getpriority(os.PRIO_PROCESS, 0)
        assert os.getpriority(os.PRIO_PROCESS, first.pid) > own
        world.write(*(entry(number) for number in range(100)))
        world.flusher.step(1.0)
        second = world.apart.process
        assert second is not None
        assert os.getpriority(os.PRIO_PROCESS, second.pid) == own
        assert rows_in_table(world) == 101


def test_what_somebody_waits_for_gives_way_to_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An erasure, a query or an export empties what waits; under load it would take minutes otherwise."""

    def priority() -> int:
        assert world.apart.process is not None
        return os.getpriority(os.PRIO_PROCESS, world.apart.process.pid)

    own = os.getpriority(os.PRIO_PROCESS, 0)
    with remote(tmp_path) as world:
        world.write(entry(1))
        world.flusher.empty()
        assert priority() == own
        world.flusher.tidy(BIKES, 0)  # somebody may wait again
        assert priority() == own
        monkeypatch.setattr(apart, "IDLE", 0.0)
        world.flusher.tidy(BIKES, 0)
        assert priority() > own


def test_rows_that_no_gateway_journalled_are_put_in_once(tmp_path: Path) -> None:
    with remote(tmp_path) as world:
        ids = [f"019abcd0-0000-7000-8000-00000000000{digit}" for digit in "213"]
        given = [Cells("id", "string", ids), Cells("arrival", "int64", [1, 2, 3])]
        for sequence in (7, 7, 6):
            world.flusher.append("truths", given, sequence)
        assert rows_in_table(world, "truths") == 3
        (file,) = table.snapshot(world.directory / "truths").files
        found = pq.read_table(file.path, columns=["id", "arrival"])
        assert found.to_pydict() == {"id": sorted(ids), "arrival": [2, 1, 3]}
        assert file.day == 20417
