"""Profiles that are kept along the way equal a count of the log, whatever happens on the way."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.monitoring.counted import (
    LAYOUTS,
    START,
    TEMPERATURE,
    Counted,
    at,
    live,
    recount,
    some,
)
from tests.unit.predictions.logs import BIKES, rejected

from konan import clock
from konan.errors import NotReady
from konan.monitoring.profiles import segments
from konan.monitoring.profiles.cells import OTHER
from konan.monitoring.profiles.profile import Layout
from konan.monitoring.profiles.store import NAME
from konan.monitoring.profiles.windows import DAY, HOUR, Span
from konan.predictions import table


def laid(tmp_path: Path) -> Counted:
    world = Counted(tmp_path)
    world.lay()
    return world


def test_every_hour_version_role_and_segment_equals_a_count_of_the_rows(tmp_path: Path) -> None:
    world = laid(tmp_path)
    world.write(*some(1, 60))
    world.flusher.flush()
    assert world.windows.is_complete(BIKES)
    assert live(world) == recount(world)
    assert len(live(world)) > 100


def test_commits_add_up_and_merged_files_change_nothing(tmp_path: Path) -> None:
    world = laid(tmp_path)
    for seed in range(4):
        world.write(*some(seed, 8))
        world.flusher.flush()
    before = live(world)
    world.flusher.tidy(BIKES, 0)
    assert len(table.snapshot(world.directory / BIKES).files) == len({key[3] // DAY for key in before})
    assert live(world) == before == recount(world)
    assert world.windows.is_complete(BIKES)


def test_merged_files_are_not_counted_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = laid(tmp_path)
    for number in range(3):
        world.write(at(START + number, 5))
        world.flusher.flush()

    def count(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("konan.monitoring.profiles.counting.Counting.count", count)
    world.flusher.tidy(BIKES, 0)
    assert world.windows.is_complete(BIKES)
    assert live(world) == recount(world)


def test_what_a_crash_left_uncounted_is_counted_from_the_table(tmp_path: Path) -> None:
    world = laid(tmp_path)
    world.write(*some(1, 10))
    world.flusher.flush()
    half = {path: path.read_bytes() for path in (world.directory / BIKES / NAME).iterdir()}
    world.write(*some(2, 10))
    world.flusher.flush()
    for path in (world.directory / BIKES / NAME).iterdir():  # as if only the table had been changed
        path.unlink()
    for path, content in half.items():
        path.write_bytes(content)
    assert not world.windows.is_complete(BIKES)
    assert live(world) != recount(world)
    world.complete()
    assert live(world) == recount(world)


@pytest.mark.parametrize("name", ["index", "day"])
@pytest.mark.parametrize("damage", [0, 40, 2_000])
def test_damage_is_seen_and_counted_again(tmp_path: Path, name: str, damage: int) -> None:
    world = laid(tmp_path)
    world.write(*some(1, 60, hours=20))
    world.flusher.flush()
    good = live(world)
    (path,) = (one for one in (world.directory / BIKES / NAME).iterdir() if one.name.endswith(name))
    content = bytearray(path.read_bytes())
    content[damage % len(content)] ^= 0x55
    path.write_bytes(content if damage else b"")
    if name == "day":
        with pytest.raises(NotReady):
            live(world)
    world.complete()
    assert live(world) == good


def test_rows_that_are_deleted_leave_no_trace(tmp_path: Path) -> None:
    world = laid(tmp_path)
    entries = some(1, 40)
    world.write(*entries)
    world.flusher.flush()
    world.flusher.tidy(BIKES, 0)
    gone = [one for each in entries[::3] for one in each.ids]
    with world.flusher.writing(BIKES) as log:
        log.delete_rows(gone)
        log.purge()
    assert not world.windows.is_complete(BIKES)
    world.flusher.follow(BIKES)
    assert world.windows.is_complete(BIKES)
    assert live(world) == recount(world)
    assert sum(one.rows for key, one in live(world).items() if key[2] is None) == sum(
        len(each.ids) for number, each in enumerate(entries) if number % 3
    )


def test_days_that_are_too_old_go(tmp_path: Path) -> None:
    world = laid(tmp_path)
    world.write(*some(1, 20))
    world.flusher.flush()
    days = {file.day for file in table.snapshot(world.directory / BIKES).files}
    world.flusher.tidy(BIKES, clock.now_ns() // (DAY * 10**9) - max(days))
    assert {key[3] // DAY for key in live(world)} == {max(days)} < days
    assert live(world) == recount(world)
    assert {int(path.stem) for path in (world.directory / BIKES / NAME).glob("*.day")} == {max(days)}


def test_another_layout_has_everything_counted_again(tmp_path: Path) -> None:
    world = Counted(tmp_path)
    world.write(*some(1, 20))
    world.flusher.flush()
    assert world.windows.is_complete(BIKES)  # only the number of rows is counted
    assert live(world) == recount(world)
    for layouts in ({1: LAYOUTS[1]}, {2: LAYOUTS[2]}, {1: Layout((TEMPERATURE,))}):
        world.lay(layouts)
        assert not world.windows.is_complete(BIKES)
        world.complete()
        assert live(world) == recount(world)


def test_what_is_much_is_counted_little_by_little_the_newest_first(tmp_path: Path) -> None:
    world = laid(tmp_path)
    world.write(*some(1, 60))
    world.flusher.flush()
    everything = live(world)
    for path in (world.directory / BIKES / NAME).glob("*.day"):
        path.unlink()
    (world.directory / BIKES / NAME / "index").unlink()
    world.counted_rows = 1
    world.restart()
    seen = []
    while not world.windows.is_complete(BIKES):
        world.flusher.follow(BIKES)
        seen.append({key[3] // DAY for key in live(world)})
    assert [len(days) for days in seen[:3]] == [1, 2, 3]
    assert min(seen[1]) == max(seen[2]) - 1
    assert live(world) == everything


def test_a_value_has_all_its_rows_or_none_and_the_rest_is_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "MOST", 3)
    world = laid(tmp_path)
    for seed in range(3):
        world.write(*some(seed, 6))
        world.flusher.flush()
        world.restart()
    values = world.windows.segments(BIKES, START, START + 3 * DAY)
    assert {column: len(found) for column, found in values.items()} == {
        "city": 4,
        "open": 2,
        "order": 4,
        "hour": 4,
    }
    assert values["city"][-1] == OTHER
    assert live(world) == recount(world)
    with world.flusher.writing(BIKES) as log:
        log.delete_rows([one for one in world.ids() if int(one[-1], 16) % 2])
    world.complete()
    assert live(world) == recount(world)


def test_refusals_are_counted_by_their_code(tmp_path: Path) -> None:
    world = laid(tmp_path)
    world.write(rejected(1, request_id=at(START).ids[0]), rejected(2, request_id=at(START + HOUR).ids[0]))
    world.flusher.flush()
    name = f"{BIKES}-rejected"
    span = Span(START, START + 2 * HOUR, HOUR)
    found = world.windows.read(name, 1, "live", span, ("code", "rows_invalid"))
    assert [profile.rows for _, profile in found] == [1, 1]
    assert world.windows.is_complete(name)


def lose(world: Counted, number: int) -> None:
    """Some files of profiles are gone, and the index, which is never newer than they are."""
    (world.directory / BIKES / NAME / "index").unlink(missing_ok=True)
    for path in sorted((world.directory / BIKES / NAME).glob("*.day"))[number % 3 :: 3]:
        path.unlink()


def erase(world: Counted, number: int) -> None:
    """Some rows are deleted, and nobody is told."""
    with world.flusher.writing(BIKES) as log:
        log.delete_rows(world.ids()[number % 5 :: 5])


ONES = LAYOUTS[1], Layout((TEMPERATURE,))
STEPS: dict[str, Callable[[Counted, int], None]] = {
    "write": lambda world, number: world.write(*some(number, 3), gateway=number % 2),
    "flush": lambda world, _: world.flusher.flush(),
    "tidy": lambda world, _: world.flusher.tidy(BIKES, 0),
    "erase": erase,
    "lose": lose,
    "lay": lambda world, number: world.lay({2: LAYOUTS[2], 1: ONES[number % 2]}),
    "restart": lambda world, _: world.restart(),
}


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 99)), min_size=5, max_size=16))
def test_any_order_of_what_may_happen_gives_the_same(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    world = Counted(tmp_path_factory.mktemp("log"))
    for step, number in steps:
        STEPS[step](world, number)
    world.flusher.flush()
    world.complete()
    assert live(world) == recount(world)
