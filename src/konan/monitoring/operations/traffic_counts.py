"""Reads the traffic of a log: what its table holds as counted, and what waits for the table as it stands.

What waits is read before the counts. So nothing is missed, and the version of the table that the counts are
of tells what is in both.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from konan.errors import NotReady
from konan.journal.entry import Entry
from konan.journal.segments import Damage
from konan.monitoring.operations import live_traffic, traffic
from konan.monitoring.operations.latency import CELLS, cells_of
from konan.monitoring.operations.traffic import Count, Group
from konan.predictions import shelf
from konan.predictions.flusher import Flusher, Tail
from konan.predictions.mark import LOG
from konan.predictions.shelf import Waiting

HOUR = 3600
DAY = 24 * HOUR
_ATTEMPTS = 5
_MILLISECONDS = 1000

Found = tuple[int, Group, Count]
"""Start of an hour in seconds since 1970-01-01 UTC, and requests of it."""


def read(directory: Path, flusher: Flusher, name: str, start: int, end: int) -> list[Found]:
    """All requests between two moments, by hour and outcome; the same group may come several times.

    Args:
        directory: where the logs are.
        flusher: knows what waits.
        name: of the log.
        start: seconds since 1970-01-01 UTC, a whole hour.
        end: likewise.

    Raises:
        NotReady: the counts were being changed all the time, or cannot be made.
    """
    log = directory / name
    for _ in range(_ATTEMPTS):
        tail = flusher.tail(name)
        if not (log / "table").is_dir():
            return [*_waiting(tail, {}, start, end)]
        before = live_traffic.index(log)
        if before < 0 or not _is_newest(log, before):
            flusher.follow(name)
            continue
        try:
            found = [*_counted(log, start, end)]
            found += _waiting(tail, _flushed(log, before, tail), start, end)
        except (Damage, DeltaError):  # it is counted anew, or that version has just gone
            (log / live_traffic.FOLDER / live_traffic.INDEX).unlink(missing_ok=True)
            continue
        if live_traffic.index(log) == before:
            return found
    raise NotReady("The traffic is just being counted.", hint="Try again in a while.", retry_after=1)


def _counted(log: Path, start: int, end: int) -> Iterator[Found]:
    damage: Damage | None = None
    for day in range(start // DAY, -(-end // DAY)):
        path = live_traffic.path_of(log, day)
        try:
            found = traffic.read(path).found
        except FileNotFoundError:
            continue
        except Damage as found_damage:
            path.unlink(missing_ok=True)
            damage = found_damage
            continue
        for group, count in found.items():
            hour = day * DAY + group.hour * HOUR
            if start <= hour < end:
                yield hour, group, count
    if damage is not None:
        raise damage


def _waiting(tail: Tail, flushed: dict[int, int], start: int, end: int) -> Iterator[Found]:
    fresh = (one for one in _entries(tail) if one.sequence > flushed.get(one.gateway, 0))
    groups: dict[tuple[int, Group], list[Entry]] = {}
    for one in fresh:
        entry = one.entry
        hour = _second(entry.request_id) // HOUR * HOUR
        if start <= hour < end:
            group = Group(entry.version, entry.role, hour % DAY // HOUR, entry.code, entry.status)
            groups.setdefault((hour, group), []).append(entry)
    for (hour, group), entries in groups.items():
        yield hour, group, _count(entries)


def _count(entries: list[Entry]) -> Count:
    taken = np.array([entry.latency_us for entry in entries], np.int64)
    latencies = np.bincount(cells_of(taken), minlength=CELLS).astype(np.int64)
    rows = sum(entry.rows for entry in entries)
    return Count(len(entries), rows, int(taken.sum()), latencies)


def _entries(tail: Tail) -> Iterable[Waiting]:
    yield from tail.held
    for place in tail.places:
        try:
            yield from shelf.read(place)
        except (FileNotFoundError, Damage):  # in the table by now; or told by the flusher
            continue


def _flushed(log: Path, version: int, tail: Tail) -> dict[int, int]:
    """The last sequence of each gateway that a version of a table holds."""
    gateways = {gateway for place in tail.places for gateway in place.run.ends}
    gateways |= {one.gateway for one in tail.held}
    if not gateways:
        return {}
    table = DeltaTable(log / "table", version=version)
    return {gateway: table.transaction_version(f"gateway-{gateway}") or 0 for gateway in gateways}


def _is_newest(log: Path, version: int) -> bool:
    """Whether a table has no version after one; versions before the newest may be gone."""
    place = log / "table" / LOG
    return not (place / f"{version + 1:020d}.json").exists() and any(place.glob(f"{version:020d}.*"))


def _second(request_id: str) -> int:
    return int(request_id[:8] + request_id[9:13], 16) // _MILLISECONDS
