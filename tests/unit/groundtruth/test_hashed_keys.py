"""Truth by a hashed business key: found by its value, kept as its hash, also where it once was not."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.unit.groundtruth.truths import KEYED, Truths
from tests.unit.predictions.logs import BIKES, SCHEMAS, entry, row

from konan.groundtruth.keys import KeyColumn, key_column
from konan.journal.entry import Entry
from konan.records.private import hashed

KEY = b"k" * 32
HASHED = msgspec.structs.replace(KEYED, extra_privacy={"order": "hash"})
SECRET = 700707


def key_columns(deployment: str) -> dict[int, KeyColumn]:
    return {1: key_column(KEYED, KEY), 3: key_column(HASHED, KEY)} if deployment == BIKES else {}


def covered(number: int) -> Entry:
    body = msgspec.json.encode({**row(1), "order": hashed(KEY, number)})
    return entry(1, version=3, body=body)


@pytest.fixture
def truths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Truths]:
    """One server with a version that keeps keys in clear, and a later one that hashes them."""
    monkeypatch.setitem(SCHEMAS, 3, HASHED)
    made = Truths(tmp_path, key_columns)
    yield made
    made.close()


@pytest.mark.parametrize("flushed", [False, True])
@pytest.mark.parametrize("given", [SECRET, f"{SECRET}", float(SECRET), hashed(KEY, SECRET)])
def test_a_hashed_key_is_found_by_its_value_and_by_its_hash(
    truths: Truths, flushed: bool, given: str | float
) -> None:
    old, new, other = entry(7), covered(SECRET), covered(SECRET + 1)
    truths.predict(old, new, other)
    if flushed:
        truths.predictions.flusher.flush()
    result = truths.tell_key(given, "yes")
    assert (result.status, result.prediction_id) == ("accepted", new.ids[0])
    assert truths.tell_key(7, "no").prediction_id == old.ids[0]


def test_an_early_truth_waits_under_its_hash(truths: Truths, tmp_path: Path) -> None:
    assert truths.tell_key(SECRET, "yes").status == "parked"
    truths.restart()
    assert truths.tell_key(f"{SECRET}.0", "yes").status == "duplicate"
    new = covered(SECRET)
    truths.predict(new)
    truths.run(truths.truth.step())
    assert truths.of(*new.ids) == ["yes"]
    truths.truth.flush()
    truths.predictions.flusher.flush()
    kept = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert kept
    assert not any(str(SECRET).encode() in content for content in kept)


def test_what_waited_in_clear_is_found_when_keys_are_hashed(tmp_path: Path) -> None:
    keys = {BIKES: {1: key_column(KEYED, KEY)}}
    truths = Truths(tmp_path, lambda deployment: keys.get(deployment, {}))
    assert truths.tell_key(SECRET, "yes").status == "parked"
    keys[BIKES] = {1: key_column(KEYED, KEY), 3: key_column(HASHED, KEY)}
    new = covered(SECRET)
    truths.predict(new)
    truths.run(truths.truth.step())
    assert truths.of(*new.ids) == ["yes"]
    truths.close()
