"""Brings what gateways have journalled into the tables, exactly once, and frees the journal's segments.

A commit is what costs, not a row; so entries wait until their table has enough of them or they are old
enough. They wait where they are, in the journal; what waits long is put on the shelf, so that segments can
go. A table names the last journal sequence of each gateway that it holds, in the same commit as the rows:
after a crash, entries that are read again are recognised.

Three locks, always taken in this order: the work (commits and the shelf), the journal's reading, the state.
"""

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from konan import clock
from konan.journal import reader
from konan.journal.entry import Entry
from konan.journal.segments import Damage, segments
from konan.predictions import mark, shelf
from konan.predictions.orders import Cells, Writer
from konan.predictions.schemas import Schemas
from konan.predictions.shelf import Place, Shelf, Waiting
from konan.predictions.stretch import Segment, Stretch

if TYPE_CHECKING:  # with it comes Arrow, which a process that only follows journals does not need
    from konan.predictions.table import LogTable

_MIB = 1024 * 1024
_SEGMENTS_KEPT = 3
REJECTED = "-rejected"
"""Behind a deployment's uuid: the name of the log of what it rejected."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """When rows go into their table.

    Attributes:
        rows: so many rows of a log are committed at once.
        bytes: so many bytes of a log are.
        seconds: the oldest row waits at most so long, unless too many logs have old rows.
        commits: commits a second because of age, of all logs together.
    """

    rows: int = 50_000
    bytes: int = 64 * _MIB
    seconds: float = 900.0
    commits: float = 4.0


@dataclass(slots=True)
class _Log:
    """What waits for one table: on the shelf, then in the journal; the newest stretch of a gateway grows."""

    places: list[Place] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    growing: dict[int, Stretch] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return sum(place.run.rows for place in self.places) + sum(one.rows for one in self.stretches)

    @property
    def bytes(self) -> int:
        return sum(place.run.length for place in self.places) + sum(one.bytes for one in self.stretches)

    def oldest(self) -> int | None:
        if self.places:
            return self.places[0].run.oldest
        return self.stretches[0].oldest if self.stretches else None


@dataclass(frozen=True, slots=True)
class Tail:
    """What is answered but not in the table yet.

    Attributes:
        places: runs on the shelf and in the journals, oldest first.
        held: entries that are answered and not on disk yet.
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
        writer: changes the tables; None does it in this process.

    Attributes:
        damage: the first thing that is wrong with a gateway's journal, by its index; its segments are kept.
        commits: commits since the start.
        rows: rows in them.
    """

    def __init__(
        self,
        journal: Path,
        directory: Path,
        schemas: Schemas,
        rules: Rules | None = None,
        writer: Writer | None = None,
    ) -> None:
        self._journal = journal
        self._directory = directory
        self._rules = rules or Rules()
        self._writer = writer or _here(directory, schemas, self._rules.rows)
        self._shelf = Shelf(directory / "shelf")
        self._work, self._reading, self._state = threading.RLock(), threading.Lock(), threading.Lock()
        self._logs = {name: _Log(places) for name, places in self._shelf.logs().items()}
        self._segments: WeakValueDictionary[Path, Segment] = WeakValueDictionary()
        self._allowance = 1.0
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self.damage: dict[int, Damage] = {}
        self.commits = self.rows = 0
        self._tails: dict[int, reader.Tail] = {}
        for path in directory.glob(f"*/{mark.NAME}"):
            mark.recover(path.parent)

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
        self._writer.close()

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
        self._writer.rest()

    def catch_up(self) -> None:
        """Read all that gateways have on disk by now."""
        with self._reading:
            for gateway, directory in self._gateways():
                if gateway not in self._tails:
                    self._tails[gateway] = reader.Tail(directory, self._shelf.ends().get(gateway, 0))
                try:
                    for sequence, entry in self._tails[gateway].read(durable=True):
                        self._add(gateway, sequence, entry)
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
            places = (*log.places, *(shelf.place_of(name, one) for one in log.stretches)) if log else ()
        return Tail(places, tuple(fresh))

    def flush(self, name: str | None = None) -> None:
        """Put all rows of a log, or of all logs, into their tables now, because somebody waits for it."""
        self.catch_up()
        for each in [name] if name is not None else list(self._logs):
            self._commit(each, waited=True)
        self._release()

    def follow(self, name: str) -> None:
        """Have what follows from a log's table brought up to date (`konan.predictions.following`)."""
        with self._work:
            self._writer.commit(name, [])

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
    def writing(self, name: str) -> "Iterator[LogTable]":
        """The table of a log, to change it while nobody else does."""
        from konan.predictions.table import LogTable

        with self._work:
            yield LogTable(self._directory / name)

    def append(self, name: str, rows: Sequence[Cells], sequence: int) -> None:
        """Put rows that are in no journal of a gateway into a table (`konan.predictions.orders.Writer`)."""
        with self._work, self._undone(name):
            self._writer.append(name, rows, sequence)

    def tidy(self, name: str, days: int) -> None:
        """Put a log in order (`konan.predictions.tidying`)."""
        with self._work, self._undone(name):
            self._writer.tidy(name, days)

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

    def _add(self, gateway: int, sequence: int, entry: Entry) -> None:
        place = self._tails[gateway].place
        name = name_of(entry)
        with self._state:
            log = self._logs.get(name) or self._logs.setdefault(name, _Log())
            stretch = log.growing.get(gateway)
            if stretch is None or not stretch.goes_on_in(place.path):
                segment = self._segments.get(place.path)
                if segment is None:
                    segment = self._segments[place.path] = Segment(place.path)
                stretch = log.growing[gateway] = Stretch(gateway, place.path, segment)
                log.stretches.append(stretch)
            stretch.add(sequence, entry, place)

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

    def _commit(self, name: str, *, waited: bool = False) -> None:
        """Put what waits for a table into it."""
        with self._work:
            with self._state:
                log = self._logs.get(name, _Log())
                log.growing.clear()
                shelved, stretches = list(log.places), list(log.stretches)
            places = [*shelved, *(shelf.place_of(name, one) for one in stretches)]
            if not places:
                return
            with self._undone(name):
                done = self._writer.commit(name, places, waited=waited)
            self.commits += done.commits
            self.rows += done.rows
            for index, what in done.broken.items():
                self._broken(places[index], what)
            for index, place in enumerate(shelved):
                if index not in done.broken:  # else it stays where it is for whoever looks into it
                    self._shelf.take(place)
            with self._state:
                del log.places[: len(shelved)]
                _remove(log, stretches)

    @contextmanager
    def _undone(self, name: str) -> Iterator[None]:
        """What is done to a table is undone when it fails; it will be done again."""
        try:
            yield
        except BaseException:
            mark.recover(self._directory / name)
            raise

    def _broken(self, place: Place, what: str) -> None:
        """Tell that entries which were good once are not any more."""
        if not place.spans:
            logger.critical("waiting predictions are damaged", extra={"damage": what})
            return
        for gateway, end in place.run.ends.items():
            self._damaged(gateway, Damage(place.path, 0, what, first=end))

    def _put_away(self, paths: Collection[Path] | None = None) -> None:
        """Copy what waits in segments, or in some of them, to the shelf."""
        with self._reading, self._state:
            chosen = {
                name: leaving
                for name, log in self._logs.items()
                if (leaving := [one for one in log.stretches if paths is None or one.path in paths])
            }
            for name in chosen:
                self._logs[name].growing.clear()
        if not chosen:
            return
        places = self._shelf.put(chosen)
        for name, stretches in chosen.items():
            for one in stretches:
                if one.broken:
                    self._broken(shelf.place_of(name, one), f"{one.path.name}: entries are broken now")
        with self._state:
            for place in places:
                log = self._logs[place.run.log]
                _remove(log, chosen[place.run.log])
                log.places.append(place)

    def _release(self) -> None:
        """Remove the segments that nobody needs any more; shelve what keeps old ones."""
        with self._work:
            for gateway, directory in self._gateways():
                if gateway not in self._tails or len(segments(directory)) <= _SEGMENTS_KEPT:
                    continue
                reader.free(directory, self._settled(gateway))
                old = [path for _, path in segments(directory)[:-_SEGMENTS_KEPT]]
                if old:
                    self._put_away(old)
                    reader.free(directory, self._settled(gateway))

    def _settled(self, gateway: int) -> int:
        """Up to which sequence everything is in tables or on the shelf."""
        with self._reading, self._state:
            after = self._tails[gateway].after
            waits = (
                one.first for log in self._logs.values() for one in log.stretches if one.gateway == gateway
            )
            settled = min(waits, default=after + 1) - 1
        damage = self.damage.get(gateway)
        return settled if damage is None else min(settled, (damage.first or 1) - 1)


def name_of(entry: Entry) -> str:
    """The log that an entry belongs to: its deployment's, or the one of what the deployment rejected."""
    return entry.deployment if entry.kind == "answered" else f"{entry.deployment}{REJECTED}"


def _remove(log: _Log, stretches: list[Stretch]) -> None:
    gone = set(map(id, stretches))
    log.stretches = [one for one in log.stretches if id(one) not in gone]


def _here(directory: Path, schemas: Schemas, rows: int) -> Writer:
    from konan.predictions.writing import TableWriter

    return TableWriter(directory, schemas, rows)
