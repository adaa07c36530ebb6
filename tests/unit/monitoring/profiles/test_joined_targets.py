"""The truths that came are counted with the rows that they are about, whenever they come."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.unit.monitoring.counted import START, Counted, at, live, live_labelled, recount, windy
from tests.unit.predictions.logs import BIKES

from konan.groundtruth.revisions import SUFFIX
from konan.groundtruth.tables import COLUMNS
from konan.monitoring.profiles.profile import TARGET
from konan.monitoring.profiles.windows import DAY, HOUR, Span
from konan.predictions.rows import day_of


class Known:
    """Puts truths into the table beside a log, as `konan.groundtruth` does."""

    def __init__(self, world: Counted) -> None:
        self.world = world
        self.now: dict[str, Any] = {}
        self._arrival = 0

    def put(self, truths: dict[str, Any], observed: int = 5) -> None:
        rows = []
        for about, target in sorted(truths.items()):
            self._arrival += 1
            kind = "label" if isinstance(target, str) else "value"
            day = date(1970, 1, 1) + timedelta(day_of(about))
            moment = datetime.fromtimestamp(observed, UTC)
            rows.append(
                {"id": about, "day": day, "observed_at": moment, "arrival": self._arrival, kind: target}
            )
            self.now[about] = target
        with self.world.flusher.writing(BIKES + SUFFIX) as log:
            log.append(pa.Table.from_pylist(rows, COLUMNS), {0: self._arrival})

    def check(self) -> None:
        assert not self.world.windows.is_complete(BIKES)
        self.world.complete()
        assert live(self.world) == recount(self.world, self.now)
        assert live_labelled(self.world) == recount(self.world, self.now, labelled=True)


@pytest.fixture
def world(tmp_path: Path) -> Counted:
    world = Counted(tmp_path)
    world.lay()
    return world


def test_truths_are_counted_for_their_rows_and_revisions_replace_them(world: Counted) -> None:
    first, second, third = at(START, 9), at(START + DAY, 5), windy(START + 3 * HOUR, 4)
    world.write(first, second, third)
    world.flusher.flush()
    known = Known(world)
    known.put(dict.fromkeys(first.ids[:4], "yes"))
    known.check()
    known.put({first.ids[0]: "no", second.ids[1]: "no", third.ids[2]: 2.5, at(START).ids[0]: "yes"})
    known.check()
    known.put({first.ids[1]: "purple"}, observed=9)
    known.check()
    ((_, profile),) = world.windows.read(BIKES, 1, "live", Span(START, START + 2 * DAY, 2 * DAY))
    layout = world.windows.layout(BIKES, 1)
    counts = dict(
        zip(layout.cells(TARGET).labels, profile.counts[layout.positions[TARGET]].tolist(), strict=True)
    )
    assert counts == {"no": 2, "yes": 2, "other": 0, "unseen": 1, "missing": 0}
    assert profile.rows == 14


def test_a_truth_that_was_there_before_its_row_is_counted_when_the_row_comes(world: Counted) -> None:
    first, second = at(START, 3), at(START + 5, 3)
    world.write(first)
    world.flusher.flush()
    known = Known(world)
    known.put({first.ids[0]: "yes", second.ids[0]: "yes"})
    known.check()
    world.write(second)
    world.flusher.flush()
    assert world.windows.is_complete(BIKES)
    assert live(world) == recount(world, known.now)
    ((_, profile),) = world.windows.read(BIKES, 1, "live", Span(START, START + DAY, DAY))
    assert profile.counts[-1].sum() == 2


def test_a_truth_counts_for_the_copies_too(world: Counted) -> None:
    original = at(START + DAY - 0.5, 3)
    copy = at(START + DAY + 0.5, 3, mirrors=original.ids, role="challenger")
    world.write(original, copy)
    world.flusher.flush()
    known = Known(world)
    known.put({original.ids[1]: "yes"})
    known.check()
    for role, moment in (("live", START), ("challenger", START + DAY)):
        ((_, profile),) = world.windows.read(BIKES, 1, role, Span(moment, moment + DAY, DAY))
        assert profile.counts[-1].sum() == 1


def test_truths_outlive_merging_and_go_with_their_rows(world: Counted) -> None:
    entries = [at(START + number * HOUR, 5) for number in range(4)]
    for one in entries:
        world.write(one)
        world.flusher.flush()
    known = Known(world)
    known.put({one.ids[0]: "yes" for one in entries})
    known.check()
    world.flusher.tidy(BIKES, 0)
    assert world.windows.is_complete(BIKES)
    assert live(world) == recount(world, known.now)
    with world.flusher.writing(BIKES) as log:
        log.delete_rows([entries[0].ids[0], entries[1].ids[3]])
        log.purge()
    world.flusher.follow(BIKES)
    assert world.windows.is_complete(BIKES)
    assert live(world) == recount(world, known.now)
