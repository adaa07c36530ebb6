"""Damage before the end is named, never skipped."""

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.journal.journaling import entry, write

from konan.journal.reader import read
from konan.journal.segments import HEAD_BYTES, Damage, pack_record, records, segments

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


def test_an_empty_directory_holds_nothing(tmp_path: Path) -> None:
    assert list(read(tmp_path)) == []


def test_entries_come_back_as_they_were(journal: Path) -> None:
    assert list(read(journal)) == [(n, entry(n, 4000)) for n in range(1, COUNT + 1)]
    assert entry(1).rows == 1


def test_a_journal_whose_oldest_segments_were_freed_can_be_read(copy: Path) -> None:
    first = len(list(records(paths(copy)[0].read_bytes())))
    paths(copy)[0].unlink()
    assert whole(copy) == [(n, n) for n in range(first + 1, COUNT + 1)]


def test_a_missing_segment_is_named(copy: Path) -> None:
    paths(copy)[1].unlink()
    with pytest.raises(Damage, match="segment 2 before it is missing"):
        list(read(copy))


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
    with pytest.raises(Damage, match="is broken or missing") as caught:
        list(read(copy))
    assert caught.value.path == path


def test_swapped_records_are_named(copy: Path) -> None:
    path = paths(copy)[1]
    data = path.read_bytes()
    first, second = list(records(data))[:2]
    swapped = data[first.end : second.end] + data[HEAD_BYTES : first.end]
    path.write_bytes(data[:HEAD_BYTES] + swapped + data[second.end :])
    with pytest.raises(Damage, match=f"record {second.sequence} where {first.sequence} should be") as caught:
        list(read(copy))
    assert caught.value.offset == HEAD_BYTES


def test_a_record_that_is_no_entry_is_named(copy: Path) -> None:
    with paths(copy)[-1].open("ab") as file:
        file.write(pack_record(COUNT + 1, b"no entry"))
    with pytest.raises(Damage, match="is no entry"):
        list(read(copy))


def test_a_newer_format_is_refused(copy: Path) -> None:
    data = bytearray(paths(copy)[0].read_bytes())
    data[:HEAD_BYTES] = bytes(HEAD_BYTES)
    paths(copy)[0].write_bytes(data)
    with pytest.raises(Damage, match="no head of a segment"):
        list(read(copy))


def test_a_torn_end_is_no_damage(copy: Path) -> None:
    path = paths(copy)[-1]
    data = path.read_bytes()
    last = list(records(data))[-2:]
    path.write_bytes(data[: last[0].end + 100] + bytes(1000))
    assert whole(copy) == [(n, n) for n in range(1, last[1].sequence)]


def test_a_hole_of_zeros_before_good_records_is_named(copy: Path) -> None:
    path = paths(copy)[-1]
    data = path.read_bytes()
    found = list(records(data))
    path.write_bytes(data[: found[0].end] + bytes(found[1].end - found[0].end) + data[found[1].end :])
    with pytest.raises(Damage, match="good ones follow") as caught:
        list(read(copy))
    assert caught.value.offset == found[0].end
    write(copy, 99)  # a writer goes on behind the highest record, and the hole stays visible
    with pytest.raises(Damage, match=f"record {found[1].sequence} is broken or missing"):
        list(read(copy))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_flipped_bit_is_ever_missed(journal: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(paths(journal)))
    content = path.read_bytes()
    covered = HEAD_BYTES if path != paths(journal)[-1] else 0
    last = list(records(content))[-1]
    end = len(content) - (last.end - len(content) + len(last.payload) + 16 if not covered else 0)
    at = data.draw(st.integers(0, 35) | st.integers(HEAD_BYTES, end - 1))
    flipped = bytearray(content)
    flipped[at] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(flipped)
    try:
        with pytest.raises(Damage) as caught:
            list(read(journal))
        assert caught.value.path == path
    finally:
        path.write_bytes(content)
