"""A version without a reference for its answers learns one from its first live rows with their truth."""

import asyncio
import datetime as dt
import subprocess
import sys
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest
from tests.unit.monitoring.counted import FIRST, START, Counted, at, windy
from tests.unit.predictions.logs import BIKES

from konan.adapters.disk import DiskBlobs
from konan.groundtruth.revisions import SUFFIX
from konan.groundtruth.tables import COLUMNS
from konan.journal.entry import Entry
from konan.monitoring.profiles.layouts import Layouts
from konan.monitoring.profiles.store import NAME
from konan.monitoring.reference import learning, reference
from konan.monitoring.reference.labelled_rows import labelled
from konan.monitoring.reference.learning import Learning, Task
from konan.predictions.rows import day_of
from konan.predictions.table import LogTable
from konan.records.deployments import Deployment, Version
from konan.records.deployments import Reference as Noted

OWNER = Deployment(uuid=BIKES, name="bikes", project="default", created_at="", live_version=1)
LEARNING = Version(
    uuid="v1", deployment="bikes", version=1, state="live", created_at="", flavor="python", schema=FIRST
)


def told(world: Counted, entries: list[Entry], labels: list[str], arrival: int = 1) -> None:
    """Keep the truth of the rows of entries."""
    rows = [
        {
            "id": one,
            "day": dt.date(1970, 1, 1) + dt.timedelta(days=day_of(one)),
            "observed_at": arrival,
            "received_at": arrival,
            "arrival": arrival,
            "target": f'"{label}"',
            "label": label,
        }
        for one, label in zip([one for entry in entries for one in entry.ids], labels, strict=True)
    ]
    table = pa.Table.from_pylist(sorted(rows, key=lambda row: str(row["id"])), COLUMNS)
    LogTable(world.directory / (BIKES + SUFFIX)).append(table, {0: arrival})


def flushed(world: Counted, entries: list[Entry]) -> None:
    world.write(*entries)
    world.flusher.flush()


def test_only_rows_with_a_truth_are_read_oldest_first(tmp_path: Path) -> None:
    world = Counted(tmp_path)
    late, early, other = at(START + 90_000, 4, 10), at(START, 3, 20), windy(START + 5, 3)
    copies = at(START + 100, 2, 30, role="challenger", mirrors=early.ids[:2])
    flushed(world, [late, early, other, copies])
    told(world, [late, other], ["yes"] * 4 + ["no"] * 3)
    told(world, [early], ["no", "yes", "no"], arrival=2)
    told(world, [early], ["yes", "yes", "no"], arrival=3)
    rows = labelled(world.directory, BIKES, 1, FIRST, 8)
    assert rows["target"].to_pylist() == ["yes", "yes", "no", "yes", "yes", "yes", "yes", "yes"]
    assert rows["features.Temp (C)"].to_pylist() == [10.0, 10.5, 11.0, 15.0, 15.5, 5.0, 5.5, 6.0]
    assert rows["output.score"].to_pylist() == pytest.approx([0.2, 0.21, 0.22, 0.3, 0.31, 0.1, 0.11, 0.12])
    assert "features.order" not in rows.column_names


def test_a_version_without_rows_or_truths_has_none(tmp_path: Path) -> None:
    world = Counted(tmp_path)
    assert labelled(world.directory, BIKES, 1, FIRST, 8).num_rows == 0
    flushed(world, [at(START, 3)])
    assert labelled(world.directory, BIKES, 1, FIRST, 8).num_rows == 0


class Kept:
    """A store with one version, which also notes and follows."""

    def __init__(self, version: Version = LEARNING) -> None:
        self.version = version
        self.followed: list[str] = []

    def platform_versions(self) -> list[tuple[Deployment, Version]]:
        return [(OWNER, self.version)]

    async def note(self, _: Deployment, version: Version, made: Noted) -> None:
        assert version.uuid == self.version.uuid
        self.version = msgspec.structs.replace(self.version, reference=made)


def service(world: Counted, kept: Kept) -> Learning:
    place = world.directory.parent / "blobs"
    place.mkdir(exist_ok=True)
    blobs = DiskBlobs(place)
    store: learning.Versions = kept
    return Learning(store, blobs, world.directory, kept.note, kept.followed.append)


def test_a_thousand_rows_with_their_truth_make_a_reference_which_rows_are_counted_by(tmp_path: Path) -> None:
    world, kept = Counted(tmp_path), Kept()
    learner = service(world, kept)
    first = [at(START + second, 50, second) for second in range(12)]
    more = [at(START + 3600 + second, 50, second) for second in range(12)]
    flushed(world, first + more)
    assert asyncio.run(learner.step()) == 0
    told(world, first, ["yes", "no"] * 300)
    assert asyncio.run(learner.step()) == 0
    assert kept.version.reference == Noted()
    told(world, more, ["yes", "no"] * 300, arrival=2)
    assert asyncio.run(learner.step()) == 1
    made = kept.version.reference
    assert (made.source, made.rows, made.inputs) == ("live", 1000, 1000)
    found = reference.load(DiskBlobs(world.directory.parent / "blobs"), kept.version)
    assert found is not None
    assert not found.learning
    assert found.profile.counts[found.layout.positions["target"]][:2].tolist() == [500, 500]
    assert kept.followed == []
    assert asyncio.run(learner.step()) == 0
    assert kept.followed == [BIKES]
    assert Layouts(world.directory / BIKES / NAME)(1).digest == found.layout.digest
    assert asyncio.run(service(world, kept).step()) == 0
    assert kept.followed == [BIKES]


def test_what_is_known_of_the_inputs_stays(tmp_path: Path) -> None:
    world = Counted(tmp_path)
    entries = [at(START, 30)]
    flushed(world, entries)
    told(world, entries, ["yes", "no", "no"] * 10)
    rows = pa.table({"features.hour": list(range(24))})
    before = reference.Reference(inputs=reference.inputs_of(FIRST, rows, "data"))
    task = Task(directory=str(world.directory), deployment=BIKES, version=1, schema=FIRST, rows=30)
    made = learning.learned(msgspec.structs.replace(task, before=before.to_bytes()))
    found = reference.Reference.from_bytes(made.reference)
    assert (made.rows, found.inputs) == (24, before.inputs)
    assert asyncio.run(learning.learn(task, 60)).rows == 30
    assert asyncio.run(learning.learn(msgspec.structs.replace(task, rows=31), 60)).reference == b""


def test_a_reference_that_is_gone_is_said_and_holds_nobody_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gone = msgspec.structs.replace(LEARNING, reference=Noted(source="holdout", rows=1, profile="0" * 64))
    assert asyncio.run(service(Counted(tmp_path), Kept(gone)).step()) == 0
    assert "rows wait to be counted" in caplog.text


@pytest.mark.parametrize(
    "module", ["konan.monitoring.reference.learning", "konan.monitoring.profiles.layout_child"]
)
def test_learning_loads_no_numbers_into_control(module: str) -> None:
    code = f"import {module}, sys; print(sorted({{'numpy', 'pyarrow', 'pandas'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "[]"
