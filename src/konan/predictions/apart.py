"""Has the tables changed by a process of its own, which is there only while there is something to do."""

import fcntl
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from konan import clock, priority
from konan.predictions.orders import (
    Append,
    Ask,
    Carried,
    Cells,
    Commit,
    Failed,
    Known,
    Line,
    Order,
    Tidy,
    sent,
)
from konan.predictions.schemas import Schemas
from konan.predictions.shelf import Done, Place

IDLE = 10.0
"""Seconds without an order after which the process ends."""

_BEHIND = 4
"""So many commits' rows are a backlog, and the process then gives way to nobody."""

_PATIENCE = 900.0
_LOCK = "writing"


class WriterFailed(Exception):
    """A table could not be changed; its change may be half on disk."""


class Apart:
    """A `konan.predictions.flusher.Writer` in another process; may be used from several threads.

    It waits until a process that is left over from an earlier owner of the directory has ended.

    Args:
        directory: where the logs are.
        schemas: what versions take.
        rows: so many rows go into a table at once.
        log_level: least severe lines that the process logs.
        module: what the process runs; another one than this may add who is told of each change.
        log_format: form of those lines.

    Attributes:
        process: the process while there is one.
    """

    def __init__(
        self,
        directory: Path,
        schemas: Schemas,
        rows: int,
        log_level: str = "warning",
        module: str = "konan.predictions.writer_child",
        log_format: str = "json",
    ) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._schemas = schemas
        self._rows = rows
        self._log_level = log_level
        self._log_format = log_format
        self._module = module
        self._using = threading.RLock()
        self._line: Line | None = None
        self._used = self._waited = 0.0
        self._yields = True
        self.process: subprocess.Popen[bytes] | None = None
        lock = self._open_lock()
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.close(lock)

    def commit(self, name: str, places: Sequence[Place], *, waited: bool = False) -> Done:
        """Put entries into a log's table; what is in there is passed over.

        Args:
            name: of the log.
            places: of the entries.
            waited: whether somebody waits for it; then the process gives way to nobody.

        Raises:
            WriterFailed: the process failed or ended.
        """
        behind = sum(place.run.rows for place in places) > _BEHIND * self._rows
        yields = not (waited or behind)
        return self._carried_out(Commit(name, [sent(place) for place in places]), yields=yields)

    def append(self, name: str, rows: Sequence[Cells], sequence: int) -> None:
        """Put rows into a table that has no journal here; those of a sequence that it knows are passed over.

        Raises:
            WriterFailed: the process failed or ended.
        """
        self._carried_out(Append(name, list(rows), sequence), yields=False)  # callers may wait for it

    def tidy(self, name: str, days: int) -> None:
        """Put a log in order.

        Raises:
            WriterFailed: the process failed or ended.
        """
        self._carried_out(Tidy(name, days), yields=True)

    def rest(self) -> None:
        """End the process if nothing was to do for a while."""
        with self._using:
            if self.process is not None and clock.monotonic() - self._used >= IDLE:
                self.close()

    def close(self) -> None:
        """End the process; the next order starts another."""
        with self._using:
            if self._line is not None:
                self._line.close()
                self._line = None
            if self.process is not None:
                self.process.kill()  # no order is under way, so nothing is half done
                self.process.wait()
                self.process = None

    def _carried_out(self, order: Order, *, yields: bool) -> Done:
        with self._using:
            if yields != self._yields and not (yields and self._pressed()):
                self.close()
            try:
                said = self._asked(self._line or self._start(yields=yields), order)
            except (OSError, EOFError) as error:
                self.close()
                raise WriterFailed("the process that changes the tables has ended") from error
            self._used = clock.monotonic()
            if not yields:
                self._waited = self._used
        if isinstance(said, Failed):
            raise WriterFailed(said.reason)
        return said.done

    def _pressed(self) -> bool:
        """Whether somebody waited a short while ago, and may again."""
        return clock.monotonic() - self._waited < IDLE

    def _asked(self, line: Line, order: Order) -> Carried | Failed:
        line.send(order)
        while True:
            said = line.receive()
            if isinstance(said, Carried | Failed):
                return said
            if isinstance(said, Ask):
                line.send(Known(self._schemas(said.deployment, said.version)))

    def _start(self, *, yields: bool) -> Line:
        ours, theirs = socket.socketpair()
        ours.settimeout(_PATIENCE)
        lock = self._open_lock()
        try:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", self._module, str(self._directory)),
                    *("--rows", str(self._rows), "--line", str(theirs.fileno()), "--lock", str(lock)),
                    *("--nice", str(priority.BACKGROUND if yields else 0), "--log-level", self._log_level),
                    *("--log-format", self._log_format),
                ],
                pass_fds=(theirs.fileno(), lock),
                stdin=subprocess.DEVNULL,
                env={"LANG": "C.UTF-8", "PATH": os.defpath},
            )
        finally:
            theirs.close()
            os.close(lock)
        self._yields = yields
        self._line = Line(ours)
        return self._line

    def _open_lock(self) -> int:
        return os.open(self._directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
