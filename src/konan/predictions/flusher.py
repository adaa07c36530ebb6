"""Brings what gateways have journalled into the tables, exactly once, and frees the journal's segments.

A commit is what costs, not a row; so entries wait in memory until their table has enough of them or they are
old enough. What waits long is put on the shelf, so that it needs neither memory nor segments. A table names
the last journal sequence of each gateway that it holds, in the same commit as the rows: after a crash,
entries that are read again are recognised.

Three locks, always taken in this order: the journal's reading, the work (commits and the shelf), the state.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from konan import clock
from konan.journal import reader
from konan.journal.entry import Entry
from konan.journal.segments import Damage, segments
from konan.predictions import shelf
from konan.predictions.rows import Schemas, rejections_of, table_of
from konan.predictions.shelf import Place, Shelf, Waiting
from konan.predictions.table import LogTable

_MIB = 1024 * 1024
_SEGMENTS_KEPT = 2
_REJECTED = "-rejected"
logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """When rows go into their table.

    Attributes:
        rows: so many rows of a log are committed at once.
        bytes: so many bytes of a log are.
        seconds: the oldest row waits at most so long, unless too many logs have old rows.
        memory: bytes of waiting entries that are held in memory.
        commits: commits a second because of age, of all logs together.
    """

    rows: int = 50_000
    bytes: int = 64 * _MIB
    seconds: float = 900.0
    memory: int = 64 * _MIB
    commits: float = 4.0


@dataclass(slots=True)
class _Log:
    """What waits for one table."""

    flushed: dict[int, int]
    places: list[Place] = field(default_factory=list)
    held: list[Waiting] = field(default_factory=list)
    rows: int = 0
    bytes: int = 0

    def oldest(self) -> int | None:
        if self.places:
            return self.places[0].run.oldest
        return self.held[0].entry.at_ns if self.held else None


@dataclass(frozen=True, slots=True)
class Tail:
    """What is answered but not in the table yet.

    Attributes:
        places: runs on the shelf, oldest first.
        held: entries in memory and those that only the journal has, after them.
    """

    places: tuple[Place, ...] = ()
    held: tuple[Waiting, ...] = ()


class Flusher:
    """The one writer of all tables.

    Args:
        journal: directory with a journal per gateway.
        directory: where the logs are, one directory per deployment.
        schemas: what versions take.
        rules: when to commit.

    Attributes:
        damage: the first thing that is wrong with a gateway's journal, by its index; its segments are kept.
        commits: commits since the start.
        rows: rows in them.
    """

    def __init__(self, journal: Path, directory: Path, schemas: Schemas, rules: Rules | None = None) -> None:
        self._journal = journal
        self._directory = directory
        self._schemas = schemas
        self._rules = rules or Rules()
        self._shelf = Shelf(directory / "shelf")
        self._reading, self._work, self._state = threading.Lock(), threading.RLock(), threading.Lock()
        self._logs: dict[str, _Log] = {}
        self._bytes = 0
        self._allowance = 1.0
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self.damage: dict[int, Damage] = {}
        self.commits = self.rows = 0
        self._tails: dict[int, reader.Tail] = {}
        for name, places in self._shelf.logs().items():
            self._logs[name] = _Log(self._flushed(name), places, rows=sum(p.run.rows for p in places))

    def start(self, pause: float = 0.5, after: Callable[[], None] = lambda: None) -> None:
        """Work in a thread of its own.

        Args:
            pause: seconds between two looks at the journal.
            after: what else to do after each look.
        """

        def work() -> None:
            while not self._stopped.wait(pause):
                try:
                    self.step(pause)
                    after()
                except Exception:
                    logger.exception("the prediction log could not be brought up to date")

        self._thread = threading.Thread(target=work, name="flusher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what waits stays in the journal and on the shelf."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def step(self, seconds: float) -> None:
        """Read on, and commit what is due.

        Args:
            seconds: since the last step; a budget of commits grows with it.
        """
        self.catch_up()
        self._allowance = min(self._allowance + seconds * self._rules.commits, max(1.0, self._rules.commits))
        for name, aged in self._due():
            if not aged or self._allowance >= 1:
                self._allowance -= float(aged)
                self._commit(name)
        self._release()

    def catch_up(self) -> None:
        """Read all that gateways have on disk by now."""
        with self._reading:
            for gateway, directory in self._gateways():
                if gateway not in self._tails:
                    self._tails[gateway] = reader.Tail(directory, self._shelf.ends().get(gateway, 0))
                try:
                    for sequence, entry in self._tails[gateway].read(durable=True):
                        self._add(Waiting(gateway, sequence, entry))
                except Damage as damage:
                    self._damaged(gateway, damage)

    def tail(self, name: str) -> Tail:
        """What of a log is not in its table yet.

        Read it before the table: then nothing is missed, and the table tells what is in both by now.

        Args:
            name: of the log.
        """
        self.catch_up()
        fresh = [
            waiting
            for gateway, directory in self._gateways()
            for waiting in self._buffered(gateway, directory)
            if name_of(waiting.entry) == name
        ]
        with self._state:
            log = self._logs.get(name)
            if log is None:
                return Tail(held=tuple(fresh))
            return Tail(tuple(log.places), (*log.held, *fresh))

    def flush(self, name: str | None = None) -> None:
        """Put all rows of a log, or of all logs, into their tables now."""
        self.catch_up()
        for each in [name] if name is not None else list(self._logs):
            self._commit(each)
        self._release()

    def empty(self) -> None:
        """Put all rows into their tables, and free every segment but the newest of each gateway.

        A journal's damage is forgotten with its segments: nothing that was journalled stays anywhere else.
        """
        self.flush()
        with self._work:
            self._put_away()  # what came since
            for gateway, directory in self._gateways():
                self.damage.pop(gateway, None)
                if gateway in self._tails:
                    reader.free(directory, self._settled(gateway))

    @contextmanager
    def writing(self, name: str) -> Iterator[LogTable]:
        """The table of a log, to change it while nobody else does."""
        with self._work:
            yield LogTable(self._directory / name)

    def _gateways(self) -> Iterator[tuple[int, Path]]:
        if self._journal.is_dir():
            for path in sorted(self._journal.iterdir()):
                if path.name.isdecimal():
                    yield int(path.name), path

    def _buffered(self, gateway: int, directory: Path) -> list[Waiting]:
        """What is answered but, by its caller's wish, not on disk yet; a power cut may still take it back."""
        tail = self._tails.get(gateway)
        try:
            found = reader.tail(directory, tail.after) if tail else ()
            return [Waiting(gateway, sequence, entry) for sequence, entry in found]
        except Damage:
            return []  # found again, and told, when it counts

    def _damaged(self, gateway: int, damage: Damage) -> None:
        """Go on behind a damage, and keep the segment for whoever looks into it."""
        if gateway not in self.damage:
            self.damage[gateway] = damage
            logger.critical("a journal is damaged", extra={"gateway": gateway, "damage": str(damage)})
        if damage.resume is not None and damage.resume > self._tails[gateway].after:
            self._tails[gateway] = reader.Tail(self._journal / str(gateway), damage.resume - 1)

    def _flushed(self, name: str) -> dict[int, int]:
        table = LogTable(self._directory / name)
        return {gateway: table.flushed(gateway) for gateway, _ in self._gateways()}

    def _add(self, waiting: Waiting) -> None:
        name = name_of(waiting.entry)
        log = self._logs.get(name)
        if log is None:
            log = _Log(self._flushed(name))
        with self._state:
            self._logs[name] = log
            if waiting.sequence <= log.flushed.get(waiting.gateway, 0):
                return
            size = _size(waiting)
            log.held.append(waiting)
            log.rows += max(waiting.entry.rows, 1)
            log.bytes += size
            self._bytes += size
        if self._bytes > self._rules.memory:
            with self._work:
                self._put_away()

    def _due(self) -> list[tuple[str, bool]]:
        """Logs to commit and whether only because of their age, those with many rows first."""
        rules, limit = self._rules, clock.now_ns() - int(self._rules.seconds * 1e9)
        with self._state:
            full = {n for n, log in self._logs.items() if log.rows >= rules.rows or log.bytes >= rules.bytes}
            old = [
                (oldest, name)
                for name, log in self._logs.items()
                if (oldest := log.oldest()) is not None and oldest <= limit and name not in full
            ]
        return [(name, False) for name in full] + [(name, True) for _, name in sorted(old)]

    def _commit(self, name: str) -> None:
        """Put what waits for a table into it, in parts of bounded size."""
        with self._work:
            with self._state:
                log = self._logs.get(name)
                places, held = (list(log.places), list(log.held)) if log else ([], [])
            if not places and not held:
                return
            table = LogTable(self._directory / name)
            for place in places:
                self._bring(name, table, place)
            for part in _parts(held, self._rules.rows):
                self._append(name, table, part)
                with self._state:
                    self._forget(name, len(part))

    def _bring(self, name: str, table: LogTable, place: Place) -> None:
        """Put a run into its table; one that is damaged stays where it is for whoever looks into it."""
        try:
            self._append(name, table, shelf.read(place))
        except Damage as damage:
            logger.critical("waiting predictions are damaged", extra={"damage": str(damage)})
        else:
            self._shelf.take(place)
        with self._state:
            self._logs[name].places.remove(place)
            self._logs[name].rows -= place.run.rows

    def _append(self, name: str, table: LogTable, waiting: list[Waiting]) -> None:
        log = self._logs[name]
        fresh = [one for one in waiting if one.sequence > log.flushed.get(one.gateway, 0)]
        for part in _parts(fresh, self._rules.rows):
            entries = [one.entry for one in part]
            answered = entries[0].kind == "answered"
            rows = table_of(entries, self._schemas) if answered else rejections_of(entries)
            table.append(rows, shelf.ends(part))
            log.flushed |= shelf.ends(part)
            self.commits += 1
            self.rows += rows.num_rows

    def _forget(self, name: str, count: int) -> None:
        log = self._logs[name]
        gone, log.held = log.held[:count], log.held[count:]
        size = sum(map(_size, gone))
        log.rows -= sum(max(one.entry.rows, 1) for one in gone)
        log.bytes -= size
        self._bytes -= size

    def _put_away(self) -> None:
        """Move entries from memory to the shelf."""
        with self._state:
            chosen = {name: list(log.held) for name, log in self._logs.items() if log.held}
        if not chosen:
            return
        places = self._shelf.put(chosen)
        with self._state:
            for place in places:
                log = self._logs[place.run.log]
                self._forget(place.run.log, len(chosen[place.run.log]))
                log.places.append(place)
                log.rows += place.run.rows

    def _release(self) -> None:
        """Remove the segments that nobody needs any more; shelve what keeps old ones."""
        with self._work:
            for gateway, directory in self._gateways():
                found = segments(directory)
                if gateway not in self._tails or len(found) <= _SEGMENTS_KEPT:
                    continue
                reader.free(directory, self._settled(gateway))
                if len(segments(directory)) > _SEGMENTS_KEPT:
                    self._put_away()
                    reader.free(directory, self._settled(gateway))

    def _settled(self, gateway: int) -> int:
        """Up to which sequence everything is in tables or on the shelf."""
        after = self._tails[gateway].after
        with self._state:
            held = [one.sequence for log in self._logs.values() for one in log.held if one.gateway == gateway]
        settled = min(held, default=after + 1) - 1
        damage = self.damage.get(gateway)
        return settled if damage is None else min(settled, (damage.first or 1) - 1)


def name_of(entry: Entry) -> str:
    """The log that an entry belongs to: its deployment's, or the one of what the deployment rejected."""
    return entry.deployment if entry.kind == "answered" else f"{entry.deployment}{_REJECTED}"


def _parts(waiting: list[Waiting], rows: int) -> Iterator[list[Waiting]]:
    """Entries in parts of about so many rows, in their order."""
    part: list[Waiting] = []
    count = 0
    for one in waiting:
        part.append(one)
        count += max(one.entry.rows, 1)
        if count >= rows:
            yield part
            part, count = [], 0
    if part:
        yield part


def _size(waiting: Waiting) -> int:
    """About how many bytes of memory an entry takes."""
    entry = waiting.entry
    return 1000 + len(entry.body) + sum(map(len, entry.outputs)) + 130 * len(entry.ids)
