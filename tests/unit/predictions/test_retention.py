"""Small files are merged, old days deleted, and nothing else changes."""

from pathlib import Path

from tests.unit.predictions.logs import BIKES, World, entry

from konan import clock
from konan.predictions import table
from konan.predictions.retention import Keeper
from konan.predictions.tidying import SMALL_FILES

_DAY_MS = 86_400_000


def aged(days: int, number: int = 1) -> str:
    """An id that was made so many days ago."""
    text = f"{clock.now_ns() // 1_000_000 - days * _DAY_MS:012x}"
    return f"{text[:8]}-{text[8:]}-7000-8000-{number:012d}"


def test_small_files_of_a_day_are_merged_and_all_rows_stay(tmp_path: Path) -> None:
    world = World(tmp_path)
    for number in range(SMALL_FILES):
        world.write(entry(number))
        world.flusher.flush()
    before = world.ids()
    Keeper(world.flusher, world.directory, 0).visit(BIKES)
    assert len(table.snapshot(world.directory / BIKES).files) == 1
    assert sorted(world.ids()) == sorted(before)
    world.restart()
    world.write(entry(99))
    world.flusher.flush()
    assert len(world.ids()) == SMALL_FILES + 1


def test_few_files_of_today_are_left_and_two_of_a_day_before_are_merged(tmp_path: Path) -> None:
    world = World(tmp_path)
    for number in range(2):
        world.write(entry(number), entry(number, ids=[aged(1, number)]))
        world.flusher.flush()
    assert len(table.snapshot(world.directory / BIKES).files) == 4
    Keeper(world.flusher, world.directory, 0).visit(BIKES)
    assert len(table.snapshot(world.directory / BIKES).files) == 3


def test_days_that_are_too_old_are_deleted(tmp_path: Path) -> None:
    world = World(tmp_path)
    ids = [aged(days) for days in (9, 3, 2, 0)]
    world.write(*(entry(1, ids=[one]) for one in ids))
    world.flusher.flush()
    Keeper(world.flusher, world.directory, 2).visit(BIKES)
    assert sorted(world.ids()) == ids[2:]
    Keeper(world.flusher, world.directory, 0).visit(BIKES)
    assert sorted(world.ids()) == ids[2:]


def test_each_log_is_visited_in_its_turn(tmp_path: Path) -> None:
    world = World(tmp_path)
    for name in (BIKES, "cars"):
        world.write(entry(1, deployment=name, ids=[aged(9)]))
    world.flusher.flush()
    keeper = Keeper(world.flusher, world.directory, 1)
    for _ in range(3):
        keeper.step()
    assert not world.ids()
    assert not world.ids("cars")
