"""Windows of any length are the sums of the hours in them."""

import pytest
from tests.unit.monitoring.counted import END, LAYOUTS, START, Counted, some
from tests.unit.predictions.logs import BIKES

from konan.errors import Invalid
from konan.monitoring.profiles.profile import merged
from konan.monitoring.profiles.windows import DAY, HOUR, MOST, Span


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Counted:
    world = Counted(tmp_path_factory.mktemp("log"))
    world.lay()
    world.write(*some(5, 80))
    world.flusher.flush()
    return world


@pytest.mark.parametrize("every", [HOUR, 5 * HOUR, DAY, 30 * HOUR, 2 * DAY, 90 * DAY])
@pytest.mark.parametrize("begin", [0, 7, 24, 25])
@pytest.mark.parametrize("segment", [None, ("city", "c3")])
def test_windows_are_sums_of_hours(
    world: Counted, every: int, begin: int, segment: tuple[str, str | None] | None
) -> None:
    start, end = START + begin * HOUR, END - 5 * HOUR
    hours = world.windows.read(BIKES, 1, "live", Span(start, end, HOUR), segment)
    found = world.windows.read(BIKES, 1, "live", Span(start, end, every), segment)
    assert [at for at, _ in found] == list(range(start, end, every))
    for at, profile in found:
        inside = [one for hour, one in hours if at <= hour < at + every]
        assert profile == merged(LAYOUTS[1], inside)
    assert sum(profile.rows for _, profile in found) > 0


def test_where_nothing_is_there_are_empty_windows(world: Counted) -> None:
    span = Span(START - DAY, START, HOUR)
    assert {profile.rows for _, profile in world.windows.read(BIKES, 1, "live", span)} == {0}
    assert world.windows.read(BIKES, 1, "live", Span(START, START, HOUR)) == []
    unknown = world.windows.read("no-such-log", 9, "live", Span(START, END, DAY))
    assert [(profile.rows, profile.lengths) for _, profile in unknown] == [(0, ())] * 3
    assert world.windows.is_complete("no-such-log")


@pytest.mark.parametrize("span", [Span(1, DAY, HOUR), Span(0, DAY, 0), Span(DAY, 0, HOUR), Span(0, DAY, 90)])
def test_windows_that_are_no_hours_are_refused(world: Counted, span: Span) -> None:
    with pytest.raises(Invalid):
        world.windows.read(BIKES, 1, "live", span)


def test_too_many_windows_are_refused(world: Counted) -> None:
    with pytest.raises(Invalid, match="10,000"):
        world.windows.read(BIKES, 1, "live", Span(0, (MOST + 1) * HOUR, HOUR))


def test_who_and_which_segments_there_are_is_known(world: Counted) -> None:
    assert world.windows.counted(BIKES, START, END) == [
        (1, "canary"),
        (1, "live"),
        (2, "canary"),
        (2, "live"),
    ]
    found = world.windows.segments(BIKES, START, END)
    assert found["city"] == [f"c{number}" for number in range(10)]
    assert found["open"] == ["false", "true"]
    assert world.windows.counted(BIKES, 0, DAY) == []
