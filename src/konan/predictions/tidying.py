"""Merges the small files of a table, deletes what is too old, and gives the room back."""

import logging
from collections import Counter
from pathlib import Path

from konan import clock
from konan.predictions import table
from konan.predictions.table import LogTable

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
    today = clock.now_ns() // (_DAY_SECONDS * 10**9)
    _merge(directory, log, today)
    _expire(directory, log, today - days if days else 0)
    log.vacuum(_KEPT_HOURS)


def _merge(directory: Path, log: LogTable, today: int) -> None:
    small = Counter(file.day for file in table.snapshot(directory).files if file.bytes < _SMALL)
    for day, count in small.items():
        if count >= (SMALL_FILES if day >= today else 2):
            log.compact(day)


def _expire(directory: Path, log: LogTable, first: int) -> None:
    old = [file for file in table.snapshot(directory).files if file.day < first]
    if old:
        log.delete_before(first)
        rows = sum(file.rows for file in old)
        logger.info(
            "predictions were deleted because of their age", extra={"log": directory.name, "rows": rows}
        )
