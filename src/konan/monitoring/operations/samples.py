"""What processes and queues used, kept by the minute for a day and by the hour for a year, in a small file.

Every number is a sum or a maximum, so that hours add up from minutes and any windows from either. The file is
a ring: what is old goes, and what is too much goes sooner. It holds no feature values.
"""

import logging
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

FILE = "resources.db"
"""The file, in `konan.config.Paths.root`."""

MINUTE, HOUR, DAY = 60, 3600, 86_400
KEPT = {MINUTE: 25 * HOUR, HOUR: 400 * DAY}
"""Seconds for which rows of each length are kept."""

MOST = 200_000
"""Rows of each length of each table; older ones go first."""

_TABLES = """
CREATE TABLE IF NOT EXISTS usage (
    step INTEGER, start INTEGER, project TEXT, process TEXT, seconds REAL, cpu REAL, memory REAL, disk REAL,
    read REAL, written REAL, received REAL, sent REAL, cpu_most REAL, memory_most REAL,
    PRIMARY KEY (step, start, project, process)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS load (
    step INTEGER, start INTEGER, project TEXT, deployment TEXT, version INTEGER, seconds REAL,
    worker_seconds REAL, busy REAL, waiting REAL, busy_most REAL, waiting_most REAL,
    PRIMARY KEY (step, start, project, deployment, version)
) WITHOUT ROWID;
"""
_ADD_USAGE = """
INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    seconds = seconds + excluded.seconds, cpu = cpu + excluded.cpu, memory = memory + excluded.memory,
    disk = disk + excluded.disk, read = read + excluded.read, written = written + excluded.written,
    received = received + excluded.received, sent = sent + excluded.sent,
    cpu_most = max(cpu_most, excluded.cpu_most), memory_most = max(memory_most, excluded.memory_most)
"""
_ADD_LOAD = """
INSERT INTO load VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    seconds = seconds + excluded.seconds, worker_seconds = worker_seconds + excluded.worker_seconds,
    busy = busy + excluded.busy, waiting = waiting + excluded.waiting,
    busy_most = max(busy_most, excluded.busy_most), waiting_most = max(waiting_most, excluded.waiting_most)
"""
_FORGET = (
    "DELETE FROM usage WHERE step = :step AND start < :old",
    "DELETE FROM load WHERE step = :step AND start < :old",
    "DELETE FROM usage WHERE step = :step AND start <= "
    "(SELECT start FROM usage WHERE step = :step ORDER BY start DESC LIMIT 1 OFFSET :most)",
    "DELETE FROM load WHERE step = :step AND start <= "
    "(SELECT start FROM load WHERE step = :step ORDER BY start DESC LIMIT 1 OFFSET :most)",
)
_USAGE = "SELECT * FROM usage WHERE step = ? AND start >= ? AND start < ? ORDER BY start"
_LOAD = (
    "SELECT * FROM load WHERE step = ? AND start >= ? AND start < ? AND project = ? AND deployment = ? "
    "ORDER BY start"
)
_PATIENCE = 10.0
_log = logging.getLogger(__name__)


class Usage(NamedTuple):
    """What a process, or the machine, used in a stretch of time.

    Attributes:
        project: whose process it is; empty for the platform's and the machine's.
        process: its name, as ``control`` or ``worker bikes v3 #1``; ``machine`` for the machine.
        seconds: for which it was looked at.
        cpu: processor seconds.
        memory: resident bytes times seconds.
        disk: bytes in use on the file system of the data directory, times seconds; of the machine only.
        read: bytes read from disks.
        written: bytes written to disks.
        received: bytes received over networks; of the machine only.
        sent: bytes sent.
        cpu_most: largest share of a processor in one sample.
        memory_most: most resident bytes.
    """

    project: str
    process: str
    seconds: float = 0.0
    cpu: float = 0.0
    memory: float = 0.0
    disk: float = 0.0
    read: float = 0.0
    written: float = 0.0
    received: float = 0.0
    sent: float = 0.0
    cpu_most: float = 0.0
    memory_most: float = 0.0

    def plus(self, other: "Usage") -> "Usage":
        """Both together."""
        sums = (one + two for one, two in zip(self[2:-2], other[2:-2], strict=True))
        most = (max(pair) for pair in zip(self[-2:], other[-2:], strict=True))
        return Usage(self.project, self.process, *sums, *most)


