"""Samples what processes, queues and the machine use, in the background of control.

A sample is some reads under ``/proc``. The next one waits so long that sampling takes less than a thousandth
of a processor, however many processes there are.
"""

import asyncio
import contextlib
import logging
import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import psutil

from konan import clock
from konan.monitoring.operations.samples import MINUTE, Load, Samples, Usage

INTERVAL = 10.0
"""Seconds between two samples, at least."""

MACHINE = "machine"
PLATFORM = "platform"
"""All processes of the platform together, models included."""

JOBS = "jobs"
"""The name of what control has had done by processes that come and go: builds, tables, queries, profiles."""

_SHARE = 0.001
_WORKER = re.compile(r"worker (.+) #[0-9]+")
_log = logging.getLogger(__name__)


class Watched(Protocol):
    """What runs (`konan.control.services.Observed`)."""

    def processes(self) -> tuple[dict[str, Any], ...]:
        """``{"name", "pid"}`` of each process."""
        ...

    def stats(self) -> Mapping[int, dict[str, Any]]:
        """The counters of each gateway."""
        ...


class Total(NamedTuple):
    """What a process has used since its start, and holds now.

    Attributes:
        cpu: processor seconds.
        memory: resident bytes.
        read: bytes read from disks.
        written: bytes written to disks.
        received: bytes received over networks.
        sent: bytes sent.
        disk: bytes in use on the file system.
    """

    cpu: float
    memory: float
    read: float = 0.0
    written: float = 0.0
    received: float = 0.0
    sent: float = 0.0
    disk: float = 0.0


