"""Keeps the tables small in number of files and no older than is wanted: one log after another, unhurried."""

from pathlib import Path

from konan import clock
from konan.predictions.flusher import Flusher

_HOUR = 3600.0


class Keeper:
    """Visits each log about once an hour.

    Args:
        flusher: the one writer of the tables.
        directory: where the logs are.
        days: days that predictions are kept, the present one not counted; 0 keeps them for ever.
    """

    def __init__(self, flusher: Flusher, directory: Path, days: int) -> None:
        self._flusher = flusher
        self._directory = directory
        self._days = days
        self._waiting: list[str] = []
        self._next_round = 0.0

    def step(self) -> None:
        """Visit the next log that is due, if any."""
        now = clock.monotonic()
        if not self._waiting and now >= self._next_round:
            self._waiting = sorted(path.parent.name for path in self._directory.glob("*/table"))
            self._next_round = now + _HOUR
        if self._waiting:
            self.visit(self._waiting.pop())

    def visit(self, name: str) -> None:
        """Merge the small files of a log, delete what is too old, and give the room back."""
        self._flusher.tidy(name, self._days)
