"""Truths are read with their senders, beside the answers of one version and window."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from tests.unit.monitoring.counted import START, Counted, at, windy
from tests.unit.predictions.logs import BIKES

from konan.groundtruth.revisions import SUFFIX
from konan.groundtruth.tables import COLUMNS
from konan.monitoring.labels.checks import Sender
from konan.monitoring.labels.truth_rows import Truths, truths_of
from konan.monitoring.profiles.windows import DAY, HOUR
from konan.predictions.filters import Want
from konan.predictions.rows import day_of


@pytest.fixture
def world(tmp_path: Path) -> Counted:
    return Counted(tmp_path)


def put(world: Counted, truths: dict[str, str | float], key: str, arrival: int) -> None:
    rows = [
        {
            "id": about,
            "day": date(1970, 1, 1) + timedelta(day_of(about)),
            "observed_at": datetime.fromtimestamp(arrival, UTC),
            "arrival": arrival + place,
            "target": str(target),
            "label" if isinstance(target, str) else "value": target,
            "key_id": key,
        }
        for place, (about, target) in enumerate(truths.items())
    ]
    with world.flusher.writing(BIKES + SUFFIX) as log:
        log.append(pa.Table.from_pylist(rows, COLUMNS), {0: arrival})


def of(world: Counted, version: int, hours: int = 48) -> Truths:
    return truths_of(world.directory, BIKES, version, (START, START + hours * HOUR))


def test_of_a_log_without_truths_nothing_is_found(world: Counted) -> None:
    assert of(world, 1) == Truths(0, 0, 0, ())
    world.write(at(START, 3))
    world.flusher.flush()
    assert of(world, 1) == Truths(0, 0, 0, ())


def test_agreement_is_counted_by_sender_and_changes_once(world: Counted) -> None:
    first, second, other = at(START, 6), at(START + DAY, 4), windy(START, 4)
    world.write(first, second, other)
    world.flusher.flush()
    rows = world.log.page(BIKES, Want(), 100).to_pylist()
    answers = {row["id"]: row["label"] for row in rows if row["version"] == 1}
    turned = {"yes": "no", "no": "yes"}
    put(world, {one: answers[one] for one in first.ids}, "good", 100)
    put(world, {one: turned[answers[one]] for one in second.ids[:3]}, "bad", 200)
    put(world, {first.ids[0]: turned[answers[first.ids[0]]]}, "good", 300)
    found = of(world, 1)
    assert (found.rows, found.exact, found.changed) == (9, 5, 1)
    assert found.senders == (Sender("good", 6, 5), Sender("bad", 3, 0))
    assert of(world, 1, 1).rows == 6
    put(world, dict.fromkeys(other.ids, 0.5), "good", 400)
    assert of(world, 2).rows == 4
    assert of(world, 2).exact == 1
