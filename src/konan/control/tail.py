"""The newest lines of a model's log that are wanted, read from its end, whatever its size."""

import os
from collections import deque
from pathlib import Path
from typing import NamedTuple

from konan.records.logs import LEVELS, Level, Levels, LogLine, parted

LARGEST = 1024 * 1024
"""Bytes that are looked at for the newest lines."""

SEARCHED = 16 * LARGEST
"""Bytes that are looked at when only some lines are wanted."""


class Wanted(NamedTuple):
    """Which lines.

    Attributes:
        lines: most of them.
        grep: text that is in them, in any case of letters.
        since: earliest time, RFC 3339 in UTC with microseconds; empty for any.
        until: the time before which they came, likewise.
        level: least severe.
    """

    lines: int
    grep: str = ""
    since: str = ""
    until: str = ""
    level: Level = "debug"

    @property
    def some(self) -> bool:
        """Whether not just the newest are wanted."""
        return bool(self.grep or self.since or self.until or self.level != LEVELS[0])


def search(path: Path, wanted: Wanted) -> list[LogLine]:
    """The newest lines that are wanted, oldest first; none when there is no such file.

    Args:
        path: of the file; the file that it was turned over to is looked at too. A link is not followed.
        wanted: which.
    """
    found = deque[LogLine](maxlen=wanted.lines)
    sought = wanted.grep.encode().lower()
    allowed = LEVELS[LEVELS.index(wanted.level) :]
    levels = Levels()
    for line in _lines(path, SEARCHED if wanted.some else LARGEST):
        at, text = parted(line)
        level = levels(text)
        if level not in allowed or sought not in text.lower() or not _between(at, wanted):
            continue
        found.append(LogLine(at=at, level=level, text=text.decode(errors="replace")))
    return list(found)


def _between(at: str | None, wanted: Wanted) -> bool:
    if not wanted.since and not wanted.until:
        return True
    return at is not None and wanted.since <= at and (not wanted.until or at < wanted.until)


def _lines(path: Path, most: int) -> list[bytes]:
    """The last lines of a file, and of the one before it, of so many bytes together."""
    newest, whole = _end(path, most)
    older, entire = _end(path.with_suffix(".log.1"), most - len(newest)) if whole else (b"", False)
    data = older + newest
    lines = data.split(b"\n")
    if not (whole and (entire or not older)):
        del lines[0]  # its beginning lies before what was read
    if lines and not lines[-1]:
        del lines[-1]
    return lines


def _end(path: Path, most: int) -> tuple[bytes, bool]:
    """The end of a file, and whether that is all of it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return b"", True
    with os.fdopen(descriptor, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        start = file.seek(max(0, size - most))
        return file.read(most), start == 0
