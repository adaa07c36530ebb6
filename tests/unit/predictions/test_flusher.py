"""What is acknowledged reaches its table exactly once, whatever happens on the way."""

from pathlib import Path

from tests.unit.predictions.logs import BIKES, CARS, World, entry, ids_of, rejected

from konan.journal.segments import segments
from konan.predictions import shelf, table
from konan.predictions.flusher import Flusher


def rows_in_table(world: World, name: str = BIKES) -> int:
    return sum(file.rows for file in table.snapshot(world.directory / name).files)


def test_what_was_answered_is_read_before_it_is_in_a_table(tmp_path: Path) -> None:
    world = World(tmp_path)
    entries = [entry(number) for number in range(5)]
    world.write(*entries)
    assert sorted(world.ids()) == ids_of(*entries)
    assert rows_in_table(world) == 0


def test_enough_rows_are_committed_and_few_wait(tmp_path: Path) -> None:
    world = World(tmp_path, rows=100)
    full, few = [entry(n, 30) for n in range(4)], [entry(n, deployment=CARS) for n in range(3)]
    world.write(*full, *few)
    world.flusher.step(1)
    assert rows_in_table(world) == 120
    assert rows_in_table(world, CARS) == 0
    assert sorted(world.ids()) == ids_of(*full)
    assert sorted(world.ids(CARS)) == ids_of(*few)


def test_old_rows_are_committed_within_the_budget_of_commits(tmp_path: Path) -> None:
    world = World(tmp_path, seconds=0, commits=2)
    names = [f"01890000-0000-7000-8000-0000000000{number:02d}" for number in range(6)]
    world.write(*(entry(number, deployment=name) for number, name in enumerate(names)))
    world.flusher.step(0.5)
    assert world.flusher.commits == 2
    world.flusher.step(1)
    assert world.flusher.commits == 4
    assert [rows_in_table(world, name) for name in names] == [1, 1, 1, 1, 0, 0]


def test_nothing_is_twice_after_a_restart(tmp_path: Path) -> None:
    world = World(tmp_path)
    first = [entry(number) for number in range(10)]
    world.write(*first)
    world.flusher.flush()
    second = [entry(number) for number in range(5)]
    world.write(*second)
    world.restart()
    world.flusher.flush()
    world.restart()
    world.flusher.flush()
    assert rows_in_table(world) == 15
    assert sorted(world.ids()) == ids_of(*first, *second)


def test_several_gateways_are_told_apart(tmp_path: Path) -> None:
    world = World(tmp_path)
    entries = [entry(number) for number in range(9)]
    for gateway in range(3):
        world.write(*entries[gateway::3], gateway=gateway)
    world.flusher.flush()
    world.restart()
    world.flusher.flush()
    assert sorted(world.ids()) == ids_of(*entries)
    assert rows_in_table(world) == 9


def test_what_waits_in_old_segments_goes_to_the_shelf(tmp_path: Path) -> None:
    world = World(tmp_path)
    entries = [entry(number, 20) for number in range(100)]
    world.write(*entries)
    world.flusher.step(1)
    assert list((world.directory / "shelf").glob("*.shelf"))
    assert sorted(world.ids()) == ids_of(*entries)
    world.restart()
    assert sorted(world.ids()) == ids_of(*entries)
    world.flusher.flush()
    assert rows_in_table(world) == 2000
    assert not list((world.directory / "shelf").iterdir())


def test_segments_go_when_all_in_them_is_safe_and_the_newest_stays(tmp_path: Path) -> None:
    world = World(tmp_path)
    entries = [entry(number, 20) for number in range(100)]
    world.write(entry(0, deployment=CARS), *entries)
    before = segments(world.journal / "0")
    assert len(before) > 4
    world.flusher.step(1)
    assert len(segments(world.journal / "0")) <= 3
    assert segments(world.journal / "0")[-1] == before[-1]
    world.restart()
    assert sorted(world.ids()) == ids_of(*entries)
    assert len(world.ids(CARS)) == 1
    world.flusher.flush()
    world.restart()
    world.flusher.flush()
    assert rows_in_table(world) == 2000


