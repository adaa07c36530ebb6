"""Summaries are equal to scikit-learn on a recount of the raw log, whatever came in whatever order."""

import json
import random
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.monitoring.counted import START, Counted, ids_at
from tests.unit.monitoring.performance.judged import BINARY, THREE, VALUE, Row, check, summarized
from tests.unit.predictions.logs import BIKES, entry
from typing_extensions import override

from konan.groundtruth.revisions import SUFFIX
from konan.groundtruth.tables import COLUMNS
from konan.journal.entry import Entry
from konan.monitoring.performance.windows import PerformanceWindows
from konan.monitoring.profiles import live, targets
from konan.monitoring.profiles.live import LiveProfiles
from konan.monitoring.profiles.store import NAME
from konan.monitoring.profiles.windows import DAY, HOUR, Span, Windows
from konan.predictions import table
from konan.predictions.flusher import Flusher
from konan.predictions.reading import PredictionLog
from konan.predictions.rows import day_of
from konan.predictions.writing import TableWriter
from konan.records.schema import Feature, Output, Schema

DAYS = 2
FEATURES = (Feature(name="x", type="number"),)
SCHEMAS = {
    1: Schema(
        features=FEATURES,
        output=Output(kind="classifier", classes=("no", "yes"), probabilities=True),
        extra=("city",),
        segments=("city",),
    ),
    2: Schema(features=FEATURES, output=Output(kind="regressor")),
    3: Schema(
        features=FEATURES,
        output=Output(kind="classifier", classes=("red", "green", "blue"), probabilities=True),
    ),
}
SHAPES = {1: BINARY, 2: VALUE, 3: THREE}
CITIES = ("Bern", "Rome", None)


def schemas(_: str, version: int) -> Schema | None:
    return SCHEMAS.get(version)


