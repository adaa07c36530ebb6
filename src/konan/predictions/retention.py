"""Keeps the tables small in number of files and no older than is wanted: one log after another, unhurried."""

import logging
from collections import Counter
from pathlib import Path

from konan import clock
from konan.predictions import table
from konan.predictions.flusher import Flusher
from konan.predictions.table import LogTable

SMALL_FILES = 20
"""So many small files of a day are merged."""

_SMALL = 64 * 1024 * 1024
_KEPT_HOURS = 1
"""Files that no version needs stay so long for those who are reading them."""

_HOUR = 3600.0
_DAY_SECONDS = 86_400
logger = logging.getLogger(__name__)


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
        with self._flusher.writing(name) as log:
            self._merge(name, log)
            self._expire(name, log)
            log.vacuum(_KEPT_HOURS)

    def _merge(self, name: str, log: LogTable) -> None:
        small = Counter(
            file.day for file in table.snapshot(self._directory / name).files if file.bytes < _SMALL
        )
        today = clock.now_ns() // (_DAY_SECONDS * 10**9)
        for day, count in small.items():
            if count >= (SMALL_FILES if day >= today else 2):
                log.compact(day)

    def _expire(self, name: str, log: LogTable) -> None:
        first = clock.now_ns() // (_DAY_SECONDS * 10**9) - self._days
        old = [file for file in table.snapshot(self._directory / name).files if file.day < first]
        if self._days and old:
            log.delete_before(first)
            rows = sum(file.rows for file in old)
            logger.info("predictions were deleted because of their age", extra={"log": name, "rows": rows})
