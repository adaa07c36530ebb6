"""Rows are drawn from those that were asked for, all of them where they are few, and evenly where not."""

from pathlib import Path

import pyarrow as pa
import pytest
from tests.unit.monitoring.counted import END, FIRST, LAYOUTS, START, at, windy
from tests.unit.predictions.logs import BIKES, World

from konan.monitoring.profiles.log_rows import Logged
from konan.monitoring.reports import row_sample
from konan.monitoring.reports.query import Slice
from konan.monitoring.reports.row_sample import Wanted, sampled

LOGGED = Logged(LAYOUTS[1], FIRST)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Three days of an hourly batch, with rows that were not shown to anybody and of another version."""
    world = World(tmp_path_factory.mktemp("sample"), rows=40)
    for day in range(3):
        moments = [START + (day * 24 + hour) * 3600 + 5 for hour in range(24)]
        world.write(*(at(moment, 4, at_hour * 4) for at_hour, moment in enumerate(moments, day * 24)))
        world.write(*(at(moment, 2, role="challenger") for moment in moments), *map(windy, moments))
        world.flusher.flush(BIKES)
    return world


def cities(rows: pa.Table) -> set[str]:
    return set(rows["features.city"].to_pylist())


def test_all_rows_of_a_window_are_taken_where_they_are_few(world: World) -> None:
    found = sampled(world.directory / BIKES, Wanted(1, START + 3600, START + 49 * 3600), LOGGED, 1000)
    assert (found.found, found.rows.num_rows) == (48 * 4, 48 * 4)
    assert set(found.rows.column_names) == set(LAYOUTS[1].positions) - {"target"}


def test_of_many_rows_some_are_drawn_each_as_likely_as_any(world: World) -> None:
    log, wanted = world.directory / BIKES, Wanted(1, START, END)
    counts = dict[float, int]()
    for seed in range(60):
        drawn = sampled(log, wanted, LOGGED, 24, seed=seed)
        assert (drawn.found, drawn.rows.num_rows) == (72 * 4, 24)
        for hour in drawn.rows["features.hour"].to_pylist():
            counts[hour] = counts.get(hour, 0) + 1
    usual = sampled(log, wanted, LOGGED, 1000).rows["features.hour"].to_pylist()
    for hour in set(usual):
        expected = 60 * 24 * usual.count(hour) / len(usual)
        assert abs(counts.get(hour, 0) - expected) < 5 * expected**0.5
    assert sampled(log, wanted, LOGGED, 24, seed=7) == sampled(log, wanted, LOGGED, 24, seed=7)


def test_a_slice_has_its_own_rows_only(world: World) -> None:
    log = world.directory / BIKES
    every = sampled(log, Wanted(1, START, END), LOGGED, 1000)
    parts = {
        value: sampled(log, Wanted(1, START, END, Slice("city", value)), LOGGED, 1000)
        for value in (*cities(every.rows), "nowhere", None)
    }
    assert sum(one.found for one in parts.values()) == every.found
    assert all(cities(one.rows) == {value} for value, one in parts.items() if one.found)
    assert parts["nowhere"].found == 0


def test_of_more_rows_than_are_read_parts_of_files_are_drawn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_sample, "READ", 200)
    found = sampled(world.directory / BIKES, Wanted(1, START, END), LOGGED, 1000)
    assert 0 < found.found < 72 * 4


def test_a_log_that_is_not_there_has_no_rows(tmp_path: Path) -> None:
    assert sampled(tmp_path, Wanted(1, START, END), LOGGED, 10).found == 0