class Sampler:
    """Takes the samples, and keeps them minute by minute.

    Args:
        watched: what runs.
        owners: the project of each worker's label, as ``bikes v3``.
        samples: where they are kept.
        directory: whose file system is looked at.
    """

    def __init__(
        self,
        watched: Watched,
        owners: Callable[[], Mapping[str, str]],
        samples: Samples,
        directory: Path,
    ) -> None:
        self._watched = watched
        self._owners = owners
        self._samples = samples
        self._directory = directory
        self._known: dict[str, str] = {}
        self._last: float | None = None
        self._totals: dict[tuple[str, int], Total] = {}
        self._busy: dict[tuple[int, str, str, int], float] = {}
        self._usage: dict[tuple[str, str], Usage] = {}
        self._load: dict[tuple[str, str, int], Load] = {}
        self._minute = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Take samples in the background until `close`."""
        self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Keep what was sampled, and end."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            await asyncio.to_thread(self.put_down)

    async def _work(self) -> None:
        while True:
            spent = await asyncio.to_thread(self._timed)
            await asyncio.sleep(max(INTERVAL, spent / _SHARE))

    def _timed(self) -> float:
        """Take a sample; returns the processor seconds that it took."""
        before = time.thread_time()
        try:
            self.take(clock.now().timestamp(), clock.monotonic())
        except (OSError, psutil.Error, sqlite3.Error) as error:
            _log.warning("resources could not be sampled", extra={"reason": repr(error)})
        return time.thread_time() - before

    def take(self, now: float, moment: float) -> None:
        """Take one sample.

        Args:
            now: seconds since 1970-01-01 UTC.
            moment: the same on a clock that never goes back.

        Raises:
            sqlite3.Error: a minute that has ended could not be kept; it is tried again with the next.
        """
        seconds = 0.0 if self._last is None else moment - self._last
        self._last = moment
        minute = int(now) // MINUTE * MINUTE
        if self._minute and minute != self._minute:
            self.put_down()
        self._minute = minute
        self._take_usage(seconds)
        self._take_load(seconds)

    def put_down(self) -> None:
        """Keep what was sampled since the last time."""
        if self._usage or self._load:
            self._samples.add(self._minute, [*self._usage.values()], [*self._load.values()])
            self._usage, self._load = {}, {}

    def _take_usage(self, seconds: float) -> None:
        totals = dict(self._looked())
        found = [
            _used(self._project(name), name, self._totals[name, pid], total, seconds)
            for (name, pid), total in totals.items()
            if seconds and (name, pid) in self._totals
        ]
        self._totals = totals
        for used in [*found, *_whole(found)]:
            key = used.project, used.process
            self._usage[key] = used.plus(self._usage[key]) if key in self._usage else used

    def _looked(self) -> Iterator[tuple[tuple[str, int], Total]]:
        for process in self._watched.processes():
            total = _total(process["pid"])
            if total is not None:
                yield (process["name"], process["pid"]), total
        yield (JOBS, 0), _jobs()
        yield (MACHINE, 0), _machine(self._directory)

    def _project(self, name: str) -> str:
        worker = _WORKER.fullmatch(name)
        if worker is None:
            return ""
        if worker[1] not in self._known:
            self._known = {**self._owners()}
        return self._known.get(worker[1], "")

    def _take_load(self, seconds: float) -> None:
        fresh: dict[tuple[str, str, int], Load] = {}
        busy: dict[tuple[int, str, str, int], float] = {}
        for gateway, stats in self._watched.stats().items():
            for queue in stats.get("queues", ()):
                key = queue["project"], queue["deployment"], queue["version"]
                busy[gateway, *key] = queue["model_seconds"]
                before = self._busy.get((gateway, *key), 0.0)
                spent = max(queue["model_seconds"] - before, 0.0)
                known = fresh.get(key, Load(*key, seconds))
                fresh[key] = known._replace(
                    busy=known.busy + spent,
                    worker_seconds=max(known.worker_seconds, queue["workers"] * seconds),
                    waiting=known.waiting + queue["waiting_rows"] * seconds,
                    waiting_most=known.waiting_most + queue["waiting_rows"],
                )
        if seconds and self._busy:
            for key, load in fresh.items():
                share = min(load.busy / load.worker_seconds, 1.0) if load.worker_seconds else 0.0
                told = load._replace(busy=min(load.busy, load.worker_seconds), busy_most=share)
                self._load[key] = told.plus(self._load[key]) if key in self._load else told
        self._busy = busy


def _used(project: str, name: str, before: Total, after: Total, seconds: float) -> Usage:
    """What was used between two looks."""
    used = Total(*(max(b - a, 0.0) for a, b in zip(before, after, strict=True)))
    return Usage(
        project,
        name,
        seconds,
        cpu=used.cpu,
        memory=after.memory * seconds,
        disk=after.disk * seconds,
        read=used.read,
        written=used.written,
        received=used.received,
        sent=used.sent,
        cpu_most=used.cpu / seconds,
        memory_most=after.memory,
    )


def _whole(found: Sequence[Usage]) -> Iterator[Usage]:
    """All processes of the platform together."""
    own = [one for one in found if one.process != MACHINE]
    if own:
        sums = [sum(column) for column in zip(*(one[3:] for one in own), strict=True)]
        yield Usage("", PLATFORM, own[0].seconds, *sums)


def _total(pid: int) -> Total | None:
    """What a process has used; None when it has gone."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times = process.cpu_times()
            memory = process.memory_info().rss
            read, written = _files(process)
            return Total(times.user + times.system, memory, read, written)
    except psutil.Error:
        return None


def _files(process: psutil.Process) -> tuple[float, float]:
    try:
        counted = process.io_counters()
    except (psutil.Error, AttributeError, OSError):  # of another user, or a system without it
        return 0.0, 0.0
    return counted.read_bytes, counted.write_bytes


def _jobs() -> Total:
    """What control's own children have used: those that ended, and those that are there."""
    times = psutil.Process().cpu_times()
    totals = [total for total in map(_total, _children()) if total is not None]
    ended = times.children_user + times.children_system
    sums = [sum(column) for column in zip(*totals, strict=True)] or [0.0] * len(Total._fields)
    return Total(sums[0] + ended, *sums[1:])


def _children() -> Iterable[int]:
    """Process ids of this process's children, as the kernel lists them by thread."""
    for path in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            yield from map(int, path.read_text().split())


def _machine(directory: Path) -> Total:
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # in user and nice already
    memory, disks, nets = psutil.virtual_memory(), psutil.disk_io_counters(), psutil.net_io_counters()
    return Total(
        cpu=sum(times) - idle - guests,
        memory=memory.total - memory.available,
        read=getattr(disks, "read_bytes", 0.0),  # a machine may have no disks that are counted
        written=getattr(disks, "write_bytes", 0.0),
        received=getattr(nets, "bytes_recv", 0.0),
        sent=getattr(nets, "bytes_sent", 0.0),
        disk=shutil.disk_usage(directory).used,
    )
