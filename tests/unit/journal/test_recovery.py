"""A start reads the end of the journal only, and comes to what reading all of it comes to."""

import random
from pathlib import Path

import pytest
from tests.unit.journal.journaling import write

from konan.journal.mark import NAME, NOWHERE, MarkFile, Start, read_mark, read_start
from konan.journal.reader import read
from konan.journal.recovery import Place, resume
from konan.journal.segments import HEAD_BYTES, segments
from konan.journal.verify import verify
from konan.journal.window import Window


def newest(directory: Path) -> Path:
    return segments(directory)[-1][1]


def without_start(directory: Path) -> Place:
    """What a start finds that is told of no group."""
    mark = read_mark(directory)
    assert mark is not None
    before = (directory / NAME).read_bytes()
    MarkFile(directory, mark).close()
    assert read_start(directory) == NOWHERE
    found = resume(directory)
    (directory / NAME).write_bytes(before)
    return found


def test_the_last_group_is_noted(tmp_path: Path) -> None:
    write(tmp_path, *range(30), at_once=5)
    start = read_start(tmp_path)
    with Window(newest(tmp_path), start.number) as window:
        group = window.group(start.offset)
    assert group is not None
    assert (group.first, group.last) == (26, 30)
    assert start == Start(segments(tmp_path)[-1][0], group.start - 40)


def test_what_is_before_it_is_not_read_and_its_damage_is_still_told(tmp_path: Path) -> None:
    write(tmp_path, *range(30), at_once=5)
    data = bytearray(newest(tmp_path).read_bytes())
    data[HEAD_BYTES + 40 + 20] ^= 1
    newest(tmp_path).write_bytes(data)
    found = resume(tmp_path)
    assert (found.last, found.leftover) == (30, 0)
    assert [finding.first for finding in verify(tmp_path).findings] == [1]
    write(tmp_path, 30)
    assert verify(tmp_path).last == 31


def test_a_mark_of_an_earlier_program_is_taken(tmp_path: Path) -> None:
    write(tmp_path, *range(7))
    mark = read_mark(tmp_path)
    data = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(b"".join(data[slot : slot + 20].ljust(512, b"\0") for slot in (0, 512)))
    assert read_mark(tmp_path) == mark
    assert read_start(tmp_path) == NOWHERE
    write(tmp_path, 7)
    assert [entry.at_ns for _, entry in read(tmp_path)] == list(range(8))


@pytest.mark.parametrize("durable", [True, False])
def test_a_cut_anywhere_is_found_as_by_reading_all(tmp_path: Path, *, durable: bool) -> None:
    write(tmp_path, *range(60), at_once=4, durable=durable)
    path = newest(tmp_path)
    whole = path.read_bytes()
    dice = random.Random(7)
    for _ in range(60):
        at = dice.randrange(HEAD_BYTES, len(whole))
        data = whole[:at] if dice.random() < 0.5 else whole[:at] + bytes(len(whole) - at)
        path.write_bytes(data)
        near, far = resume(tmp_path), without_start(tmp_path)
        assert near._replace(start=NOWHERE) == far._replace(start=NOWHERE)
