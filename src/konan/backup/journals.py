"""The part of a snapshot that is a journal: its segments, held while they would be freed, up to one mark."""

from itertools import pairwise
from pathlib import Path

from konan.backup.linking import link
from konan.journal.mark import Mark, MarkFile, read_mark
from konan.journal.recovery import ASIDE
from konan.journal.segments import HEAD_BYTES, Damage, segments
from konan.journal.window import Window


class Gone(Exception):
    """Something moved on faster than it could be followed; to be tried again from the start."""


class HeldJournal:
    """A journal that is written and freed while it is copied.

    What was in it at the start stays, because its segments get a second name; `follow` adds the segments that
    have begun since, and must be called more often than segments are freed.

    Args:
        source: its directory.
        target: where its segments are put.
    """

    def __init__(self, source: Path, target: Path) -> None:
        self._source = source
        self._target = target
        target.mkdir(mode=0o700, parents=True)
        self.follow()
        self._holes = self._missing()

    def follow(self) -> None:
        """Hold the segments that have begun since, newest first: the oldest may be freed meanwhile."""
        for _, path in reversed(segments(self._source)):
            held = self._target / path.name
            if held.exists() or not link(path, held):
                return

    def finish(self) -> dict[Path, int]:
        """End it at what is acknowledged now; returns how many bytes of which segments count.

        Raises:
            Gone: a segment began and was freed between two looks.
        """
        mark = read_mark(self._source)
        self.follow()
        if self._missing() != self._holes:
            raise Gone(f"journal {self._source.name}")
        for path in self._source.glob(ASIDE):
            link(path, self._target / path.name)
        if mark is None:
            return {}
        _note(self._target, mark)
        return self._cut(mark)

    def _missing(self) -> int:
        """How many segments lack between the first and the last."""
        numbers = [number for number, _ in segments(self._target)]
        return sum(after - before - 1 for before, after in pairwise(numbers))

    def _cut(self, mark: Mark) -> dict[Path, int]:
        """Leave out what came after the mark; a segment that cannot be read is kept as it is."""
        for number, path in reversed(segments(self._target)):
            try:
                with Window(path, number) as window:
                    if window.head.first <= mark.acknowledged:
                        return {path: _end(window, mark)}
            except Damage:
                return {}
            path.unlink()
        return {}


def _end(window: Window, mark: Mark) -> int:
    """Offset behind the last acknowledged group; all there is when the way to it is broken."""
    offset = HEAD_BYTES
    while (group := window.group(offset)) is not None and group.first <= mark.acknowledged:
        offset = group.end
        if group.last >= mark.acknowledged:
            return offset
    return window.path.stat().st_size


def _note(directory: Path, mark: Mark) -> None:
    file = MarkFile(directory, mark)
    file.close()
