"""A log whose profiles are kept, and a plain count of its rows to compare them with."""

import json
import random
from collections import defaultdict
from itertools import count
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tests.unit.predictions.logs import BIKES, SCHEMA, World, entry
from typing_extensions import override

from konan.journal.entry import Entry
from konan.monitoring.profiles.cells import OTHER, CategoryCells, PresenceCells
from konan.monitoring.profiles.histogram import fit_numeric
from konan.monitoring.profiles.layouts import Layouts
from konan.monitoring.profiles.live import LiveProfiles
from konan.monitoring.profiles.profile import Layout, Profile
from konan.monitoring.profiles.store import NAME
from konan.monitoring.profiles.windows import HOUR, Segment, Span, Windows
from konan.predictions import table
from konan.predictions.columns import columns
from konan.predictions.flusher import Flusher
from konan.predictions.reading import PredictionLog
from konan.predictions.writing import TableWriter
from konan.records.schema import Feature, Output, Schema

START = 1_772_323_200
"""2026-03-01T00:00:00Z."""

END = START + 72 * 3600

FIRST = msgspec.structs.replace(SCHEMA, segments=("city", "open", "order"))
SECOND = Schema(
    features=(Feature(name="hour", type="string"), Feature(name="wind", type="number")),
    output=Output(kind="regressor"),
    segments=("hour",),
)
SCHEMAS = {1: FIRST, 2: SECOND}
TEMPERATURE = fit_numeric("features.Temp (C)", np.arange(40.0), 8)
LAYOUTS = {
    1: Layout(
        (
            TEMPERATURE,
            fit_numeric("features.hour", np.arange(12.0), 4),
            CategoryCells("features.open", ("false", "true")),
            CategoryCells("features.city", ("c1", "c2"), ("c3",)),
            PresenceCells("features.when"),
            CategoryCells("output.label", ("no", "yes")),
            fit_numeric("output.score", np.linspace(0, 1, 11), 5),
            CategoryCells("target", ("no", "yes")),
        )
    ),
    2: Layout(
        (
            fit_numeric("features.wind", np.arange(9.0), 3),
            CategoryCells("features.hour", ("1", "2")),
            fit_numeric("output.value", np.arange(5.0), 3),
            fit_numeric("target", np.arange(5.0), 3),
        )
    ),
}
_numbers = count(1)


def schemas(_: str, version: int) -> Schema | None:
    return SCHEMAS.get(version)


def ids_at(seconds: float, rows: int) -> list[str]:
    """Ids of predictions made at a moment."""
    time = f"{int(seconds * 1000):012x}"
    return [f"{time[:8]}-{time[8:]}-7000-8000-{next(_numbers):012x}" for _ in range(rows)]


def at(seconds: float, rows: int = 1, first: int = 0, **others: Any) -> Entry:
    """An entry of version 1 whose rows were answered at a moment."""
    ids = ids_at(seconds, rows)
    return entry(first, rows, ids=ids, request_id=ids[0], at_ns=int(seconds * 1e9), **others)


def windy(seconds: float, rows: int = 1, **others: Any) -> Entry:
    """An entry of version 2."""
    body = [{"hour": str(number % 4), "wind": number * 1.5} for number in range(rows)]
    outputs = [json.dumps({"value": number / 2}).encode() for number in range(rows)]
    text = json.dumps(body if rows > 1 else body[0]).encode()
    return at(seconds, rows, version=2, body=text, outputs=outputs, **others)


def some(seed: int, entries: int, hours: int = 50) -> list[Entry]:
    """Entries at random moments, of both versions and several roles."""
    chance = random.Random(seed)
    found = []
    for _ in range(entries):
        moment, rows = START + chance.random() * hours * HOUR, chance.randint(1, 9)
        role = chance.choice(["live", "live", "canary"])
        if chance.random() < 0.7:
            found.append(at(moment, rows, chance.randint(0, 60), role=role))
        else:
            found.append(windy(moment, rows, role=role))
    return found


