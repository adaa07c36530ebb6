"""Looks at every byte of a journal that was written and names whatever is not as it was written."""

from pathlib import Path

from konan.journal.mark import NAME as MARK
from konan.journal.mark import read_mark
from konan.journal.reader import Tail
from konan.journal.recovery import ASIDE
from konan.journal.segments import HEAD_BYTES, Damage, segments
from konan.journal.window import Window
from konan.records.journals import Finding, Report


def verify(directory: Path) -> Report:
    """Read a whole journal; a writer may be at work.

    Args:
        directory: of the journal.
    """
    mark = read_mark(directory)
    found = segments(directory)
    findings: list[Finding] = []
    records = first = last = 0
    reading = Tail(directory, 0)
    while True:
        try:
            for sequence, _ in reading.everything():
                records += 1
                first, last = first or sequence, sequence
            break
        except Damage as damage:
            findings.append(_finding(damage))
            if damage.resume is None:
                break
            reading = Tail(directory, damage.resume - 1)
    if found and mark is None:
        findings.append(Finding(kind="damage", file=MARK, offset=0, what="the mark is missing or broken"))
    if not found and mark is not None and mark.synced:
        wrong = f"all segments are missing, but record {mark.synced} was acknowledged"
        findings.append(Finding(kind="damage", file=MARK, offset=0, what=wrong))
    return Report(
        journal=directory.name,
        segments=len(found),
        records=records,
        first=first,
        last=last,
        acknowledged=mark.acknowledged if mark else 0,
        findings=(*findings, *_doubtful(directory)),
    )


def _finding(damage: Damage) -> Finding:
    last = damage.resume - 1 if damage.first is not None and damage.resume is not None else None
    return Finding(
        kind="damage",
        file=damage.path.name,
        offset=damage.offset,
        what=damage.what,
        first=damage.first,
        last=last,
    )


def _doubtful(directory: Path) -> list[Finding]:
    """What was set aside, and what lies behind the last good record now."""
    found = [
        Finding(
            kind="doubtful",
            file=path.name,
            offset=0,
            what=f"{path.stat().st_size} bytes that a restart set aside; they may have been acknowledged",
        )
        for path in sorted(directory.glob(ASIDE))
    ]
    for number, path in segments(directory)[-1:]:
        try:
            with Window(path, number) as window:
                end, size = _unread(directory, window)
        except (Damage, FileNotFoundError):
            continue
        if size:
            what = f"{size} bytes behind the last good record; they may have been acknowledged"
            found.append(Finding(kind="doubtful", file=path.name, offset=end, what=what))
    return found


def _unread(directory: Path, window: Window) -> tuple[int, int]:
    """Where the last good record ends, and how many bytes are behind it that no write now explains."""
    while True:
        mark = read_mark(directory)
        end = max((each.end for each in window.good(HEAD_BYTES, 0)), default=HEAD_BYTES)
        size = len(window.rest(end))
        if not size or mark == read_mark(directory):
            return end, size
