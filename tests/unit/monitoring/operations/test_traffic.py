"""Traffic that is counted along the way equals a count of the log, with what waits, whatever happens."""

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.unit.monitoring.counted import START, at
from tests.unit.predictions.logs import BIKES, World, schemas
from typing_extensions import override

from konan.journal.entry import Entry
from konan.monitoring.operations import live_traffic, traffic
from konan.monitoring.operations.latency import CELLS, bounds, cells_of, quantiles
from konan.monitoring.operations.live_traffic import LiveTraffic
from konan.monitoring.operations.traffic_counts import HOUR, read
from konan.monitoring.operations.traffic_report import windows
from konan.monitoring.reports.query import Query
from konan.predictions import table
from konan.predictions.flusher import REJECTED, Flusher
from konan.predictions.reading import PredictionLog
from konan.predictions.writing import TableWriter

END = START + 72 * HOUR
WHOLE = Query(START, END, END - START)


class Trafficked(World):
    """A world whose follower counts traffic."""

    @override
    def restart(self) -> None:
        writer = TableWriter(self.directory, schemas, self.rules.rows, LiveTraffic(self.directory))
        self.flusher = Flusher(self.journal, self.directory, schemas, self.rules, writer)
        self.log = PredictionLog(self.directory, self.flusher, schemas)

    def counts(self) -> Counter[tuple[object, ...]]:
        """Requests, rows and microseconds by version, role, hour, code and status."""
        found = Counter[tuple[object, ...]]()
        for name in (BIKES, BIKES + REJECTED):
            for hour, group, count in read(self.directory, self.flusher, name, START, END):
                assert count.latencies.sum() == count.requests
                which = (group.version, group.role, hour, group.code, group.status)
                found[(*which, "requests")] += count.requests
                found[(*which, "rows")] += count.rows
                found[(*which, "microseconds")] += count.microseconds
        return +found


def refused(seconds: float, code: str, status: int, version: int = 1, latency_us: int = 10) -> Entry:
    made = at(seconds, version=version, latency_us=latency_us)
    return replace(made, ids=[], outputs=[], kind="rejected", code=code, status=status)


def some(seed: int, number: int) -> list[Entry]:
    chance = random.Random(seed)
    found = []
    for _ in range(number):
        moment, latency = START + chance.random() * 50 * HOUR, int(chance.expovariate(1 / 3000))
        if chance.random() < 0.3:
            code, status = chance.choice([("rows_invalid", 422), ("model_failed", 502)])
            found.append(refused(moment, code, status, version=chance.randint(0, 1), latency_us=latency))
        else:
            role = chance.choice(["live", "live", "canary", "challenger"])
            found.append(at(moment, chance.randint(1, 9), role=role, latency_us=latency))
    return found


def expected(entries: list[Entry]) -> Counter[tuple[object, ...]]:
    found = Counter[tuple[object, ...]]()
    for one in entries:
        hour = int(one.request_id[:8] + one.request_id[9:13], 16) // 1000 // HOUR * HOUR
        which = (one.version, one.role, hour, one.code, one.status)
        found[(*which, "requests")] += 1
        found[(*which, "rows")] += one.rows
        found[(*which, "microseconds")] += one.latency_us
    return +found


def test_what_waits_and_what_is_in_the_table_is_counted_once(tmp_path: Path) -> None:
    world = Trafficked(tmp_path)
    assert not world.counts()
    sent: list[Entry] = []
    for seed in range(4):
        fresh = some(seed, 20)
        world.write(*fresh)
        sent += fresh
        assert world.counts() == expected(sent)  # they wait
        if seed != 3:
            world.flusher.flush()
            assert world.counts() == expected(sent)