class Counted(World):
    """A world whose follower keeps profiles."""

    counted_rows = 2_000_000

    @override
    def restart(self) -> None:
        follower = LiveProfiles(self.directory, schemas, self.counted_rows)
        writer = TableWriter(self.directory, schemas, self.rules.rows, follower)
        self.flusher = Flusher(self.journal, self.directory, schemas, self.rules, writer)
        self.log = PredictionLog(self.directory, self.flusher, schemas)
        self.windows = Windows(self.directory)

    def lay(self, layouts: dict[int, Layout] | None = None) -> None:
        for version, layout in (LAYOUTS if layouts is None else layouts).items():
            Layouts(self.directory / BIKES / NAME).put(version, layout)

    def complete(self) -> None:
        """Have counted whatever is not."""
        for _ in range(500):
            if self.windows.is_complete(BIKES):
                return
            self.flusher.follow(BIKES)
        raise AssertionError


def recount(
    world: "Counted", truths: dict[str, Any] | None = None, *, labelled: bool = False
) -> dict[tuple[Any, ...], Profile]:
    """The profile of each version, role, segment and hour, counted row by row from the table.

    Args:
        world: whose.
        truths: by prediction.
        labelled: whether only rows with a truth count, and without segments.
    """
    layouts = Layouts(world.directory / BIKES / NAME)
    known = world.windows.segments(BIKES, START, END)
    groups = defaultdict[tuple[Any, ...], list[dict[str, Any]]](list)
    for file in table.snapshot(world.directory / BIKES).files:
        for row in pq.ParquetFile(file.path).read().to_pylist():
            version = row["version"]
            physical = {one.name: one.physical for one in columns(SCHEMAS[version])}
            seen = _seen(row, physical, truths or {})
            if labelled and "target" not in seen:
                continue
            hour = int(row["id"][:8] + row["id"][9:13], 16) // 1000 // HOUR * HOUR
            groups[version, row["role"], None, hour].append(seen)
            for column in () if labelled else SCHEMAS[version].segments:
                value = row[physical[column]]
                text = str(value).lower() if isinstance(value, bool) else value
                text = text if text is None or text in known[column] else OTHER
                groups[version, row["role"], (column, text), hour].append(seen)
    return {key: _profile(layouts(key[0]), rows) for key, rows in groups.items()}


def _seen(row: dict[str, Any], physical: dict[str, str], truths: dict[str, Any]) -> dict[str, Any]:
    found = {"features." + name: row[place] for name, place in physical.items()}
    found |= {"output.label": row["label"], "output.value": row["value"]}
    found["output.score"] = json.loads(row["output"]).get("probabilities", {}).get("yes")
    truth = truths.get(row["mirrors"] or row["id"])
    return found if truth is None else {**found, "target": truth}


def _profile(layout: Layout, rows: list[dict[str, Any]]) -> Profile:
    total = Profile.empty(layout)
    for some_rows in ([one for one in rows if "target" in one], [one for one in rows if "target" not in one]):
        if some_rows:
            names = [name for name in some_rows[0] if name in layout.positions]
            cells = {name: pa.array([row[name] for row in some_rows]) for name in names}
            total = total.merge(Profile.of(layout, pa.table(cells or {"x": [1]}), len(some_rows)))
    return total


def live(world: Counted) -> dict[tuple[Any, ...], Profile]:
    """What `recount` gives, as it was counted along the way."""
    found: dict[tuple[Any, ...], Profile] = {}
    span = Span(START, END, HOUR)
    segments: list[Segment | None] = [None]
    for column, values in world.windows.segments(BIKES, START, END).items():
        segments += [(column, value) for value in values]
    for version, role in world.windows.counted(BIKES, START, END):
        for segment in segments:
            for hour, profile in world.windows.read(BIKES, version, role, span, segment):
                if profile.rows:
                    found[version, role, segment, hour] = profile
    return found


def live_labelled(world: Counted) -> dict[tuple[Any, ...], Profile]:
    """The same of the rows that have a truth."""
    found: dict[tuple[Any, ...], Profile] = {}
    for version, role in world.windows.counted(BIKES, START, END):
        for hour, profile in world.windows.labelled(BIKES, version, role, Span(START, END, HOUR)):
            if profile.rows:
                found[version, role, None, hour] = profile
    return found
