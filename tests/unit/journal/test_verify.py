"""A report on a journal: what is good is counted, what is not is named."""

from pathlib import Path

from tests.unit.journal.journaling import found_in, write

from konan.journal.segments import segments
from konan.journal.verify import verify


def test_a_good_journal(tmp_path: Path) -> None:
    write(tmp_path, *range(10))
    report = verify(tmp_path)
    assert (report.records, report.first, report.last, report.acknowledged) == (10, 1, 10, 10)
    assert (report.segments, report.findings, report.damaged) == (1, (), False)


def test_an_empty_journal(tmp_path: Path) -> None:
    write(tmp_path)
    assert verify(tmp_path).findings == ()


def test_several_damages_are_named_in_one_report(tmp_path: Path) -> None:
    for first in (1, 11, 21):
        write(tmp_path, *range(first, first + 10))
    paths = [path for _, path in segments(tmp_path)]
    spoilt = found_in(paths[0])[4]
    data = bytearray(paths[0].read_bytes())
    data[spoilt.end - 1] ^= 1
    paths[0].write_bytes(data)
    paths[1].write_bytes(b"")
    report = verify(tmp_path)
    assert [(found.file, found.first, found.last) for found in report.findings] == [
        (paths[0].name, 5, 5),
        (paths[1].name, None, None),
    ]
    assert report.findings[0].offset == spoilt.offset
    assert (report.records, report.damaged) == (19, True)


def test_a_lost_mark_and_lost_segments_are_named(tmp_path: Path) -> None:
    write(tmp_path, 1, 2)
    mark = (tmp_path / "mark").read_bytes()
    (tmp_path / "mark").unlink()
    assert [found.file for found in verify(tmp_path).findings] == ["mark"]
    (tmp_path / "mark").write_bytes(mark)
    segments(tmp_path)[0][1].unlink()
    (found,) = verify(tmp_path).findings
    assert found.what == "all segments are missing, but record 2 was acknowledged"
