"""Control's view of workers and gateways, with a supervisor at the other end of a real channel."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from konan.adapters.supervised import SupervisedRuntime
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

Body = Callable[[SupervisedRuntime, Channel], Awaitable[None]]


def check(body: Body) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30), connected() as (runtime, supervisor):
            await body(runtime, supervisor)

    asyncio.run(bounded())


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[SupervisedRuntime, Channel]]:
    ours, theirs = socket.socketpair()
    control, supervisor = Channel(ours), Channel(theirs)
    runtime = SupervisedRuntime(control)
    listening = asyncio.create_task(runtime.listen())
    yield runtime, supervisor
    supervisor.close()
    assert await listening == 0.0
    control.close()


async def heard(supervisor: Channel) -> AnyMessage:
    received = await supervisor.receive()
    assert received is not None
    return received[0]


def processes(gateways: tuple[int, ...], generation: int) -> Processes:
    listed = tuple({"name": f"gateway-{index}", "pid": 1, "restarts": 0} for index in gateways)
    return Processes(processes=listed, gateways=gateways, generation=generation)


def test_publishing_waits_for_every_gateway_that_runs() -> None:
    async def body(runtime: SupervisedRuntime, supervisor: Channel) -> None:
        supervisor.send(processes((0, 1), 0))
        publishing = asyncio.create_task(runtime.publish(7, within=20.0))
        assert await heard(supervisor) == SnapshotChanged(generation=7)
        supervisor.send(processes((0, 1), 7))
        supervisor.send(SnapshotTaken(gateway=0, generation=7))
        supervisor.send(SnapshotTaken(gateway=1, generation=6))
        await runtime.want(())
        assert await heard(supervisor) == WantWorkers(workers=())
        assert not publishing.done()
        supervisor.send(SnapshotTaken(gateway=1, generation=8))
        await publishing

    check(body)


def test_a_gateway_that_dies_meanwhile_does_not_count() -> None:
    async def body(runtime: SupervisedRuntime, supervisor: Channel) -> None:
        publishing = asyncio.create_task(runtime.publish(7, within=20.0))
        supervisor.send(processes((0, 1), 7))
        supervisor.send(SnapshotTaken(gateway=0, generation=7))
        supervisor.send(processes((0,), 7))
        await publishing

    check(body)


def test_publishing_before_there_is_a_gateway_is_done_at_once() -> None:
    async def body(runtime: SupervisedRuntime, supervisor: Channel) -> None:
        publishing = asyncio.create_task(runtime.publish(1, within=20.0))
        supervisor.send(processes((), 1))
        await publishing

    check(body)


def test_a_gateway_that_does_not_take_it_is_reported() -> None:
    async def body(runtime: SupervisedRuntime, supervisor: Channel) -> None:
        supervisor.send(processes((0,), 3))
        with pytest.raises(NotReady):
            await runtime.publish(3, within=0.05)

    check(body)


def test_changes_begin_with_how_things_are() -> None:
    async def body(runtime: SupervisedRuntime, supervisor: Channel) -> None:
        first = WorkersChanged(version_uuid="a", ready=1)
        second = WorkersChanged(version_uuid="b", ready=0, failure={"type": "ValueError"})
        supervisor.send(first)
        early = runtime.changes()
        assert await anext(early) == first
        late = runtime.changes()
        assert await anext(late) == first
        supervisor.send(second)
        assert await anext(early) == second
        assert await anext(late) == second
        assert runtime.workers() == {"a": first, "b": second}
        await runtime.want(())
        assert runtime.workers() == {}

    check(body)


def test_counters_of_a_gateway_that_has_gone_are_dropped() -> None:
    async def body(runtime: SupervisedRuntime, supervisor: Channel) -> None:
        changes = runtime.changes()
        supervisor.send(processes((0, 1), 0))
        for index in (0, 1):
            supervisor.send(Stats(gateway=index, metrics={"answered": index}))
        supervisor.send(WorkersChanged(version_uuid="mark", ready=0))
        await anext(changes)
        assert runtime.stats() == {0: {"answered": 0}, 1: {"answered": 1}}
        assert [entry["name"] for entry in runtime.processes()] == ["gateway-0", "gateway-1"]
        supervisor.send(processes((1,), 0))
        supervisor.send(WorkersChanged(version_uuid="mark", ready=1))
        await anext(changes)
        assert runtime.stats() == {1: {"answered": 1}}

    check(body)


def test_drain_ends_listening_with_the_time_left() -> None:
    async def body() -> None:
        ours, theirs = socket.socketpair()
        control, supervisor = Channel(ours), Channel(theirs)
        supervisor.send(Drain(seconds=3.5))
        assert await SupervisedRuntime(control).listen() == 3.5
        control.close()
        supervisor.close()

    asyncio.run(body())
