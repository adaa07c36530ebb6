"""Lines of a model's log are searched by text, time and level, with bounded work."""

from pathlib import Path

import pytest

from konan.control import tail
from konan.control.tail import Wanted, search
from konan.records.logs import stamped

TIMES = [f"2026-11-23T08:00:0{number}.000000Z" for number in range(6)]
TEXTS = [
    "loading",
    "WARNING: few rows",
    "Traceback (most recent call last):",
    '  File "model.py", line 3, in predict',
    "Odd: unknown city Bern",
    '{"level": "error", "message": "no BERN here"}',
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "one.log"
    kept = [stamped(text.encode(), at) for text, at in zip(TEXTS, TIMES, strict=True)]
    path.with_suffix(".log.1").write_bytes(b"older\n" + kept[0])
    path.write_bytes(b"".join(kept[1:]))
    return path


def texts(log: Path, lines: int = 100, **wanted: str) -> list[str]:
    return [one.text for one in search(log, Wanted(lines, **wanted))]  # type: ignore[arg-type] # words of a test


def test_all_lines_are_found_also_those_turned_over(log: Path) -> None:
    assert texts(log) == ["older", *TEXTS]
    assert texts(log, 2) == TEXTS[-2:]
    assert [one.at for one in search(log, Wanted(100))] == [None, *TIMES]


def test_lines_are_found_by_text_in_any_case(log: Path) -> None:
    assert texts(log, grep="bern") == TEXTS[4:]
    assert texts(log, 1, grep="bern") == TEXTS[5:]
    assert texts(log, grep="rome") == []


def test_lines_are_found_by_time(log: Path) -> None:
    assert texts(log, since=TIMES[4]) == TEXTS[4:]
    assert texts(log, since=TIMES[1], until=TIMES[3]) == TEXTS[1:3]
    assert texts(log, until=TIMES[1]) == TEXTS[:1]  # a line without a time came nobody knows when


def test_a_traceback_is_an_error_as_a_whole(log: Path) -> None:
    assert texts(log, level="error") == TEXTS[2:]
    assert texts(log, level="warning") == TEXTS[1:]


def test_the_work_is_bounded(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = log.stat().st_size
    monkeypatch.setattr(tail, "SEARCHED", whole - 1)
    assert texts(log, grep="e") == [text for text in TEXTS[2:] if "e" in text.lower()]
    monkeypatch.setattr(tail, "LARGEST", 60)
    assert texts(log) == []  # the last line is longer than that
