"""Tells a collector of requests and resources, from a thread of control that nothing waits for.

It reads what is there anyway: the counters that gateways send, what was sampled of processes, and the
journals. A round takes a bounded share of a processor; what it does not get to, or what the collector does
not take, is dropped and counted.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import psutil

from konan import clock
from konan.errors import Invalid, KonanError
from konan.journal.mark import read_mark
from konan.journal.reader import Tail
from konan.journal.segments import Damage
from konan.monitoring.operations import telemetry
from konan.monitoring.operations.samples import MINUTE, Samples
from konan.monitoring.operations.sampling import Watched
from konan.monitoring.operations.telemetry import Metric, Point, Span

MOST = 1_000
"""Most spans of one round; to encode them takes a tenth of a second of a processor."""

_SPENT = 0.05
"""Processor seconds of one round within which journals are read."""

_PATIENCE = 5.0
"""Seconds that the last round may take."""

_SECOND = 1_000_000_000
_log = logging.getLogger(__name__)


class Collector(Protocol):
    """Where it goes (`konan.adapters.otel.Otlp`)."""

    def metrics(self, metrics: Sequence[Metric], at: int) -> bool:
        """Send metrics as they are at a moment (ns since 1970-01-01 UTC); returns whether they were taken."""
        ...

    def spans(self, spans: Sequence[Span]) -> bool:
        """Send spans; returns whether they were taken."""
        ...

    def close(self) -> None:
        """Send no more, and let go of what is being sent."""
        ...


class Sample(NamedTuple):
    """How much is sent.

    Attributes:
        share: of the requests whose spans are sent, in [0, 1].
        seconds: between two rounds, more than 0.
    """

    share: float
    seconds: float

    def checked(self) -> "Sample":
        """The same, if it can be.

        Raises:
            Invalid: a number is out of its range.
        """
        if not 0 <= self.share <= 1:
            raise Invalid("The setting otel_share must be from 0 to 1.")
        if not self.seconds > 0:
            raise Invalid("The setting otel_seconds must be more than 0.")
        return self


class Requests:
    """The requests in the journals, from now on.

    Args:
        journals: directory with a journal per gateway.
        share: of the requests that are wanted.

    Attributes:
        dropped: requests that nobody looked at, because there were too many.
    """

    def __init__(self, journals: Path, share: float) -> None:
        self.dropped = 0
        self._journals = journals
        self._share = share
        self._tails: dict[Path, Tail] = {}
        self._skip()

    def spans(self, names: Callable[[], Mapping[str, str]]) -> list[Span]:
        """Those that came since the last time, at most `MOST`.

        Args:
            names: the name of each deployment by its uuid.
        """
        found: list[Span] = []
        if not self._share:
            return found
        known: Mapping[str, str] = {}
        until = time.thread_time() + _SPENT
        for path in self._directories():
            for entry in self._read(path):
                if telemetry.taken(entry.request_id, self._share):
                    known = known or names()
                    found.append(telemetry.span(entry, known.get(entry.deployment, entry.deployment)))
                if len(found) == MOST or time.thread_time() > until:
                    self._skip()
                    return found
        return found

    def _directories(self) -> list[Path]:
        return sorted(path for path in self._journals.iterdir() if path.name.isdecimal())

    def _read(self, path: Path) -> Iterator[Any]:
        tail = self._tails.setdefault(path, Tail(path, 0))
        try:
            for _, entry in tail.read():
                yield entry
        except (Damage, OSError):  # whoever keeps the log tells of it
            self._skip_one(path)

    def _skip(self) -> None:
        """Leave out what is there by now."""
        for path in self._directories():
            self._skip_one(path)

    def _skip_one(self, path: Path) -> None:
        mark, tail = read_mark(path), self._tails.get(path)
        newest = mark.acknowledged if mark else 0
        if tail is not None:
            self.dropped += max(newest - tail.after, 0)
        self._tails[path] = Tail(path, newest)


class Exporter:
    """Sends rounds until it is closed.

    Args:
        collector: where to.
        watched: what runs.
        samples: what was sampled of it.
        requests: where requests are found.
        names: the name of each deployment by its uuid.
        seconds: between two rounds.
    """

    def __init__(
        self,
        collector: Collector,
        watched: Watched,
        samples: Samples,
        requests: Requests,
        names: Callable[[], Mapping[str, str]],
        seconds: float,
    ) -> None:
        self._collector = collector
        self._watched = watched
        self._samples = samples
        self._requests = requests
        self._names = names
        self._seconds = seconds
        self._since = clock.now_ns()
        self._lost = 0
        self._away = False
        self._minute = 0
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread = threading.Thread(target=self._work, name="telemetry", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Send a last round, if the collector is there, and end."""
        self._ended.set()
        if self._away:
            self._collector.close()
        if self._thread is not None:
            self._thread.join(_PATIENCE)
        self._collector.close()

    def _work(self) -> None:
        while not self._ended.wait(self._seconds):
            self.round()
        if not self._away:
            self.round()

    def round(self) -> None:
        """Send what is to be told now; nothing that goes wrong gets out."""
        try:
            spans = self._requests.spans(self._names)
            if spans and not self._noted(taken=self._collector.spans(spans)):
                self._lost += len(spans)
            self._noted(taken=self._collector.metrics(self._metrics(), clock.now_ns()))
        except (OSError, psutil.Error, KonanError) as error:
            _log.warning("telemetry could not be gathered", extra={"reason": repr(error)})

    def _metrics(self) -> list[Metric]:
        stats = self._watched.stats()
        lost = Point({}, self._since, self._lost + self._requests.dropped)
        return [
            *telemetry.requests(stats, self._starts(stats)),
            *self._resources(),
            Metric("konan.spans.dropped", "{span}", "Spans that were not sent.", "counter", (lost,)),
        ]

    def _resources(self) -> list[Metric]:
        """The last whole minute, once."""
        now = int(clock.now().timestamp())
        minute = now // MINUTE * MINUTE - MINUTE
        if minute == self._minute:
            return []
        found = [used for start, used in self._samples.usage(minute, minute + MINUTE, now) if start == minute]
        if found:
            self._minute = minute
        return telemetry.resources(found, minute * _SECOND, os.cpu_count() or 1)

    def _starts(self, stats: Mapping[int, object]) -> dict[int, int]:
        """When each gateway began to count."""
        pids = {process["name"]: process["pid"] for process in self._watched.processes()}
        return {index: self._began(pids.get(f"gateway-{index}")) for index in stats}

    def _began(self, pid: int | None) -> int:
        try:
            return int(psutil.Process(pid).create_time() * _SECOND) if pid else self._since
        except psutil.Error:  # it has just ended
            return self._since

    def _noted(self, *, taken: bool) -> bool:
        if taken == self._away:
            self._away = not taken
            if taken:
                _log.info("the collector takes telemetry again")
            else:
                _log.warning("the collector takes no telemetry; spans are dropped until it does")
        return taken