def test_a_commit_that_is_half_on_disk_is_undone_and_done_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    first, second = [entry(number) for number in range(5)], [entry(number) for number in range(5)]
    world.write(*first)
    world.flusher.flush()
    world.write(*second)
    world.flusher.flush()
    newest = world.directory / BIKES / "table" / "_delta_log" / f"{1:020d}.json"
    newest.write_bytes(b"")  # as a power cut may leave it
    (world.directory / BIKES / "change").write_text("0")
    world.restart()
    assert sorted(world.ids()) == ids_of(*first, *second)
    world.flusher.flush()
    assert rows_in_table(world) == 10


def test_a_first_commit_that_is_half_on_disk_is_undone_too(tmp_path: Path) -> None:
    world = World(tmp_path)
    entries = [entry(number) for number in range(5)]
    world.write(*entries)
    world.flusher.flush()
    (world.directory / BIKES / "table" / "_delta_log" / f"{0:020d}.json").write_bytes(b"{")
    (world.directory / BIKES / "change").write_text("-1")
    world.restart()
    world.flusher.flush()
    assert sorted(world.ids()) == ids_of(*entries)


def test_rejected_requests_are_kept_apart(tmp_path: Path) -> None:
    world = World(tmp_path)
    good = entry(1)
    world.write(rejected(1), good, rejected(2, code="model_failed", status=502))
    world.flusher.flush()
    assert world.ids() == good.ids
    assert rows_in_table(world, f"{BIKES}-rejected") == 2


def test_a_damaged_journal_is_told_and_kept_and_what_follows_is_read(tmp_path: Path) -> None:
    world = World(tmp_path)
    entries = [entry(number, 20) for number in range(100)]
    world.write(*entries)
    damaged = segments(world.journal / "0")[1][1]
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    for _ in range(3):
        world.flusher.step(1)
    found = set(world.ids())
    assert list(world.flusher.damage) == [0]
    assert set(entries[-1].ids) <= found
    assert 0 < len(set(ids_of(*entries)) - found) <= 2000
    assert damaged.exists()


def test_a_damaged_shelf_is_told_and_kept(tmp_path: Path) -> None:
    world = World(tmp_path)
    for _ in range(2):
        world.write(*(entry(number, 20) for number in range(100)))
        world.flusher.step(1)
    first, second, *_ = sorted((world.directory / "shelf").glob("*.shelf"))
    whole = shelf.verify(world.directory / "shelf")
    assert not whole.findings
    assert whole.records > 0
    first.write_bytes(first.read_bytes()[:-1])
    data = bytearray(second.read_bytes())
    data[10] ^= 1
    second.write_bytes(data)
    made = shelf.Shelf(world.directory / "shelf")
    assert [damage.path for damage in made.damage] == [first]
    told = shelf.verify(world.directory / "shelf")
    assert [finding.file for finding in told.findings] == [first.name, second.name]
    assert f"rows of log {BIKES} wait there" in told.findings[1].what
    world.restart()
    world.flusher.flush()
    assert first.exists()
    assert second.exists()


def test_entries_that_break_while_they_wait_are_told_and_kept_and_the_others_are_committed(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    entries = [entry(number) for number in range(50)]
    world.write(*entries)
    world.flusher.catch_up()
    segment = segments(world.journal / "0")[0][1]
    data = bytearray(segment.read_bytes())
    data[data.index(entries[20].ids[0].encode())] ^= 1
    segment.write_bytes(data)
    world.flusher.flush()
    assert list(world.flusher.damage) == [0]
    assert sorted(world.ids()) == ids_of(*entries[:20], *entries[21:])


def test_a_reader_finds_what_is_committed_and_freed_while_it_reads(tmp_path: Path) -> None:
    world = World(tmp_path, rows=100)
    entries = [entry(number, 20) for number in range(100)]
    world.write(*entries)
    before = world.flusher.tail(BIKES)
    oldest = segments(world.journal / "0")[0][1]
    world.flusher.step(1)
    assert not oldest.exists()
    waiting = [one.entry for place in before.places for one in shelf.read(place)]
    assert ids_of(*waiting) == ids_of(*entries)


def test_a_thread_does_it_by_itself(tmp_path: Path) -> None:
    world = World(tmp_path, seconds=0)
    world.write(entry(1))
    flusher = Flusher(world.journal, world.directory, lambda *_: None, world.rules)
    flusher.start(pause=0.01)
    while flusher.rows < 1:
        assert flusher._thread is not None
        flusher._thread.join(0.01)
    flusher.stop()
    assert rows_in_table(world) == 1