class Performing(Counted):
    """A log and its truths, whose follower keeps summaries."""

    @override
    def restart(self) -> None:
        follower = LiveProfiles(self.directory, schemas, self.counted_rows)
        writer = TableWriter(self.directory, schemas, self.rules.rows, follower)
        self.flusher = Flusher(self.journal, self.directory, schemas, self.rules, writer)
        self.log = PredictionLog(self.directory, self.flusher, schemas)
        self.windows = Windows(self.directory)
        self.answered: list[str] = getattr(self, "answered", [])
        self.versions: dict[str, int] = getattr(self, "versions", {})
        self.arrival = getattr(self, "arrival", 0)

    def answer(self, seed: int) -> None:
        """Some rows of all versions are answered, some of them by a challenger too."""
        chance = random.Random(seed)
        entries = []
        for version in (1, 1, 2, 3):
            rows, moment = chance.randint(1, 6), START + chance.random() * DAYS * DAY
            ids = ids_at(moment, rows)
            entries.append(answered(version, ids, moment, chance))
            self.answered += ids
            self.versions |= dict.fromkeys(ids, version)
            if chance.random() < 0.4:
                later = moment + 0.5
                copies = ids_at(later, rows)
                entries.append(answered(version, copies, later, chance, mirrors=ids, role="challenger"))
        self.write(*entries)

    def truth(self, seed: int) -> None:
        """Truths come for some predictions; of some more than one, in any order of their moments."""
        chance = random.Random(seed)
        rows: list[dict[str, Any]] = []
        for about in chance.sample(self.answered, len(self.answered) // 3):
            version = self.versions[about]
            for _ in range(1 + (chance.random() < 0.2)):
                self.arrival += 1
                moment = datetime.fromtimestamp(chance.randint(1, 5), UTC)
                days = date(1970, 1, 1) + timedelta(day_of(about))
                target = chance.choice(SHAPES[version].classes or (chance.randint(-3, 3) / 2,))
                kind = "value" if version == 2 else "label"
                came = (START + 3 * DAY) * 10**9 + self.arrival
                rows.append({"id": about, "day": days, "observed_at": moment, "arrival": came, kind: target})
        if rows:
            rows.sort(key=lambda one: one["id"])
            with self.flusher.writing(BIKES + SUFFIX) as log:
                log.append(pa.Table.from_pylist(rows, COLUMNS), {0: self.arrival})

    def erase(self, seed: int) -> None:
        """Some predictions go, with their copies and their truths."""
        gone = set(random.Random(seed).sample(self.answered, len(self.answered) // 5))
        rows = stored(self, BIKES)
        ids = {one["id"] for one in rows if one["id"] in gone or one["mirrors"] in gone}
        self.answered = [one for one in self.answered if one not in gone]
        for name in (BIKES, BIKES + SUFFIX):
            with self.flusher.writing(name) as log:
                log.delete_rows(ids)
                log.purge()

    def lose(self, number: int) -> None:
        """Some files of summaries are gone, and the index, which is never newer than they are."""
        place = self.directory / BIKES / NAME
        (place / "index").unlink(missing_ok=True)
        for path in sorted(place.glob("*.day"))[number % 2 :: 2]:
            path.unlink()


def answered(version: int, ids: list[str], moment: float, chance: random.Random, **others: Any) -> Entry:
    rows = [{"x": 1.0, "city": chance.choice(CITIES)} if version == 1 else {"x": 1.0} for _ in ids]
    outputs = [json.dumps(output(version, chance)).encode() for _ in ids]
    body = json.dumps(rows if len(rows) > 1 else rows[0]).encode()
    return entry(
        0,
        len(ids),
        version=version,
        ids=ids,
        request_id=ids[0],
        at_ns=int(moment * 1e9),
        body=body,
        outputs=outputs,
        **others,
    )


def output(version: int, chance: random.Random) -> dict[str, Any]:
    if version == 2:
        return {"value": chance.randint(-9, 9) / 4}
    classes = SHAPES[version].classes
    weights = [chance.choice([1, 2, 5]) + (chance.random() if chance.random() < 0.5 else 0) for _ in classes]
    scores = [one / sum(weights) for one in weights]
    return {"label": chance.choice(classes), "probabilities": dict(zip(classes, scores, strict=True))}


def stored(world: Performing, name: str) -> list[dict[str, Any]]:
    files = table.snapshot(world.directory / name).files
    return [row for file in files for row in pq.ParquetFile(file.path).read().to_pylist()]


def recount(world: Performing) -> tuple[dict[Any, list[Row]], dict[Any, int]]:
    """The rows with their truth, and how many have none, by version, role, city and hour."""
    revisions = defaultdict[str, list[dict[str, Any]]](list)
    for one in stored(world, BIKES + SUFFIX):
        revisions[one["id"]].append(one)
    found, unlabelled = defaultdict[Any, list[Row]](list), defaultdict[Any, int](int)
    for row in stored(world, BIKES):
        about = row["mirrors"] or row["id"]
        hour = int(row["id"][:8] + row["id"][9:13], 16) // 1000 // HOUR * HOUR
        keys: list[Any] = [(row["version"], row["role"], None, hour)]
        if row["version"] == 1:
            keys.append((1, row["role"], ("city", row["x_city"]), hour))
        for key in keys:
            if about in revisions:
                found[key].append(_judged(row, about, revisions[about]))
            else:
                unlabelled[key] += 1
    return found, unlabelled


def _judged(row: dict[str, Any], about: str, revisions: list[dict[str, Any]]) -> Row:
    newest = max(revisions, key=lambda one: (one["observed_at"], one["arrival"]))
    first = min(one["arrival"] for one in revisions)
    delay = first / 1e9 - int(about[:8] + about[9:13], 16) / 1e3
    if row["version"] == 2:
        return Row(newest["value"], row["value"], (), delay)
    shares = json.loads(row["output"])["probabilities"]
    scores = tuple(shares[name] for name in SHAPES[row["version"]].classes)
    return Row(newest["label"], row["label"], scores, delay)


def compare(world: Performing, every: int) -> None:
    """Whether windows of so many seconds say what a recount says."""
    rows, unlabelled = recount(world)
    ours, span = PerformanceWindows(world.directory), Span(START, START + DAYS * DAY + HOUR, every)
    segments: list[tuple[str, str | None] | None] = [None, *(("city", city) for city in CITIES)]
    groups: list[tuple[int, str, tuple[str, str | None] | None]] = [
        (version, role, segment)
        for version in SHAPES
        for role in ("live", "challenger")
        for segment in (segments if version == 1 else [None])
    ]
    for number, role, segment in groups:
        windows = list(ours.read(BIKES, number, role, span, SHAPES[number], segment))
        assert [start for start, _ in windows] == list(range(span.start, span.end, every))
        for start, summary in windows:
            inside = [(number, role, segment, hour) for hour in range(start, start + every, HOUR)]
            mine = [row for key in inside for row in rows.get(key, ())]
            left = sum(unlabelled.get(key, 0) for key in inside)
            assert (summary.rows, summary.labelled) == (len(mine) + left, len(mine))
            assert summary.to_bytes() == summarized(SHAPES[number], mine, left).to_bytes()
            check(summary, mine)


STEPS: dict[str, Callable[[Performing, int], None]] = {
    "answer": lambda world, number: world.answer(number),
    "flush": lambda world, _: world.flusher.flush(),
    "truth": lambda world, number: world.truth(number),
    "tidy": lambda world, _: world.flusher.tidy(BIKES, 0),
    "tidy truths": lambda world, _: world.flusher.tidy(BIKES + SUFFIX, 0),
    "erase": lambda world, number: world.erase(number),
    "lose": lambda world, number: world.lose(number),
    "restart": lambda world, _: world.restart(),
}


@settings(max_examples=10, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 99)), min_size=4, max_size=14),
    st.sampled_from([5 * HOUR, DAY]),
)
def test_any_order_of_predictions_truths_and_revisions_gives_what_a_recount_gives(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]], every: int
) -> None:
    world = Performing(tmp_path_factory.mktemp("log"))
    for step, number in [("answer", 0), *steps]:
        STEPS[step](world, number)
    world.flusher.flush()
    world.complete()
    compare(world, every)


