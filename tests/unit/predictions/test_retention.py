"""Small files are merged, old days deleted and told of, and nothing else changes."""

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from tests.unit.predictions.logs import BIKES, CARS, World, entry, rejected

from konan import clock
from konan.predictions import table
from konan.predictions.removals import NAME, Intended, Removals
from konan.predictions.retention import FOR_EVER, Days, Keeper, Policy, removed
from konan.predictions.table import LogTable
from konan.predictions.tidying import SMALL_FILES
from konan.records.deployments import Deployment
from konan.records.retention import Removed

_DAY_MS = 86_400_000


def aged(days: int, number: int = 1) -> str:
    """An id that was made so many days ago."""
    text = f"{clock.now_ns() // 1_000_000 - days * _DAY_MS:012x}"
    return f"{text[:8]}-{text[8:]}-7000-8000-{number:012d}"


def keeper(world: World, default: int, aside: Sequence[Path] = (), **known: int) -> Keeper:
    """Keeps rows so many days, and those of some logs others; bikes and cars by these names."""
    uuids = {{"bikes": BIKES, "cars": CARS}[name]: days for name, days in known.items()}
    return Keeper(world.flusher, world.directory, Policy(lambda: Days(default, uuids), lambda: list(aside)))


def told(world: World, uuid: str = BIKES) -> list[tuple[str, str, int]]:
    found = removed(world.directory, Deployment(uuid=uuid, name="x", project="p", created_at=""))
    return [(one.place, one.day, one.count) for one in found]


def later(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    now, ns = clock.now(), clock.now_ns()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=days))
    monkeypatch.setattr(clock, "now_ns", lambda: ns + days * 86_400 * 10**9)


def today() -> str:
    return clock.now().date().isoformat()


def test_small_files_of_a_day_are_merged_and_all_rows_stay(tmp_path: Path) -> None:
    world = World(tmp_path)
    for number in range(SMALL_FILES):
        world.write(entry(number))
        world.flusher.flush()
    before = world.ids()
    Keeper(world.flusher, world.directory, FOR_EVER).step()
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
    Keeper(world.flusher, world.directory, FOR_EVER).step()
    assert len(table.snapshot(world.directory / BIKES).files) == 3


def test_days_that_are_too_old_are_deleted(tmp_path: Path) -> None:
    world = World(tmp_path)
    ids = [aged(days) for days in (9, 3, 2, 0)]
    world.write(*(entry(1, ids=[one]) for one in ids))
    world.flusher.flush()
    keeper(world, 2).step()
    assert sorted(world.ids()) == ids[2:]
    Keeper(world.flusher, world.directory, FOR_EVER).step()
    assert sorted(world.ids()) == ids[2:]


def test_each_log_is_visited_in_its_turn(tmp_path: Path) -> None:
    world = World(tmp_path)
    for name in (BIKES, "cars"):
        world.write(entry(1, deployment=name, ids=[aged(9)]))
    world.flusher.flush()
    unhurried = keeper(world, 1)
    for _ in range(3):
        unhurried.step()
    assert not world.ids()
    assert not world.ids("cars")


def test_each_deployment_has_days_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path)
    world.write(*(entry(1, deployment=name) for name in (BIKES, CARS)), rejected(2))
    world.flusher.flush()
    day = today()
    later(monkeypatch, 5)
    unhurried = keeper(world, 9, bikes=3)
    for _ in range(3):
        unhurried.step()
    assert not world.ids()
    assert len(world.ids(CARS)) == 1
    assert told(world) == [("rejected", day, 1), ("predictions", day, 1)]
    assert told(world, CARS) == []


def test_zero_days_of_a_deployment_are_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path)
    world.write(entry(1))
    world.flusher.flush()
    later(monkeypatch, 5000)
    keeper(world, 1, bikes=0).step()
    assert len(world.ids()) == 1
    assert told(world) == []


def test_what_comes_late_for_a_day_that_went_is_told_beside_it(tmp_path: Path) -> None:
    world = World(tmp_path)
    for rows in (2, 1):
        world.write(entry(1, rows, ids=[aged(9, number) for number in range(rows)]))
        world.flusher.flush()
        keeper(world, 1).step()
        keeper(world, 1).step()
    day = (clock.now() - timedelta(days=9)).date().isoformat()
    assert sorted(told(world)) == [("predictions", day, 1), ("predictions", day, 2)]


def test_rows_are_told_once_when_the_deletion_was_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path)
    world.write(entry(1, ids=[aged(9)]))
    world.flusher.flush()
    with monkeypatch.context() as during:
        during.setattr(LogTable, "delete_before", _cut_off)
        with pytest.raises(OSError, match="power"):
            keeper(world, 1).step()
    world.restart()
    assert told(world) == []
    assert len(world.ids()) == 1
    keeper(world, 1).step()
    assert [count for _, _, count in told(world)] == [1]


def test_rows_are_told_once_when_only_the_telling_was_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path)
    world.write(entry(1, ids=[aged(9)]))
    world.flusher.flush()
    delete = LogTable.delete_before

    def half(self: LogTable, day: int, number: int) -> None:
        delete(self, day, number)
        _cut_off()

    with monkeypatch.context() as during:
        during.setattr(LogTable, "delete_before", half)
        with pytest.raises(OSError, match="power"):
            keeper(world, 1).step()
    world.restart()
    world.write(entry(2))
    world.flusher.flush()
    for _ in range(2):
        keeper(world, 1).step()
    assert [count for _, _, count in told(world)] == [1]


def test_bytes_set_aside_go_by_the_shortest_time_of_any_deployment(tmp_path: Path) -> None:
    world = World(tmp_path)
    files = [tmp_path / name for name in ("old", "new")]
    for path, days in zip(files, (4, 1), strict=True):
        path.write_bytes(b"12345")
        at = clock.now().timestamp() - days * 86_400
        os.utime(path, (at, at))
    keeper(world, 0, files, bikes=0).step()
    assert all(path.exists() for path in files)
    keeper(world, 9, files, cars=2, bikes=0).step()
    assert [path.exists() for path in files] == [False, True]
    day = (clock.now() - timedelta(days=4)).date().isoformat()
    assert told(world) == [("aside", day, 5)]


def test_only_so_much_is_remembered(tmp_path: Path) -> None:
    book, at = Removals(tmp_path), "2026-11-23T00:00:00Z"
    for number in range(3):
        many = [Removed(at=at, place="truths", day=f"{number}", count=1)] * 400
        book.intend([Intended("1", one) for one in many])
        book.settle(lambda mark: mark == "1")
    assert [one.day for one in book.done()] == ["0"] * 200 + ["1"] * 400 + ["2"] * 400
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def _cut_off(*_: object) -> None:
    raise OSError("the power went")
