"""Windows of several kinds that are read in one pass are those that are read one after another."""

import random
from pathlib import Path

import msgspec
import numpy as np
import pytest
from tests.unit.monitoring.performance.judged import BINARY, VALUE, Row, summarized

from konan.monitoring.performance.shape import Shape
from konan.monitoring.performance.summary import Summary, merged_summaries
from konan.monitoring.performance.windows import PerformanceWindows, Wanted
from konan.monitoring.profiles import days
from konan.monitoring.profiles.days import FEW, Day, DayFile, Key, Series
from konan.monitoring.profiles.sparse import Sparse
from konan.monitoring.profiles.store import Store
from konan.monitoring.profiles.windows import DAY, HOUR, Span

LOG = "log"
FIRST = 20_000
KEYS = tuple(Key(1, role, *part) for role in ("live", "canary") for part in (("", None), ("city", "Bern")))
START, END = FIRST * DAY, (FIRST + 3) * DAY


def row(shape: Shape, chance: random.Random) -> Row:
    if shape.kind == "regressor":
        return Row(chance.random(), chance.random(), delay=chance.random() * 1e4)
    score = chance.random()
    truth, answer = (chance.choice(shape.classes) for _ in range(2))
    return Row(truth, answer, (1 - score, score), chance.random() * 1e4)


@pytest.fixture(scope="module", params=[BINARY, VALUE], ids=["classes", "numbers"])
def read(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> "Read":
    return Read(tmp_path_factory.mktemp("days"), request.param)


class Read:
    """Three days of a log; in each some hours of some keys."""

    def __init__(self, place: Path, shape: Shape) -> None:
        chance = random.Random(1)
        self.place, self.shape, self.windows = place, shape, PerformanceWindows(place)
        for number in range(3):
            day = Day()
            for key in KEYS:
                for hour in (0, 3, 23):
                    rows = [row(shape, chance) for _ in range(chance.randint(1, 5))]
                    numbers = summarized(shape, rows).numbers
                    plain = numbers.at != shape.sections["rows"].start
                    day.add(key, hour, np.array([len(rows) + 2]))
                    day.measure(key, hour, Sparse(numbers.at[plain], numbers.values[plain]))
            Store(place / LOG).put(FIRST + number, day)

    def alone(self, wanted: Wanted) -> list[Summary]:
        """As `PerformanceWindows.read` has it, key by key."""
        each = [
            self.windows.read(LOG, key.version, key.role, wanted.span, self.shape, _segment(key))
            for key in wanted.keys
        ]
        return [merged_summaries(self.shape, [one for _, one in same]) for same in zip(*each, strict=True)]


def _segment(key: Key) -> tuple[str, str | None] | None:
    return (key.column, key.value) if key.column else None


def test_one_pass_has_what_several_have(read: Read) -> None:
    wanted = [
        Wanted((KEYS[0], KEYS[2]), Span(START, END, DAY)),
        Wanted((KEYS[1], KEYS[3]), Span(START, END, END - START)),
        Wanted((KEYS[0],), Span(START + HOUR, END - 2 * HOUR, 5 * HOUR)),
        Wanted((KEYS[0], KEYS[2]), Span(START - 30 * DAY, START + DAY, 31 * DAY)),
        Wanted((Key(2, "live"),), Span(START, END, DAY)),
    ]
    found = read.windows.together(LOG, wanted, read.shape)
    assert found == [read.alone(one) for one in wanted]
    assert [sum(one.rows > 0 for one in each) for each in found] == [3, 1, 5, 1, 0]


def test_what_is_asked_for_alone_is_that_part_of_the_whole(read: Read) -> None:
    span, keys = Span(START, END, END - START), (KEYS[0], KEYS[2])
    (whole,) = read.alone(Wanted(keys, span))
    for part in ((0, 40), read.shape.sums, (FEW, FEW + 3000)):
        ((some,),) = read.windows.together(LOG, [Wanted(keys, span, part)], read.shape)
        ours, theirs = (one.numbers.dense(*_placed(part)).tolist() for one in (some, whole))
        assert ours == theirs
        assert (some.rows, whole.rows > 0) == (whole.rows, True)
    ((some,),) = read.windows.together(LOG, [Wanted(keys, span, read.shape.sums)], read.shape)
    assert (some.labelled, some.usable) == (whole.labelled, whole.usable)
    assert some.delays.tolist() == whole.delays.tolist()


def _placed(part: tuple[int, int]) -> tuple[int, int]:
    return part[0], part[1] - part[0]


def test_files_without_few_numbers_alone_are_read_as_a_whole(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = days._measured

    def without(key: Key, hours: dict[int, Sparse], blocks: list[bytes]) -> Series:
        return msgspec.structs.replace(older(key, hours, blocks), few=None)

    monkeypatch.setattr(days, "_measured", without)
    for number in range(3):
        Store(tmp_path / LOG).put(FIRST + number, Store(read.place / LOG).day(FIRST + number))
    with DayFile(tmp_path / LOG / "profiles" / f"{FIRST}.day") as file:
        assert {one.few for one in file.head.measured} == {None}
    wanted = [Wanted((KEYS[0], KEYS[2]), Span(START, END, DAY), read.shape.sums)]
    again = PerformanceWindows(tmp_path).together(LOG, wanted, read.shape)
    assert again == read.windows.together(LOG, wanted, read.shape)