def test_truths_that_come_later_are_counted_without_those_of_before(tmp_path: Path) -> None:
    world = Performing(tmp_path)
    world.answer(1)
    world.flusher.flush()
    first, second = world.answered[::2], world.answered[1::2]
    everything = world.answered
    for number, some in enumerate((first, second)):
        world.answered = some
        world.truth(number)
        world.complete()
    world.answered = everything
    compare(world, DAY)


def test_few_truths_of_many_rows_wait_until_somebody_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SOON", 0)
    world = Performing(tmp_path)
    for seed in range(30):
        world.answer(seed)
    world.flusher.flush()
    everything, world.answered = world.answered, world.answered[:3]
    world.truth(0)
    world.flusher.follow(BIKES + SUFFIX)
    assert not world.windows.is_complete(BIKES)
    world.flusher.follow(BIKES)
    assert world.windows.is_complete(BIKES)
    compare(world, DAY)
    world.answered = everything
    world.truth(1)
    world.flusher.follow(BIKES + SUFFIX)  # so many that they are counted at once
    assert world.windows.is_complete(BIKES)
    compare(world, DAY)


def test_truths_whose_files_were_merged_are_not_counted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = Performing(tmp_path)
    world.answer(1)
    world.flusher.flush()
    everything = world.answered
    for number in range(2):
        world.answered = everything[number::2]
        world.truth(number)
        world.complete()
    with monkeypatch.context() as patched:
        patched.setattr(targets, "_count_rows", None)
        world.flusher.tidy(BIKES + SUFFIX, 0)
        world.complete()
    compare(world, DAY)
