"""The process that commits and counts may be killed at any moment: profiles are whole again, never double."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.unit.monitoring.counted import Counted, live, recount, schemas, some
from tests.unit.predictions.logs import BIKES
from tests.unit.predictions.test_apart import until
from tests.unit.predictions.test_flusher import rows_in_table
from typing_extensions import override

from konan.monitoring.profiles.store import NAME
from konan.monitoring.profiles.windows import Windows
from konan.predictions.apart import Apart, WriterFailed
from konan.predictions.flusher import Flusher
from konan.predictions.mark import NAME as MARK
from konan.predictions.reading import PredictionLog


class Remote(Counted):
    """A world whose tables are changed, and rows counted, by another process."""

    @override
    def restart(self) -> None:
        module = "konan.monitoring.profiles.writer_child"
        self.apart = Apart(self.directory, schemas, self.rules.rows, "warning", module)
        self.flusher = Flusher(self.journal, self.directory, schemas, self.rules, self.apart)
        self.log = PredictionLog(self.directory, self.flusher, schemas)
        self.windows = Windows(self.directory)

    def killed_when(self, seen: Callable[[], bool]) -> bool:
        """Flush, and kill the process when something is seen; whether it was in time."""
        failed = []

        def flush() -> None:
            try:
                self.flusher.flush()
            except WriterFailed:
                failed.append(True)

        flushing = threading.Thread(target=flush)
        flushing.start()
        until(lambda: seen() or not flushing.is_alive())
        process = self.apart.process
        if process is not None:
            os.kill(process.pid, signal.SIGKILL)
        flushing.join()
        return bool(failed)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Remote]:
    world = Remote(tmp_path)
    world.lay()
    try:
        yield world
    finally:
        world.flusher.stop()


def test_profiles_are_counted_by_the_process_that_commits(world: Remote) -> None:
    world.write(*some(1, 20))
    world.flusher.flush()
    assert world.windows.is_complete(BIKES)
    assert live(world) == recount(world)


def test_killed_between_the_commit_and_the_profiles(world: Remote) -> None:
    """The table's mark is gone: the commit stands. What was not counted is counted with the next commit."""
    mark, failed = world.directory / BIKES / MARK, 0
    for seed in range(4):
        world.write(*some(seed, 60))
        begun: list[bool] = []

        def committed(begun: list[bool] = begun) -> bool:
            begun += [True] * mark.exists()
            return bool(begun) and not mark.exists()

        failed += world.killed_when(committed)
    assert failed
    world.flusher.flush()
    world.complete()
    assert live(world) == recount(world)
    assert rows_in_table(world) == sum(len(one.ids) for seed in range(4) for one in some(seed, 60))


def test_killed_while_profiles_are_written(world: Remote) -> None:
    place = world.directory / BIKES / NAME
    for seed in range(3):
        world.write(*some(seed, 60))
        world.killed_when(lambda: any(place.glob("*.new")))
    world.flusher.flush()
    world.complete()
    assert live(world) == recount(world)
