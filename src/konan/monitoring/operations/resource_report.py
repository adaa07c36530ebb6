"""What was used as it is told: windows of processes, and how busy workers were (pure)."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from konan.errors import Invalid
from konan.monitoring.operations.samples import DAY, HOUR, MINUTE, Load, Usage, step_of
from konan.monitoring.operations.sampling import MACHINE
from konan.monitoring.reports.query import rfc3339
from konan.records.operations import ResourceWindow, Saturation

MOST = 2_200
"""Most windows of one process."""

ALL = -1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LENGTH = re.compile(r"([1-9][0-9]{0,3})([mhd])", re.ASCII)
_UNITS = {"m": MINUTE, "h": HOUR, "d": DAY}
_FIRST = {"platform": 0, MACHINE: 1}


class Stretch(NamedTuple):
    """Consecutive windows, in seconds since 1970-01-01 UTC.

    Attributes:
        start: of the first.
        end: of the last, which may be shorter.
        every: length.
    """

    start: int
    end: int
    every: int


def stretch(since: str, until: str, window: str, now: datetime) -> Stretch:
    """Windows from texts of which each may be empty; else the last hour as a whole.

    >>> stretch("", "", "", datetime(2026, 11, 23, 8, 10, 30, tzinfo=UTC))
    Stretch(start=1795417860, end=1795421460, every=3600)

    Raises:
        Invalid: one of them is not what is asked for, or they are too many windows.
    """
    end = -(-(_moment(until, "to") if until else int((now - _EPOCH).total_seconds()) + 1) // MINUTE) * MINUTE
    start = _moment(since, "from") // MINUTE * MINUTE if since else end - HOUR
    if start >= end:
        raise Invalid("The parameter from lies behind to.")
    every = _length(window) if window else end - start
    least = step_of(start, int((now - _EPOCH).total_seconds()))
    if every < least:
        raise Invalid("Minutes are kept for a day only.", hint="Take windows of hours, as 1h.")
    if (end - start) / every > MOST:
        raise Invalid(f"That is more than {MOST:,} windows.", hint="Take longer windows.")
    return Stretch(start, end, every)


def resources(
    found: Iterable[tuple[int, Usage]], asked: Stretch, seen: Callable[[Usage], bool]
) -> tuple[ResourceWindow, ...]:
    """Windows of each process that used something.

    Args:
        found: start of a minute or hour, and usage in it.
        asked: which windows.
        seen: tells of which processes.
    """
    sums: dict[tuple[int, str, int], Usage] = {}
    for start, usage in found:
        if seen(usage):
            at = max(start - asked.start, 0) // asked.every
            key = _FIRST.get(usage.process, len(_FIRST)), usage.process, at
            sums[key] = usage.plus(sums[key]) if key in sums else usage
    return tuple(_told(sums[key], asked.start + key[2] * asked.every, asked) for key in sorted(sums))


def saturation(
    found: Iterable[tuple[int, Load]], asked: Stretch, *, by_version: bool, version: int | None
) -> dict[tuple[int, int], Saturation]:
    """How busy workers were, by version (`ALL` for all together) and number of the window.

    Args:
        found: start of a minute or hour, and load of a version in it.
        asked: which windows.
        by_version: whether each version has its own.
        version: number of the only one that counts.
    """
    each: dict[tuple[int, int, int], Load] = {}
    for start, load in found:
        if version in {None, load.version}:
            own = load.version if by_version or version else ALL
            key = own, max(start - asked.start, 0) // asked.every, load.version
            each[key] = load.plus(each[key]) if key in each else load
    windows: dict[tuple[int, int], list[Load]] = {}
    for (own, at, _), load in each.items():
        windows.setdefault((own, at), []).append(load)
    return {key: _saturation(loads) for key, loads in windows.items()}


def _saturation(loads: list[Load]) -> Saturation:
    """Of versions at the same time, each of which was looked at for its own part of it."""
    workers, busy = sum(one.worker_seconds for one in loads), sum(one.busy for one in loads)
    seconds = max(one.seconds for one in loads) or 1.0
    return Saturation(
        busy=busy / workers if workers else 0.0,
        busy_most=max(one.busy_most for one in loads),
        waiting=sum(one.waiting for one in loads) / seconds,
        waiting_most=int(max(one.waiting_most for one in loads)),
        workers=workers / seconds,
    )


def _told(usage: Usage, start: int, asked: Stretch) -> ResourceWindow:
    machine = usage.process == MACHINE
    return ResourceWindow(
        since=rfc3339(start),
        until=rfc3339(min(start + asked.every, asked.end)),
        process=usage.process,
        seconds=usage.seconds,
        cpu=usage.cpu / usage.seconds,
        cpu_most=usage.cpu_most,
        memory=usage.memory / usage.seconds,
        memory_most=usage.memory_most,
        read=usage.read,
        written=usage.written,
        received=usage.received if machine else None,
        sent=usage.sent if machine else None,
        disk=usage.disk / usage.seconds if machine else None,
    )


def _length(window: str) -> int:
    found = _LENGTH.fullmatch(window)
    if not found:
        raise Invalid("The parameter window is no length.", hint="Write 5m, 1h or 7d.")
    return int(found[1]) * _UNITS[found[2]]


def _moment(text: str, name: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"The parameter {name} is no RFC 3339 time.") from None
    return -(-((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // timedelta(seconds=1))
