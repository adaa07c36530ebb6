"""A person's rows are found in tables and taken out; all others stay, in their order and their types."""

from pathlib import Path

import pyarrow.parquet as pq
from tests.unit.predictions.logs import BIKES, World, entry, rejected

from konan import clock
from konan.erasure import rows
from konan.erasure.subjects import Subject, digest_of
from konan.predictions import table

KEY = b"k" * 32
NAMES = frozenset({"order"})
ORDER = Subject(KEY, digest_of(KEY, 7))


def now() -> int:
    return clock.now_ns() // 1000 + 1_000_000


def test_rows_are_found_by_their_column_and_only_those_answered_by_then(tmp_path: Path) -> None:
    world = World(tmp_path)
    entries = [entry(7), entry(0, rows=20), entry(7, at_ns=clock.now_ns() + 3600 * 10**9), entry(8)]
    world.write(*entries)
    world.flusher.flush()
    found = rows.predictions(world.directory / BIKES, NAMES, ORDER, now())
    assert sorted(found.ids) == sorted([entries[0].ids[0], entries[1].ids[7]])
    assert found.requests == {entries[0].request_id, entries[1].request_id}
    assert found.originals == set(found.ids)
    assert rows.predictions(world.directory / BIKES, frozenset(), ORDER, now()).ids == []


def test_rejected_requests_are_found_by_any_value_in_their_body(tmp_path: Path) -> None:
    world = World(tmp_path)
    entries = [rejected(7), rejected(8, body=b'{"order": 8}'), rejected(9, body=b'{"order": 7')]
    world.write(*entries)
    world.flusher.flush()
    found = rows.rejected(world.directory / f"{BIKES}-rejected", ORDER, now())
    assert sorted(found.ids) == sorted([entries[0].request_id, entries[2].request_id])


def test_rows_that_are_deleted_and_purged_leave_all_else_as_it_was(tmp_path: Path) -> None:
    world = World(tmp_path)
    for first in (0, 100):
        world.write(entry(first, rows=50))
        world.flusher.flush()
    log = world.directory / BIKES
    before = [pq.ParquetFile(file.path).read() for file in table.snapshot(log).files]
    gone = {before[0]["id"].to_pylist()[3], before[0]["id"].to_pylist()[40]}
    flushed = table.snapshot(log).flushed(0)
    with world.flusher.writing(BIKES) as changed:
        assert changed.delete_rows(gone) > 0
        changed.purge()
    after = [pq.ParquetFile(file.path).read() for file in table.snapshot(log).files]
    assert after[1].equals(before[1])
    assert after[0].schema.types == before[0].schema.types
    kept = [row for row in before[0].to_pylist() if row["id"] not in gone]
    assert after[0].to_pylist() == kept
    assert table.snapshot(log).flushed(0) == flushed
    assert len(list(log.rglob("day=*/*.parquet"))) == 2
    logs = b"".join(path.read_bytes() for path in log.rglob("*.json"))
    assert not [one for one in gone if one.encode() in logs]
    world.restart()
    world.write(entry(200))
    world.flusher.flush()
    assert len(world.ids()) == 99


def test_a_file_of_which_all_rows_go_is_gone(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.write(entry(7))
    world.flusher.flush()
    with world.flusher.writing(BIKES) as changed:
        assert changed.delete_rows(set(world.ids())) == 0
        changed.purge()
    assert table.snapshot(world.directory / BIKES).files == ()
    assert not list(world.directory.rglob("day=*/*.parquet"))
