"""The answers that were given to requests with an Idempotency-Key, in a file of their own.

The journal has them first; this is the index to find them by, and it outlives the journal's segments. What
the file does not have yet after a kill or a power cut is read from the journal at the next start. All
gateways share the file, so that an answer is found whoever gave it.
"""

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple

from konan import clock

KEPT_SECONDS = 24 * 3600
ANSWERS = "answers.db"
"""The file, in `Paths.root`."""

_BUSY_SECONDS = 10.0
_AGAIN_SECONDS = 1.0
_IDLE_SECONDS = 600.0
"""After so long without anything to do what is too old goes, as it else goes when answers come."""

_PURGE_EVERY = 1000
_TABLES = """
CREATE TABLE IF NOT EXISTS answers (
    key BLOB PRIMARY KEY, request BLOB NOT NULL, at INTEGER NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS answers_at ON answers (at);
CREATE TABLE IF NOT EXISTS seen (journal INTEGER PRIMARY KEY, sequence INTEGER NOT NULL);
"""
_log = logging.getLogger(__name__)


class Answered(NamedTuple):
    """One answer.

    Attributes:
        key: digest of who asked what deployment with what key.
        request: digest of the request.
        at: when it was asked, seconds since 1970-01-01 UTC.
        id: the request's id.
        body: the answer's body.
    """

    key: bytes
    request: bytes
    at: int
    id: str
    body: bytes


class _Find(NamedTuple):
    key: bytes
    since: int
    found: Callable[[Answered | None], None]


class _Keep(NamedTuple):
    answer: Answered | None
    journal: int
    sequence: int


class AnswerFile:
    """Finds and keeps answers in a thread of its own.

    Args:
        path: of the file; made if it does not exist. A broken one is put aside.
        call: runs a function in the event loop; called from the thread.
        kept: told in the event loop of each answer that is on disk.
    """

    def __init__(
        self, path: Path, call: Callable[[Callable[[], None]], object], kept: Callable[[Answered], None]
    ) -> None:
        self._path = path
        self._call = call
        self._kept = kept
        self._jobs: SimpleQueue[_Find | _Keep | None] = SimpleQueue()
        self._waiting: list[_Keep] = []
        self._purge_in = 0
        self._database = self._opened()
        self._thread = threading.Thread(target=self._work, name="answers", daemon=True)

    def seen(self, journal: int) -> int:
        """Up to which sequence a journal's answers are here; to be asked before `start`."""
        row = self._database.execute("SELECT sequence FROM seen WHERE journal = ?", (journal,)).fetchone()
        return int(row[0]) if row else 0

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def find(self, key: bytes, since: int, found: Callable[[Answered | None], None]) -> None:
        """Look an answer up that is not older than a moment; ``found`` is told in the event loop."""
        self._jobs.put(_Find(key, since, found))

    def keep(self, answer: Answered | None, journal: int, sequence: int) -> None:
        """Keep an answer, or only note how far a journal has come."""
        self._jobs.put(_Keep(answer, journal, sequence))

    def close(self) -> None:
        """Keep what waits, and end."""
        self._jobs.put(None)
        self._thread.join()

    def _opened(self) -> sqlite3.Connection:
        try:
            return self._connected()
        except sqlite3.DatabaseError:
            _log.exception("the answers of idempotent requests cannot be read; they are put aside")
            with contextlib.suppress(FileNotFoundError):
                self._path.rename(self._path.with_suffix(".broken"))
            return self._connected()

    def _connected(self) -> sqlite3.Connection:
        database = sqlite3.connect(
            self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        database.execute("PRAGMA secure_delete = ON")  # what is removed is not left in free pages
        database.execute("PRAGMA journal_mode = TRUNCATE")
        database.execute("PRAGMA synchronous = FULL")
        database.executescript(_TABLES)
        self._path.chmod(0o600)
        return database

    # In the thread

    def _work(self) -> None:
        going = True
        while going:
            jobs = self._next()
            going = None not in jobs
            self._waiting += [job for job in jobs if isinstance(job, _Keep)]
            for job in jobs:
                if isinstance(job, _Find):
                    self._look_up(job)
            if self._waiting:
                self._put_down()
            elif not jobs:
                self._forget_old()
        self._database.close()

    def _next(self) -> list[_Find | _Keep | None]:
        """What is to be done: all that has come, or nothing when what waits is due again."""
        jobs: list[_Find | _Keep | None] = []
        with contextlib.suppress(Empty):
            jobs.append(self._jobs.get(timeout=_AGAIN_SECONDS if self._waiting else _IDLE_SECONDS))
            while True:
                jobs.append(self._jobs.get_nowait())
        return jobs

    def _look_up(self, job: _Find) -> None:
        query = "SELECT key, request, at, id, body FROM answers WHERE key = ? AND at >= ?"
        try:
            row = self._database.execute(query, (job.key, job.since)).fetchone()
        except sqlite3.Error:
            _log.exception("an idempotent answer could not be looked up")
            row = None
        self._tell(lambda: job.found(Answered(*row) if row else None))

    def _forget_old(self) -> None:
        """Remove what is too old while nobody asks for anything."""
        oldest = clock.now_ns() // 1_000_000_000 - KEPT_SECONDS
        try:
            self._database.execute("DELETE FROM answers WHERE at < ?", (oldest,))
        except sqlite3.Error:
            _log.exception("old idempotent answers could not be removed yet")

    def _put_down(self) -> None:
        try:
            self._write(self._waiting)
        except sqlite3.Error:
            _log.exception("idempotent answers could not be kept yet")
            return
        done, self._waiting = [job.answer for job in self._waiting if job.answer], []
        self._tell(lambda: self._all_kept(done))

    def _write(self, jobs: list[_Keep]) -> None:
        answers = [job.answer for job in jobs if job.answer]
        self._purge_in -= len(jobs)
        with self._database:  # commits, or takes everything back
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)", answers)
            last = jobs[-1]
            self._database.execute("INSERT OR REPLACE INTO seen VALUES (?, ?)", (last.journal, last.sequence))
            if answers and self._purge_in <= 0:
                oldest = answers[-1].at - KEPT_SECONDS
                self._database.execute("DELETE FROM answers WHERE at < ?", (oldest,))
                self._purge_in = _PURGE_EVERY

    def _tell(self, step: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._call(step)

    def _all_kept(self, answers: list[Answered]) -> None:
        for answer in answers:
            self._kept(answer)
