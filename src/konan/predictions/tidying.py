"""Merges the small files of a table, deletes what is too old, and gives the room back."""

import logging
from collections import Counter
from pathlib import Path

from konan import clock
from konan.predictions import table
from konan.predictions.removals import Intended, Removals, day_of, place_of
from konan.predictions.table import LogTable
from konan.records.retention import Removed

SMALL_FILES = 20
"""So many small files of a day are merged."""

_SMALL = 64 * 1024 * 1024
_KEPT_HOURS = 1
"""Files that no version needs stay so long for those who are reading them."""

_DAY_SECONDS = 86_400
logger = logging.getLogger(__name__)


def tidy(directory: Path, days: int) -> None:
    """Put a log in order; nobody else may change it.

    Args:
        directory: of the log.
        days: days that its rows are kept, the present one not counted; 0 keeps them for ever.
    """
    log = LogTable(directory)
    book = Removals(directory)
    book.settle(lambda number: int(number) <= log.deletions())
    today = clock.now_ns() // (_DAY_SECONDS * 10**9)
    _merge(directory, log, today)
    if days:
        _expire(directory, log, today - days, book)
    log.vacuum(_KEPT_HOURS)


def _merge(directory: Path, log: LogTable, today: int) -> None:
    small = Counter(file.day for file in table.snapshot(directory).files if file.bytes < _SMALL)
    for day, count in small.items():
        if count >= (SMALL_FILES if day >= today else 2):
            log.compact(day)


def _expire(directory: Path, log: LogTable, first: int, book: Removals) -> None:
    rows = Counter[int]()
    for file in table.snapshot(directory).files:
        if file.day < first:
            rows[file.day] += file.rows
    if not rows:
        return
    number = log.deletions() + 1
    at, place = clock.rfc3339(clock.now()), place_of(directory.name)
    gone = [Removed(at=at, place=place, day=day_of(day), count=rows[day]) for day in sorted(rows)]
    book.intend([Intended(str(number), one) for one in gone])
    log.delete_before(first, number)
    book.settle(lambda mark: int(mark) <= log.deletions())
    logger.info(
        "predictions were deleted because of their age", extra={"log": directory.name, "rows": rows.total()}
    )
