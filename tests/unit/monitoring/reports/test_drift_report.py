"""What a report says beyond one comparison: slices, seasons, and what truths tell of a drift."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from msgspec.structs import replace
from tests.unit.monitoring.counted import START, Counted, ids_at
from tests.unit.predictions.logs import BIKES, entry
from typing_extensions import override

from konan.adapters.disk import DiskBlobs
from konan.adapters.sql import SqlStore, open_store, sqlite_url
from konan.groundtruth.revisions import SUFFIX
from konan.groundtruth.tables import COLUMNS
from konan.monitoring.performance.windows import PerformanceWindows
from konan.monitoring.profiles.live import LiveProfiles
from konan.monitoring.profiles.windows import DAY, HOUR, Windows
from konan.monitoring.reference import given_rows
from konan.monitoring.reference.reference import Reference, answered, inputs_of
from konan.monitoring.reference.segments import segments_of
from konan.monitoring.reports.drift_report import Told
from konan.monitoring.reports.query import Query, Slice
from konan.monitoring.reports.selection import Selection
from konan.predictions.flusher import Flusher
from konan.predictions.reading import PredictionLog
from konan.predictions.rows import day_of
from konan.predictions.writing import TableWriter
from konan.records import deployments
from konan.records.access import SCOPES, Principal
from konan.records.deployments import Version
from konan.records.monitoring import DriftWindow
from konan.records.schema import Feature, Output, Schema

OWNER = Principal(project="p1", key_id="o", scopes=frozenset(SCOPES))
SCHEMA = Schema(
    features=(Feature(name="x", type="number"), Feature(name="city", type="string")),
    output=Output(kind="classifier", classes=("no", "yes"), probabilities=True),
    segments=("city",),
)
WEEK = 7 * DAY
ROWS = 1600
CALM, WARM, AGAIN, TURNED, LOCAL = START, START + WEEK, START + 2 * WEEK, START + DAY, START + 2 * DAY


def schemas(_: str, version: int) -> Schema | None:
    return SCHEMA if version == 1 else None


def drawn(
    seed: int, size: int, warm: float = 0.0, only: str = "", *, turned: bool = False
) -> list[dict[str, Any]]:
    """Rows of two cities that differ, what was answered, and the truth."""
    draw = np.random.default_rng(seed)
    found = []
    for _ in range(size):
        city = str(draw.choice(["Bern", "Rome"]))
        shift = warm if only in {"", city} else 0.0
        score = float(draw.random())
        truth = draw.random() < ((1 - score) if turned else score)
        found.append(
            {
                "row": {"x": float(draw.normal(3.0 * (city == "Rome") + shift)), "city": city},
                "output": {
                    "label": "yes" if score > 0.5 else "no",
                    "probabilities": {"no": 1 - score, "yes": score},
                },
                "truth": "yes" if truth else "no",
            }
        )
    return found


def reference() -> Reference:
    rows = drawn(0, 4000)
    given = pa.Table.from_pylist([one["row"] for one in rows])
    inputs = given_rows.inputs(given, SCHEMA)
    part = inputs_of(SCHEMA, inputs, "holdout", timed=False)
    lines = [given_rows.Answered(one["truth"], one["output"]) for one in rows]
    made = answered(SCHEMA, part, given_rows.answers(lines, SCHEMA), "holdout")
    return replace(made, segments=segments_of(part.layout, given, inputs, SCHEMA))


class Judged(Counted):
    """A log and its truths."""

    arrivals = 0

    @override
    def restart(self) -> None:
        follower = LiveProfiles(self.directory, schemas, self.counted_rows)
        writer = TableWriter(self.directory, schemas, self.rules.rows, follower)
        self.flusher = Flusher(self.journal, self.directory, schemas, self.rules, writer)
        self.log = PredictionLog(self.directory, self.flusher, schemas)
        self.windows = Windows(self.directory)

    def answer(self, moment: float, rows: list[dict[str, Any]]) -> None:
        """Rows are answered in an hour, and their truths come."""
        ids = ids_at(moment, len(rows))
        self.write(
            entry(
                0,
                len(rows),
                ids=ids,
                request_id=ids[0],
                at_ns=int(moment * 1e9),
                body=json.dumps([one["row"] for one in rows]).encode(),
                outputs=[json.dumps(one["output"]).encode() for one in rows],
            )
        )
        self.flusher.flush(BIKES)
        truths = [
            {
                "id": about,
                "day": datetime.fromtimestamp(day_of(about) * DAY, UTC).date(),
                "observed_at": datetime.fromtimestamp(moment + 60, UTC),
                "arrival": int(moment * 1e9) + at,
                "label": one["truth"],
            }
            for at, (about, one) in enumerate(zip(ids, rows, strict=True))
        ]
        with self.flusher.writing(BIKES + SUFFIX) as log:
            log.append(pa.Table.from_pylist(truths, COLUMNS), {0: truths[-1]["arrival"]})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Server"]:
    found = Server(tmp_path_factory.mktemp("reports"))
    yield found
    found.store.close()


class Server:
    """A log whose rows are like the reference, then warm in two weeks that are a week apart."""

    def __init__(self, place: Path) -> None:
        usual = reference()
        (place / "blobs").mkdir()
        self.blobs = DiskBlobs(place / "blobs")
        self.store: SqlStore = open_store(sqlite_url(place / "konan.db"))
        self.store.ensure_project("p1", "now")
        self.store.ensure_deployment(OWNER, "bikes", BIKES, "now")
        digest, _ = self.blobs.put(iter([usual.to_bytes()]))
        version = Version(
            uuid="v1",
            deployment="bikes",
            version=1,
            state="disabled",
            created_at="now",
            flavor="python",
            schema=SCHEMA,
            reference=deployments.Reference(profile=digest),
        )
        self.store.add_version(OWNER, version)
        self.store.set_live(OWNER, "bikes", 1)
        self.world = Judged(place / "log")
        self.world.lay({1: usual.layout})
        self.world.answer(CALM, drawn(1, ROWS))
        self.world.answer(WARM, drawn(2, ROWS, warm=2.0))
        self.world.answer(AGAIN, drawn(3, ROWS, warm=2.0))
        self.world.answer(TURNED, drawn(4, ROWS, turned=True))
        self.world.answer(LOCAL, drawn(5, ROWS, warm=2.0, only="Rome"))
        self.world.complete()

    def told(self, start: int, **more: Any) -> tuple[DriftWindow, ...]:
        read = Windows(self.world.directory)
        asked = Query(start, start + DAY, DAY, **more)
        selecting = Selection(self.store, self.blobs, read, OWNER, "bikes", asked)
        return Told(selecting, PerformanceWindows(self.world.directory), complete=True).windows()


def test_a_slice_is_compared_with_itself(server: Server) -> None:
    windows = server.told(CALM, by_segment="city")
    assert {one.verdict for one in windows} == {"stable"}
    assert all("its own rows" in " ".join(one.doubts) for one in windows)
    assert {one.column for one in windows[0].columns} == {"features.x"}
    (rome,) = server.told(LOCAL, segment=Slice("city", "Rome"))
    assert (rome.verdict, rome.guilty) == ("drift", ("features.x",))


def test_the_slice_that_moved_is_named(server: Server) -> None:
    (window,) = server.told(LOCAL)
    assert (window.verdict, window.segments) == ("drift", ("city=Rome",))
    assert "Only in city=Rome." in window.reason


def test_what_comes_back_each_season_is_told_to(server: Server) -> None:
    (warm,) = server.told(WARM, season=WEEK)
    assert warm.season is not None
    assert (warm.verdict, warm.cause, warm.season.verdict) == ("drift", "covariate", "drift")
    (again,) = server.told(AGAIN, season=WEEK)
    assert again.season is not None
    assert (again.verdict, again.cause, again.season.verdict) == ("drift", "", "stable")
    assert (again.season.rows, again.season.since) == (ROWS, "2026-03-08T00:00:00Z")
    assert "same season before" in again.reason
    (calm,) = server.told(CALM, season=WEEK)
    assert calm.season is not None
    assert (calm.season.verdict, calm.season.rows) == ("no rows", 0)


def test_truths_tell_what_kind_of_change_it_is(server: Server) -> None:
    (calm,) = server.told(CALM)
    (warm,) = server.told(WARM)
    (turned,) = server.told(TURNED)
    assert (calm.cause, warm.cause, turned.cause) == ("", "covariate", "concept")
    assert "Equal scores now mean other truths" in turned.reason


def test_an_hour_beside_the_hour_before_is_a_season_too(server: Server) -> None:
    read = Windows(server.world.directory)
    asked = Query(CALM + HOUR, CALM + 2 * HOUR, HOUR, season=HOUR)
    selecting = Selection(server.store, server.blobs, read, OWNER, "bikes", asked)
    (empty,) = Told(selecting, PerformanceWindows(server.world.directory), complete=False).windows()
    assert empty.season is not None
    assert (empty.verdict, empty.season.rows) == ("no rows", ROWS)
    assert "Not all rows are counted yet" in empty.doubts[0]
