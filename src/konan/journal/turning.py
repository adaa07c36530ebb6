"""How another process asks a journal's writer to begin a new segment: by a file, which outlives both.

Only the segments behind the newest are ever freed. Whoever wants all of a journal's records gone asks for a
new segment, waits until it is there, and frees the others.
"""

from pathlib import Path

from konan.journal.mark import read_mark
from konan.journal.segments import HEAD_BYTES, Damage, segments
from konan.journal.window import Window

_REQUEST = "turn"


def ask(directory: Path) -> None:
    """Ask the writer of a journal for a new segment."""
    (directory / _REQUEST).touch(mode=0o600)


def is_asked(directory: Path) -> bool:
    """Whether anyone has asked."""
    return (directory / _REQUEST).exists()


def answered(directory: Path) -> None:
    """The new segment is there."""
    (directory / _REQUEST).unlink(missing_ok=True)


def newest(directory: Path) -> int:
    """Number of the newest segment if it may hold a record; 0 if there is nothing to wait for."""
    found = segments(directory)
    if not found:
        return 0
    number, path = found[-1]
    mark = read_mark(directory)
    try:
        with Window(path, number) as window:
            empty = mark is not None and mark.acknowledged < window.head.first and not window.rest(HEAD_BYTES)
    except Damage:
        return number
    return 0 if empty else number


def is_past(directory: Path, number: int) -> bool:
    """Whether a newer segment than one is there."""
    found = segments(directory)
    return not found or found[-1][0] > number
