"""Ground truth that is in the journal and in no table yet, and what waits for its prediction."""

import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from konan.groundtruth.revisions import Batch, Parked, Revision


@dataclass(slots=True)
class _Deployment:
    revisions: dict[str, list[Revision]] = field(default_factory=dict)
    count: int = 0
    last: int = 0
    parked: dict[str, list[Parked]] = field(default_factory=dict)


class Held:
    """What all deployments have in memory; any thread may ask.

    Attributes:
        sequence: of the last journal record that was taken in.
        oldest: arrival of the oldest revision that is in no table, 0 when there is none.
    """

    def __init__(self) -> None:
        self.sequence = 0
        self.oldest = 0
        self._lock = threading.Lock()
        self._deployments: dict[str, _Deployment] = {}

    @property
    def count(self) -> int:
        """Number of revisions that are in no table."""
        with self._lock:
            return sum(one.count for one in self._deployments.values())

    def take(self, sequence: int, deployment: str, batch: Batch) -> None:
        """Take in a record of the journal."""
        with self._lock:
            held = self._deployments.setdefault(deployment, _Deployment())
            for revision in batch.revisions:
                held.revisions.setdefault(revision.id, []).append(revision)
            if batch.revisions:
                held.count += len(batch.revisions)
                held.last = sequence
                self.oldest = self.oldest or batch.revisions[0].arrival
            _park(held, batch.parked)
            _unpark(held, set(batch.unparked))
            self.sequence = max(self.sequence, sequence)

    def park(self, waiting: Mapping[str, Iterable[Parked]]) -> None:
        """Take in what waited when the last process ended."""
        with self._lock:
            for deployment, parked in waiting.items():
                _park(self._deployments.setdefault(deployment, _Deployment()), parked)

    def revisions(self, deployment: str, ids: Collection[str]) -> list[Revision]:
        """What is in no table of some predictions."""
        with self._lock:
            held = self._deployments.get(deployment)
            if held is None or not held.revisions:
                return []
            return [one for each in ids for one in held.revisions.get(each, ())]

    def unflushed(self) -> dict[str, tuple[int, list[Revision]]]:
        """All revisions that are in no table, by deployment, with the last journal sequence among them."""
        with self._lock:
            return {
                name: (held.last, [one for each in held.revisions.values() for one in each])
                for name, held in self._deployments.items()
                if held.count
            }

    def flushed(self, deployment: str, revisions: Iterable[Revision]) -> None:
        """Forget revisions that are in their table now."""
        with self._lock:
            held = self._deployments[deployment]
            for revision in revisions:
                left = [one for one in held.revisions[revision.id] if one.arrival != revision.arrival]
                held.count -= 1
                if left:
                    held.revisions[revision.id] = left
                else:
                    del held.revisions[revision.id]
            firsts = (one for each in self._deployments.values() for one in each.revisions.values())
            self.oldest = min((each[0].arrival for each in firsts), default=0)

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
