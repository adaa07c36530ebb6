"""Truth by a hashed business key: found by its value, kept as its hash, also where it once was not."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.unit.groundtruth.truths import KEYED, Truths
from tests.unit.predictions.logs import BIKES, SCHEMAS, entry, row

from konan import ids
from konan.adapters.sql import open_store, sqlite_url
from konan.groundtruth.keys import KeyColumn, StoredKeyColumns, key_column
from konan.journal.entry import Entry
from konan.records import access
from konan.records.deployments import Version
from konan.records.private import hashed
from konan.records.schema import Schema

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


def test_keys_are_hashed_from_the_moment_a_version_that_hashes_them_is_served(tmp_path: Path) -> None:
    """What is remembered of versions would keep keys in clear for up to a second longer."""
    store = open_store(sqlite_url(tmp_path / "konan.db"))
    platform = access.platform("p")
    store.ensure_project("p", "2026-11-23T12:00:00.000000Z")
    store.ensure_deployment(platform, "bikes", BIKES, "2026-11-23T12:00:00.000000Z")

    def serve(schema: Schema) -> None:
        version = Version(
            uuid=ids.new_uuid(),
            deployment="bikes",
            version=0,
            state="building",
            created_at="",
            flavor="python",
            schema=schema,
        )
        made = store.add_version(platform, version)
        store.set_live(platform, "bikes", made.version)
        store.next_generation()

    truths = Truths(tmp_path, StoredKeyColumns(store, KEY))
    for privacy in ({}, {"order": "hash"}):
        serve(msgspec.structs.replace(KEYED, extra_privacy=privacy))
        assert truths.tell_key(SECRET, "yes").status in {"parked", "duplicate"}
        assert truths.tell_key(SECRET + 1 + len(privacy), "no").status == "parked"
    truths.close()
    store.close()
    kept = b"".join(path.read_bytes() for path in (tmp_path / "journal").rglob("*") if path.is_file())
    assert str(SECRET + 1).encode() in kept
    assert str(SECRET + 2).encode() not in kept


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
