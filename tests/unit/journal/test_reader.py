"""Damage before the end is named, never skipped."""

import asyncio
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.journal.journaling import SEGMENT, append, ends, entry, found_in, write

from konan.journal.mark import Mark, read_mark
from konan.journal.reader import Tail, free, read, tail
from konan.journal.segments import (
    GROUP_BYTES,
    HEAD_BYTES,
    Damage,
    pack_group,
    pack_record,
    segments,
    unpack_head,
)
from konan.journal.writer import Writer

COUNT = 40


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some 40 entries in three segments."""
    directory = tmp_path_factory.mktemp("journal")
    write(directory, *range(1, COUNT + 1), size=4000, at_once=2)
    assert len(segments(directory)) == 3
    return directory


@pytest.fixture
def copy(journal: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(journal, tmp_path / "copy"))


def paths(directory: Path) -> list[Path]:
    return [path for _, path in segments(directory)]


def whole(directory: Path) -> list[tuple[int, int]]:
    return [(sequence, found.at_ns) for sequence, found in read(directory)]


def take(directory: Path, got: list[int]) -> None:
    """Read until the end or the first damage."""
    got.extend(sequence for sequence, _ in read(directory))


def test_an_empty_directory_holds_nothing(tmp_path: Path) -> None:
    assert list(read(tmp_path)) == []


def test_entries_come_back_as_they_were(journal: Path) -> None:
    assert list(read(journal)) == [(n, entry(n, 4000)) for n in range(1, COUNT + 1)]
    assert entry(1).rows == 1


def test_a_journal_whose_oldest_segments_were_freed_can_be_read(copy: Path) -> None:
    first = len(found_in(paths(copy)[0]))
    assert free(copy, first - 1) == []
    oldest = paths(copy)[0]
    assert free(copy, first) == [oldest]
    assert whole(copy) == [(n, n) for n in range(first + 1, COUNT + 1)]
    assert len(free(copy, COUNT)) == 1
    assert len(paths(copy)) == 1  # the newest is kept


def test_a_missing_segment_is_named(copy: Path) -> None:
    kept = len(found_in(paths(copy)[0]))
    third = found_in(paths(copy)[2])[0].record.sequence
    paths(copy)[1].unlink()
    got: list[int] = []
    with pytest.raises(Damage, match="segment 2 before it is missing") as caught:
        take(copy, got)
    assert (len(got), caught.value.resume) == (kept, third)


def test_a_segment_under_another_name_is_named(copy: Path) -> None:
    first, second, third = paths(copy)
    spare = copy / "spare"
    first.rename(spare)
    second.rename(first)
    spare.rename(second)
    with pytest.raises(Damage, match="the file holds segment 2") as caught:
        list(read(copy))
    assert (caught.value.path, caught.value.offset) == (first, 0)
    assert third.exists()


def test_a_truncated_segment_before_the_last_is_named(copy: Path) -> None:
    path = paths(copy)[0]
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(Damage, match="broken or missing") as caught:
        list(read(copy))
    assert caught.value.path == path
    assert caught.value.resume == found_in(paths(copy)[1])[0].record.sequence


def test_a_truncated_end_is_named_by_the_mark(copy: Path) -> None:
    path = paths(copy)[-1]
    last = found_in(path)[-1]
    path.write_bytes(path.read_bytes()[: last.offset])
    got: list[int] = []
    with pytest.raises(Damage, match=f"record {COUNT} is broken or missing"):
        take(copy, got)
    assert got == list(range(1, COUNT))
    write(copy, 99)  # the sequence that is missing is not used again
    with pytest.raises(Damage, match=f"record {COUNT} is broken or missing") as caught:
        list(read(copy))
    assert caught.value.resume == COUNT + 1
    assert [(n, found.at_ns) for n, found in tail(copy, COUNT)] == [(COUNT + 1, 99)]


def test_swapped_records_are_named(copy: Path) -> None:
    path = paths(copy)[1]
    data = path.read_bytes()
    first, second = found_in(path)[:2]
    swapped = data[second.offset : second.end] + data[first.offset : first.end]
    path.write_bytes(data[: first.offset] + swapped + data[second.end :])
    with pytest.raises(Damage, match=f"record {first.record.sequence} is broken or missing") as caught:
        list(read(copy))
    assert caught.value.resume == second.record.sequence


def test_a_group_of_another_history_is_named(copy: Path) -> None:
    path = paths(copy)[-1]
    salt = unpack_head(path.read_bytes()).salt
    group = pack_group(salt, COUNT + 1, COUNT, 4711, [pack_record(COUNT + 1, b"x")])
    with path.open("ab") as file:
        file.write(group)
    with pytest.raises(Damage, match="does not follow the one before it"):
        list(read(copy))


def test_a_record_that_is_no_entry_is_named(copy: Path) -> None:
    path = paths(copy)[-1]
    salt, before = unpack_head(path.read_bytes()).salt, found_in(path)[-1].record.crc
    with path.open("ab") as file:
        file.write(pack_group(salt, COUNT + 1, COUNT, before, [pack_record(COUNT + 1, b"no entry")]))
    with pytest.raises(Damage, match="is no entry"):
        list(read(copy))


def test_a_head_that_is_gone_is_named_and_the_rest_can_be_read(copy: Path) -> None:
    first, second, third = paths(copy)
    data = bytearray(second.read_bytes())
    data[:HEAD_BYTES] = bytes(HEAD_BYTES)
    second.write_bytes(data)
    got: list[int] = []
    with pytest.raises(Damage, match="no head of a segment") as caught:
        take(copy, got)
    assert got == [each.record.sequence for each in found_in(first)]
    assert caught.value.resume is not None
    behind = [sequence for sequence, _ in tail(copy, caught.value.resume - 1)]
    assert behind == [each.record.sequence for each in found_in(third)]


def test_a_torn_end_is_no_damage(copy: Path) -> None:
    path = paths(copy)[-1]
    data = path.read_bytes()
    last = found_in(path)[-2:]
    path.write_bytes(data[: last[0].end + 100] + bytes(1000))
    (copy / "mark").unlink()  # as after a power cut before anything was acknowledged
    assert whole(copy) == [(n, n) for n in range(1, last[1].record.sequence)]


def test_a_torn_group_leaves_its_good_beginning_and_the_rest_is_kept(copy: Path) -> None:
    path = paths(copy)[-1]
    data = path.read_bytes()
    torn, last = found_in(path)[-2:]
    assert torn.group == last.group
    path.write_bytes(data[: last.offset + 20] + bytes(len(data) - last.offset - 20))
    (copy / "mark").unlink()
    write(copy, 99)
    assert whole(copy) == [*((n, n) for n in range(1, COUNT)), (COUNT, 99)]
    (aside,) = copy.glob("doubtful-*.bytes")
    assert aside.read_bytes() == data[last.offset : last.offset + 20].rstrip(b"\0")


def test_a_hole_of_zeros_before_good_groups_is_named(copy: Path) -> None:
    path = paths(copy)[-1]
    data = path.read_bytes()
    hole = found_in(path)[1:4]
    start, end = hole[0].offset, hole[-1].end
    path.write_bytes(data[:start] + bytes(end - start) + data[end:])
    (copy / "mark").unlink()
    with pytest.raises(Damage, match="are broken or missing") as caught:
        list(read(copy))
    assert caught.value.offset == start
    assert caught.value.resume == hole[-1].record.sequence + 1
    write(copy, 99)  # a writer goes on behind the highest record, and the hole stays visible
    with pytest.raises(Damage, match="are broken or missing"):
        list(read(copy))


def test_the_tail_begins_behind_a_sequence_and_ends_at_the_mark(copy: Path) -> None:
    assert [n for n, _ in tail(copy, 0)] == list(range(1, COUNT + 1))
    assert [n for n, _ in tail(copy, COUNT - 3)] == [COUNT - 2, COUNT - 1, COUNT]
    assert list(tail(copy, COUNT)) == []
    path = paths(copy)[-1]
    salt, before = unpack_head(path.read_bytes()).salt, found_in(path)[-1].record.crc
    unacknowledged = pack_group(salt, COUNT + 1, COUNT, before, [pack_record(COUNT + 1, b"")])
    with path.open("ab") as file:
        file.write(unacknowledged)
    assert [n for n, _ in tail(copy, COUNT - 1)] == [COUNT]


def test_a_tail_goes_on_where_it_stopped(tmp_path: Path) -> None:
    async def scenario() -> None:
        writer = Writer(tmp_path, SEGMENT, asyncio.get_running_loop())
        following, seen = Tail(tmp_path, 0), []
        for start in range(1, 200, 7):
            assert set(await ends(append(writer, *range(start, start + 7), size=1500))) == {None}
            if start % 3:
                seen += [(n, found.at_ns) for n, found in following.read()]
        assert seen + [(n, found.at_ns) for n, found in following.read()] == [(n, n) for n in range(1, 204)]
        writer.close()

    asyncio.run(scenario())
    assert len(paths(tmp_path)) > 3


def test_a_tail_of_durable_records_leaves_out_the_buffered(tmp_path: Path) -> None:
    async def scenario() -> None:
        writer = Writer(tmp_path, SEGMENT, asyncio.get_running_loop())
        await ends(append(writer, 1, 2))
        await ends(append(writer, 3, durable=False))
        assert read_mark(tmp_path) == Mark(3, 2)
        assert [n for n, _ in tail(tmp_path, 0)] == [1, 2, 3]
        assert [n for n, _ in tail(tmp_path, 0, durable=True)] == [1, 2]
        await ends(append(writer, 4))
        assert [n for n, _ in tail(tmp_path, 0, durable=True)] == [1, 2, 3, 4]
        writer.close()

    asyncio.run(scenario())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_flipped_bit_is_ever_missed(journal: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(paths(journal)))
    content = path.read_bytes()
    at = data.draw(st.integers(0, HEAD_BYTES + GROUP_BYTES) | st.integers(0, len(content) - 1))
    flipped = bytearray(content)
    flipped[at] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(flipped)
    try:
        with pytest.raises(Damage) as caught:
            list(read(journal))
        assert caught.value.path == path
    finally:
        path.write_bytes(content)
