"""Keeps the tables small in number of files and no older than is wanted: one log after another, unhurried."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from konan import clock
from konan.config import Settings
from konan.ports import DeploymentStore
from konan.predictions.flusher import Flusher
from konan.predictions.removals import Intended, Removals, day_of, deployment_of, logs_of
from konan.records.deployments import Deployment, Version
from konan.records.retention import Removed

_HOUR = 3600.0
_DAY = 86_400
logger = logging.getLogger(__name__)


class Days(NamedTuple):
    """For how many days rows are kept, the present one not counted; 0 keeps them for ever.

    Attributes:
        default: unless something else is known.
        known: of deployments, by their uuid.
    """

    default: int = 0
    known: Mapping[str, int] = {}

    def of(self, log: str) -> int:
        """Of a log, by its name.

        >>> Days(7, {"01890000-0000-7000-8000-00000000000a": 2}).of("01890000-0000-7000-8000-00000000000b")
        7
        """
        return self.known.get(deployment_of(log), self.default)

    @property
    def shortest(self) -> int:
        """Of what may be of any deployment.

        >>> Days(7, {"a": 2, "b": 0}).shortest, Days(0, {"b": 0}).shortest
        (2, 0)
        """
        return min((days for days in (self.default, *self.known.values()) if days), default=0)


class Policy(NamedTuple):
    """What is kept for how long.

    Attributes:
        days: how long rows are kept; asked once a round.
        aside: the files with bytes that nobody can read.
    """

    days: Callable[[], Days] = Days
    aside: Callable[[], Sequence[Path]] = list


FOR_EVER = Policy()
"""Everything is kept."""


class StoredDays:
    """What the live versions say, else the server's setting.

    Args:
        store: the metadata.
        settings: of the server.
    """

    def __init__(self, store: DeploymentStore, settings: Settings) -> None:
        self._store = store
        self._default = settings.retention_days

    def __call__(self) -> Days:
        """The days of all deployments as it is now."""
        live = [one for one in self._store.platform_versions() if one[0].live_version == one[1].version]
        return Days(self._default, {where.uuid: days_of(self._default, one) for where, one in live})


def days_of(default: int, live: Version | None) -> int:
    """The days of a deployment.

    Args:
        default: of the server.
        live: its live version.
    """
    return default if live is None or live.retention_days is None else live.retention_days


class Keeper:
    """Visits each log about once an hour.

    Args:
        flusher: the one writer of the tables.
        directory: where the logs are.
        policy: how long what is kept.
    """

    def __init__(self, flusher: Flusher, directory: Path, policy: Policy) -> None:
        self._flusher = flusher
        self._directory = directory
        self._policy = policy
        self._waiting: list[str] = []
        self._known = Days()
        self._next_round = 0.0

    def step(self) -> None:
        """Visit the next log that is due, if any."""
        now = clock.monotonic()
        if not self._waiting and now >= self._next_round:
            self._known = self._policy.days()
            self._waiting = sorted(path.parent.name for path in self._directory.glob("*/table"))
            self._next_round = now + _HOUR
            self._empty_aside(self._known.shortest)
        if self._waiting:
            self._visit(self._waiting.pop())

    def _visit(self, name: str) -> None:
        """Merge the small files of a log, delete what is too old, and give the room back."""
        self._flusher.tidy(name, self._known.of(name))

    def _empty_aside(self, days: int) -> None:
        """Remove bytes of which nobody can tell whose they are when they are too old for any deployment."""
        book = Removals(self._directory)
        book.settle(lambda path: not Path(path).exists())
        before = (clock.now_ns() // 10**9 // _DAY - days) * _DAY
        old = {path: path.stat() for path in self._policy.aside()} if days else {}
        old = {path: stat for path, stat in old.items() if stat.st_mtime < before}
        if not old:
            return
        at = clock.rfc3339(clock.now())
        gone = {
            path: Removed(at=at, place="aside", day=day_of(int(stat.st_mtime // _DAY)), count=stat.st_size)
            for path, stat in old.items()
        }
        book.intend([Intended(str(path), removed) for path, removed in gone.items()])
        for path in old:
            path.unlink(missing_ok=True)
        book.settle(lambda path: not Path(path).exists())
        logger.warning(
            "bytes that nobody could read were deleted because of their age",
            extra={"files": len(old), "bytes": sum(stat.st_size for stat in old.values())},
        )


def removed(directory: Path, deployment: Deployment) -> list[Removed]:
    """What went of a deployment because of its age, newest first.

    Args:
        directory: where the logs are.
        deployment: whose.
    """
    found = [
        one for place in (*logs_of(directory, deployment.uuid), directory) for one in Removals(place).done()
    ]
    return sorted(found, key=lambda one: (one.at, one.day, one.place), reverse=True)
