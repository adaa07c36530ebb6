"""Readers see the table and the tail as one, newest first, whatever is where."""

from pathlib import Path

import pyarrow as pa
import pytest
from tests.unit.predictions.logs import BIKES, World, entry, ids_of, write

from konan.errors import Invalid, NotFound
from konan.predictions.filters import Filters, Range, Want
from konan.predictions.table import LogTable


def scattered(world: World) -> list[str]:
    """Rows in two files, on the shelf, in memory and in the journal, of two gateways; all ids in order."""
    entries = []
    for number, where in enumerate(("file", "file", "shelf", "memory", "journal")):
        for gateway in range(2):
            some = [entry(number * 100 + n, 3) for n in range(10)]
            world.write(*some, gateway=gateway)
            entries += some
        if where == "file":
            world.flusher.flush()
        elif where == "shelf":
            world.flusher.catch_up()
            world.flusher._put_away()
        elif where == "memory":
            world.flusher.catch_up()
    return sorted(ids_of(*entries))


def test_pages_go_through_everything_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    ids = scattered(world)
    found: list[str] = []
    while True:
        page = world.log.page(BIKES, Want(before=found[-1] if found else ""), 37)["id"].to_pylist()
        found += page
        if len(page) < 37:
            break
    assert found == ids[::-1]
    assert sorted(world.ids()) == ids


def test_each_prediction_is_found_by_its_id(tmp_path: Path) -> None:
    world = World(tmp_path)
    ids = scattered(world)
    for one in ids[:: len(ids) // 20]:
        assert world.log.one(BIKES, one)["id"].to_pylist() == [one]
    with pytest.raises(NotFound):
        world.log.one(BIKES, "01890000-0000-7000-8000-000000000001")
    with pytest.raises(NotFound):
        world.log.one(BIKES, "nothing")


def test_many_ids_are_looked_up_at_once(tmp_path: Path) -> None:
    world = World(tmp_path)
    ids = scattered(world)
    strangers = ["", "x", "01890000-0000-7000-8000-000000000001", f"{ids[3]}x"]
    assert set(world.log.known(BIKES, [*ids[::3], *strangers])) == set(ids[::3])
    assert world.log.known(BIKES, strangers) == {}


def test_a_commit_between_tail_and_table_shows_nothing_twice(tmp_path: Path) -> None:
    world = World(tmp_path)
    ids = scattered(world)
    tail = world.flusher.tail(BIKES)
    world.flusher.flush()

    class Late:
        def tail(self, _: str) -> object:
            return tail

    world.log._tails = Late()  # type: ignore[assignment]
    assert sorted(world.ids()) == ids


@pytest.mark.parametrize("flushed", [False, True])
@pytest.mark.parametrize(
    ("name", "asked", "count"),
    [
        ("Temp (C)", Range(10, None), 20),
        ("Temp (C)", Range(None, 4.5), 10),
        ("Temp (C)", Range(2.5, 2.5), 1),
        ("hour", Range(3, 5), 6),
        ("hour", Range(2.5, 5), 6),
        ("open", Range(low=True, high=True), 20),
        ("city", Range("c3", "c3"), 4),
        ("city", Range("c8", None), 8),
        ("order", Range("17", "17"), 1),
        ("when", Range("2026-11-23T10:00:00Z", "2026-11-23T10:00:00Z"), 40),
        ("when", Range("2026-11-23T10:00:01Z", None), 0),
        ("Temp (C)", Range("a", None), 0),
    ],
)
def test_features_are_compared_in_their_own_types(
    tmp_path: Path, flushed: bool, name: str, asked: Range, count: int
) -> None:
    world = World(tmp_path)
    world.write(*(entry(number) for number in range(40)))
    if flushed:
        world.flusher.flush()
    assert world.log.page(BIKES, Want(Filters(features={name: asked})), 100).num_rows == count


def test_a_feature_that_changed_its_type_is_compared_in_both(tmp_path: Path) -> None:
    world = World(tmp_path)
    new = entry(1, version=2, body=b'{"hour":"noon","wind":3.5}', outputs=[b'{"value":7}'])
    world.write(entry(12), new)
    world.flusher.flush()
    world.write(entry(13))
    world.flusher.flush()
    for asked, count in ((Range("noon", "noon"), 1), (Range(12, None), 2), (Range(None, None), 3)):
        found = world.log.page(BIKES, Want(Filters(features={"hour": asked})), 9)
        assert found.num_rows == count
    assert world.log.page(BIKES, Want(Filters(version=2)), 9)["n_wind"].to_pylist() == [3.5]
    assert world.log.page(BIKES, Want(Filters(features={"wind": Range(3, 4)})), 9).num_rows == 1
    with pytest.raises(Invalid):
        world.log.page(BIKES, Want(Filters(features={"rain": Range(3, 4)})), 9)


def test_a_last_word_is_asked_about_each_row(tmp_path: Path) -> None:
    world = World(tmp_path)
    ids = scattered(world)
    known = set(ids[::7])

    class Known:
        def possible(self, first: str, last: str) -> bool:
            return any(first <= one <= last for one in known)

        def mask(self, ids: pa.ChunkedArray) -> pa.ChunkedArray:
            return pa.chunked_array([[one in known for one in ids.to_pylist()]], pa.bool_())

    found = world.log.page(BIKES, Want(keep=Known()), 1000)["id"].to_pylist()
    assert found == sorted(known, reverse=True)


def test_rows_of_a_version_that_is_gone_keep_their_body(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.write(entry(1, version=9))
    world.flusher.flush()
    assert '"city":"c1"' in world.log.page(BIKES, Want(), 1)["row"][0].as_py()


def test_a_log_that_is_not_there_is_empty(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert world.log.page(BIKES, Want(), 5).num_rows == 0
    assert world.ids() == []
    write(world.journal, [])
    assert LogTable(world.directory / BIKES).flushed(0) == 0
