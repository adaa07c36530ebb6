"""Ground truth that is in the journal and in no table yet, and what waits for its prediction."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass, field

from konan.groundtruth.revisions import Batch, Parked, Revision


class _Revisions:
    """Revisions by prediction; there are very many, and few predictions have more than one."""

    def __init__(self) -> None:
        self._first: dict[str, Revision] = {}
        self._more: dict[str, list[Revision]] = {}

    def add(self, revisions: Iterable[Revision]) -> None:
        for one in revisions:
            if self._first.setdefault(one.id, one) is not one:
                self._more.setdefault(one.id, []).append(one)

    def of(self, ids: Set[str]) -> Iterator[Revision]:
        for each in self._first.keys() & ids if self._first else ():
            yield self._first[each]
            yield from self._more.get(each, ())

    def ids(self) -> list[str]:
        return list(self._first)

    def all(self) -> list[Revision]:
        return [*self._first.values(), *(one for each in self._more.values() for one in each)]


@dataclass(slots=True)
class _Deployment:
    revisions: _Revisions = field(default_factory=_Revisions)
    leaving: _Revisions = field(default_factory=_Revisions)
    count: int = 0
    last: int = 0
    oldest: int = 0
    parked: dict[str, list[Parked]] = field(default_factory=dict)


class Held:
    """What all deployments have in memory; any thread may ask.

    Attributes:
        sequence: of the last journal record that was taken in.
    """

    def __init__(self) -> None:
        self.sequence = 0
        self._lock = threading.Lock()
        self._deployments: dict[str, _Deployment] = {}

    @property
    def count(self) -> int:
        """Number of revisions that are in no table."""
        with self._lock:
            return sum(one.count for one in self._deployments.values())

    @property
    def oldest(self) -> int:
        """Arrival of the oldest revision that is in no table, 0 when there is none."""
        with self._lock:
            return min((one.oldest for one in self._deployments.values() if one.count), default=0)

    def take(self, sequence: int, deployment: str, batch: Batch) -> None:
        """Take in a record of the journal."""
        with self._lock:
            held = self._deployments.setdefault(deployment, _Deployment())
            if batch.revisions:
                held.oldest = held.oldest if held.count else batch.revisions[0].arrival
                held.count += len(batch.revisions)
                held.last = sequence
            held.revisions.add(batch.revisions)
            _park(held, batch.parked)
            _unpark(held, set(batch.unparked))
            self.sequence = max(self.sequence, sequence)

    def park(self, waiting: Mapping[str, Iterable[Parked]]) -> None:
        """Take in what waited when the last process ended."""
        with self._lock:
            for deployment, parked in waiting.items():
                _park(self._deployments.setdefault(deployment, _Deployment()), parked)

    def revisions(self, deployment: str, ids: Set[str]) -> list[Revision]:
        """What is in no table of some predictions."""
        with self._lock:
            held = self._deployments.get(deployment)
            if held is None:
                return []
            return [*held.leaving.of(ids), *held.revisions.of(ids)]

    def ids(self, deployment: str) -> list[str]:
        """The predictions of which something is in no table."""
        with self._lock:
            held = self._deployments.get(deployment)
            return [] if held is None else [*held.leaving.ids(), *held.revisions.ids()]

    def unflushed(self) -> list[str]:
        """The deployments with revisions that are in no table."""
        with self._lock:
            return [name for name, held in self._deployments.items() if held.count]

    @contextmanager
    def leaving(self, deployment: str) -> Iterator[tuple[int, list[Revision]]]:
        """The revisions of a deployment that are in no table, and the last journal sequence among them.

        They are forgotten when the block ends without an error; one thread at a time may do this.
        """
        with self._lock:
            held = self._deployments[deployment]
            held.leaving, held.revisions = held.revisions, _Revisions()
            last, count, oldest = held.last, held.count, held.oldest
            held.count = 0
        try:
            yield last, held.leaving.all()
        except BaseException:
            with self._lock:
                held.leaving.add(held.revisions.all())
                held.revisions = held.leaving
                held.count += count
                held.oldest = oldest
            raise
        finally:
            with self._lock:
                held.leaving = _Revisions()

    def parked(self) -> dict[str, list[Parked]]:
        """What waits, by deployment."""
        with self._lock:
            return {
                name: [one for each in held.parked.values() for one in each]
                for name, held in self._deployments.items()
                if held.parked
            }

    def parked_for(self, deployment: str, key: str) -> tuple[Parked, ...]:
        """What waits for a key."""
        with self._lock:
            held = self._deployments.get(deployment)
            return tuple(held.parked.get(key, ())) if held else ()

    def parked_count(self, deployment: str) -> int:
        """How many keys of a deployment have something that waits."""
        with self._lock:
            held = self._deployments.get(deployment)
            return len(held.parked) if held else 0

    def expire(self, now: int) -> None:
        """Forget what has waited too long by now (microseconds since 1970-01-01 UTC)."""
        with self._lock:
            for held in self._deployments.values():
                old = [one.arrival for each in held.parked.values() for one in each if one.until < now]
                _unpark(held, set(old))


def _park(held: _Deployment, parked: Iterable[Parked]) -> None:
    for one in parked:
        known = held.parked.setdefault(one.key, [])
        if all(each.arrival != one.arrival for each in known):
            known.append(one)


def _unpark(held: _Deployment, arrivals: set[int]) -> None:
    if not arrivals:
        return
    left = {key: [one for one in each if one.arrival not in arrivals] for key, each in held.parked.items()}
    held.parked = {key: each for key, each in left.items() if each}