def test_merged_files_are_not_read_again_and_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = Trafficked(tmp_path)
    for seed in range(3):
        world.write(*some(seed, 20))
        world.flusher.flush()
    before = world.counts()

    def count(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(live_traffic, "count", count)
    world.flusher.tidy(BIKES, 0)
    assert len(table.snapshot(world.directory / BIKES).files) == 3  # a file a day
    assert world.counts() == before


def test_what_a_crash_left_out_or_damage_took_is_counted_again(tmp_path: Path) -> None:
    world = Trafficked(tmp_path)
    sent = some(1, 30)
    world.write(*sent)
    world.flusher.flush()
    folder = world.directory / BIKES / live_traffic.FOLDER
    for path in folder.glob("*.day"):
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert world.counts() == expected(sent)
    for path in folder.iterdir():
        path.unlink()
    world.restart()
    assert world.counts() == expected(sent)


def test_erased_rows_are_not_counted_any_more(tmp_path: Path) -> None:
    world = Trafficked(tmp_path)
    sent = [at(START + number) for number in range(20)]
    world.write(*sent)
    world.flusher.flush()
    with world.flusher.writing(BIKES) as log:
        log.delete_rows(sent[3].ids)
        log.purge()
    assert world.counts() == expected(sent[:3] + sent[4:])


def test_days_whose_rows_went_because_of_their_age_go_too(tmp_path: Path) -> None:
    world = Trafficked(tmp_path)
    world.write(*some(1, 30))
    world.flusher.flush()
    world.flusher.tidy(BIKES, 1)
    assert not list((world.directory / BIKES / live_traffic.FOLDER).glob("*.day"))


@given(st.lists(st.integers(0, 2**40), min_size=1), st.sampled_from([0.5, 0.9, 0.99, 1.0]))
def test_quantiles_are_within_their_bound(taken: list[int], share: float) -> None:
    counts = np.bincount(cells_of(np.array(taken)), minlength=CELLS)
    exact = sorted(taken)[max(1, int(np.ceil(share * len(taken)))) - 1]
    (told,) = quantiles(counts, [share])
    assert abs(told * 1e6 - exact) <= max(0.5, exact / 64 + 1e-3)


@given(st.integers(0, 2**40))
def test_each_latency_is_in_its_cell(taken: int) -> None:
    lower, upper = bounds(int(cells_of(np.array([taken]))[0]))
    assert lower <= taken < upper


def test_a_report_adds_up_versions_windows_and_errors(tmp_path: Path) -> None:
    world = Trafficked(tmp_path)
    world.write(
        *[at(START + number, rows=2, latency_us=1000) for number in range(98)],
        at(START + HOUR, latency_us=500_000),
        at(START + 5, role="challenger"),
        refused(START + 9, "rows_invalid", 422, version=0, latency_us=10),
        refused(START + 9, "deadline_exceeded", 504, latency_us=30_000_000),
    )
    world.flusher.flush()
    found = [
        one
        for name in (BIKES, BIKES + REJECTED)
        for one in read(world.directory, world.flusher, name, START, END)
    ]
    (whole,) = windows(found, WHOLE, END)
    assert (whole.requests, whole.predictions, whole.version) == (101, 197, None)
    assert whole.per_second == 101 / (72 * HOUR)
    assert [(one.code, one.kind, one.requests) for one in whole.errors] == [
        ("deadline_exceeded", "model", 1),
        ("rows_invalid", "caller", 1),
    ]
    assert whole.latency is not None
    assert whole.latency.mean == pytest.approx((98 * 1000 + 500_000) / 99e6)
    assert whole.latency.p50 == pytest.approx(0.001, rel=0.016)
    assert whole.latency.most == pytest.approx(0.5, rel=0.016)
    hours = windows(found, WHOLE._replace(every=HOUR, end=START + 3 * HOUR), START + HOUR)
    assert [one.requests for one in hours] == [100, 1, 0]
    assert {one.version for one in windows(found, WHOLE._replace(by_version=True), END)} == {0, 1}
    (first,) = windows(found, WHOLE._replace(version=1), END)
    assert (first.requests, first.version) == (100, 1)


def test_a_file_of_a_day_is_small(tmp_path: Path) -> None:
    day = traffic.Day({"a.parquet"}, 3)
    chance = np.random.default_rng(1)
    for hour in range(24):
        cells = cells_of(chance.lognormal(8, 0.7, 20_000).astype(np.int64))
        counts = np.bincount(cells, minlength=CELLS)
        day.add(traffic.Group(1, "live", hour, "", 200), traffic.Count(20_000, 20_000, 1, counts))
    traffic.write(tmp_path / "1.day", day)
    assert (tmp_path / "1.day").stat().st_size < 25_000
    assert traffic.read(tmp_path / "1.day").files == day.files