class Load(NamedTuple):
    """How busy the workers of a version were in a stretch of time.

    Attributes:
        project: name of the project.
        deployment: name of the deployment.
        version: number of the version.
        seconds: for which it was looked at.
        worker_seconds: workers times seconds.
        busy: seconds in which a worker had a call.
        waiting: rows that waited, times seconds.
        busy_most: largest share of the workers' time in one sample.
        waiting_most: most rows that waited.
    """

    project: str
    deployment: str
    version: int
    seconds: float = 0.0
    worker_seconds: float = 0.0
    busy: float = 0.0
    waiting: float = 0.0
    busy_most: float = 0.0
    waiting_most: float = 0.0

    def plus(self, other: "Load") -> "Load":
        """Both together."""
        sums = (one + two for one, two in zip(self[3:-2], other[3:-2], strict=True))
        most = (max(pair) for pair in zip(self[-2:], other[-2:], strict=True))
        return Load(self.project, self.deployment, self.version, *sums, *most)


class Samples:
    """The file; any thread may use it.

    Args:
        path: of the file; made with the first rows. A broken one is begun anew.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writing = threading.Lock()

    def add(self, minute: int, usage: Sequence[Usage], load: Sequence[Load]) -> None:
        """Keep what was used in a minute, beside what is kept of it already.

        Args:
            minute: its start in seconds since 1970-01-01 UTC.
            usage: of each process once.
            load: of each version once.

        Raises:
            sqlite3.Error: it could not be written; nothing of it is kept.
        """
        with self._writing, closing(self._opened()) as database, database:
            for step, kept in KEPT.items():
                start = minute // step * step
                database.executemany(_ADD_USAGE, [(step, start, *one) for one in usage])
                database.executemany(_ADD_LOAD, [(step, start, *one) for one in load])
                for forget in _FORGET:
                    database.execute(forget, {"step": step, "old": minute - kept, "most": MOST})

    def usage(self, start: int, end: int, now: int) -> list[tuple[int, Usage]]:
        """What is kept of processes between two moments: the start of each minute or hour, and its usage.

        Args:
            start: seconds since 1970-01-01 UTC.
            end: likewise.
            now: likewise; it tells whether minutes are kept of that time.
        """
        return [(row[1], Usage(*row[2:])) for row in self._rows(_USAGE, start, end, now)]

    def load(self, project: str, deployment: str, start: int, end: int, now: int) -> list[tuple[int, Load]]:
        """Likewise of the versions of a deployment."""
        rows = self._rows(_LOAD, start, end, now, project, deployment)
        return [(row[1], Load(*row[2:])) for row in rows]

    def _rows(self, query: str, start: int, end: int, now: int, *more: str) -> list[Any]:
        if not self._path.exists():
            return []
        step = step_of(start, now)
        try:
            with closing(self._opened()) as database:
                return database.execute(query, (step, start // step * step, end, *more)).fetchall()
        except sqlite3.Error as error:
            _log.warning("what was used cannot be read", extra={"reason": str(error)})
            return []

    def _opened(self) -> sqlite3.Connection:
        try:
            return self._connected()
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError:  # it is busy, or the disk is full
                raise
            _log.warning("what was used is damaged, and begun anew", extra={"reason": str(error)})
            self._path.unlink(missing_ok=True)
            return self._connected()

    def _connected(self) -> sqlite3.Connection:
        self._path.touch(mode=0o600)
        database = sqlite3.connect(self._path, timeout=_PATIENCE)
        try:
            database.executescript(_TABLES)
        except sqlite3.DatabaseError:
            database.close()
            raise
        return database


def step_of(start: int, now: int) -> int:
    """Seconds of the rows that are read from a moment on: minutes while they are kept, else hours.

    >>> step_of(100 * DAY - HOUR, 100 * DAY), step_of(98 * DAY, 100 * DAY)
    (60, 3600)
    """
    return MINUTE if now - start < KEPT[MINUTE] - HOUR else HOUR
