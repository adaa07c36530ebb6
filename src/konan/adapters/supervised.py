"""The Runtime port inside control: the supervisor runs the workers, and is asked over a channel."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from konan.channel import Channel
from konan.errors import NotReady
from konan.records.messages import (
    AnyMessage,
    Drain,
    Processes,
    SnapshotChanged,
    SnapshotTaken,
    Stats,
    WantWorkers,
    WorkersChanged,
)
from konan.records.routes import WorkerSpec


class SupervisedRuntime:
    """Workers and gateways of the machine's supervisor.

    Args:
        channel: to the supervisor.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._processes = Processes(processes=())
        self._taken: dict[int, int] = {}
        self._stats: dict[int, dict[str, Any]] = {}
        self._workers: dict[str, WorkersChanged] = {}
        self._listeners: set[asyncio.Queue[WorkersChanged]] = set()
        self._news = asyncio.Condition()

    async def listen(self) -> float:
        """Take in what the supervisor says until control shall end.

        Returns:
            Seconds that what is in flight gets; 0 when the supervisor has gone.
        """
        while received := await self._channel.receive():
            message = received[0]
            if isinstance(message, Drain):
                return message.seconds
            self._take_in(message)
            async with self._news:
                self._news.notify_all()
        return 0.0

    async def want(self, workers: tuple[WorkerSpec, ...]) -> None:
        """Say which workers shall run; those that are not named are drained and stopped."""
        self._channel.send(WantWorkers(workers=workers))
        named = {spec.version_uuid for spec in workers}
        self._workers = {uuid: state for uuid, state in self._workers.items() if uuid in named}

    async def publish(self, generation: int, within: float) -> None:
        """Make all gateways take the snapshot of a generation; returns when all that run have.

        A gateway that ends meanwhile does not count: the next one reads the newest snapshot at its start.

        Raises:
            NotReady: a gateway did not ``within`` that many seconds.
        """
        self._channel.send(SnapshotChanged(generation=generation))
        try:
            async with asyncio.timeout(within), self._news:
                await self._news.wait_for(lambda: self._has_taken(generation))
        except TimeoutError:
            raise NotReady("A gateway did not take over the new routes in time.", retry_after=1) from None

    async def changes(self) -> AsyncIterator[WorkersChanged]:
        """How the workers of every version are now, then what happens to them."""
        queue: asyncio.Queue[WorkersChanged] = asyncio.Queue()
        for state in self._workers.values():
            queue.put_nowait(state)
        self._listeners.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._listeners.discard(queue)

    def processes(self) -> tuple[dict[str, Any], ...]:
        """The processes that run: ``{"name", "pid", "restarts"}`` of each."""
        return self._processes.processes

    def stats(self) -> dict[int, dict[str, Any]]:
        """The latest counters of each gateway that runs, by its index (see `konan.serving.metrics`)."""
        return {index: self._stats[index] for index in self._processes.gateways if index in self._stats}

    def workers(self) -> dict[str, WorkersChanged]:
        """How the workers of each version are, by the version's uuid."""
        return dict(self._workers)

    def _take_in(self, message: AnyMessage) -> None:
        if isinstance(message, Processes):
            self._processes = message
        elif isinstance(message, SnapshotTaken):
            self._taken[message.gateway] = max(message.generation, self._taken.get(message.gateway, 0))
        elif isinstance(message, Stats):
            self._stats[message.gateway] = message.metrics
        elif isinstance(message, WorkersChanged):
            self._workers[message.version_uuid] = message
            for queue in self._listeners:
                queue.put_nowait(message)

    def _has_taken(self, generation: int) -> bool:
        if self._processes.generation < generation:
            return False
        return all(self._taken.get(index, 0) >= generation for index in self._processes.gateways)
