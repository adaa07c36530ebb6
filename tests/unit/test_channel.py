"""Messages and descriptors arrive whole, in order, and nothing leaks."""

import array
import asyncio
import fcntl
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from konan.channel import LARGEST_MESSAGE, MOST_DESCRIPTORS, Channel
from konan.errors import Invalid
from konan.records.messages import LinkAdded, Ready, SnapshotChanged, Stats

Run = Callable[[Callable[[], Awaitable[None]]], None]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop

    def start(body: Callable[[], Awaitable[None]]) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(60):
                await body()

        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(bounded())

    return start


def channels() -> tuple[Channel, Channel]:
    left, right = socket.socketpair()
    return Channel(left), Channel(right)


def open_descriptors() -> set[str]:
    return {entry.name for entry in Path("/dev/fd").iterdir()}


def test_messages_arrive_in_order_then_none(run: Run) -> None:
    async def body() -> None:
        left, right = channels()
        for generation in range(100):
            left.send(SnapshotChanged(generation=generation))
        left.close()
        for generation in range(100):
            assert await right.receive() == (SnapshotChanged(generation=generation), [])
        assert await right.receive() is None
        assert await right.receive() is None
        right.close()

    run(body)


def test_a_message_larger_than_any_buffer_does_not_block_the_sender(run: Run) -> None:
    async def body() -> None:
        left, right = channels()
        big = Stats(gateway=1, metrics={"text": "x" * (LARGEST_MESSAGE - 100)})
        left.send(big)
        left.send(Ready(name="gateway"))
        assert await right.receive() == (big, [])
        assert await right.receive() == (Ready(name="gateway"), [])
        left.close()
        right.close()

    run(body)


def test_a_message_too_large_is_refused(run: Run) -> None:
    async def body() -> None:
        left, right = channels()
        with pytest.raises(Invalid):
            left.send(Stats(gateway=1, metrics={"text": "x" * LARGEST_MESSAGE}))
        with pytest.raises(Invalid):
            left.send(Ready(name="gateway"), fds=[0] * (MOST_DESCRIPTORS + 1))
        left.close()
        right.close()

    run(body)


def test_descriptors_come_with_their_own_message_and_close_on_exec(run: Run) -> None:
    async def body() -> None:
        before = open_descriptors()
        left, right = channels()
        pipes = [os.pipe() for _ in range(3)]
        for number, (reader, _) in enumerate(pipes):
            left.send(Ready(name="gateway"))
            left.send(LinkAdded(version_uuid="v", worker=number), fds=[reader])
            os.close(reader)
        for number, (_, writer) in enumerate(pipes):
            assert await right.receive() == (Ready(name="gateway"), [])
            received = await right.receive()
            assert received is not None
            message, (copy,) = received
            assert message == LinkAdded(version_uuid="v", worker=number)
            assert fcntl.fcntl(copy, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
            os.write(writer, b"here")
            assert os.read(copy, 4) == b"here"
            os.close(copy)
            os.close(writer)
        left.close()
        right.close()
        assert open_descriptors() == before

    run(body)


def test_descriptors_behind_a_full_socket_arrive(run: Run) -> None:
    async def body() -> None:
        left, right = channels()
        reader, writer = os.pipe()
        left.send(Stats(gateway=0, metrics={"text": "x" * 4_000_000}))
        left.send(LinkAdded(version_uuid="v", worker=1), fds=[reader])
        os.close(reader)
        assert await right.receive() is not None
        received = await right.receive()
        assert received is not None
        os.write(writer, b"here")
        assert os.read(received[1][0], 4) == b"here"
        for number in (received[1][0], writer):
            os.close(number)
        left.close()
        right.close()

    run(body)


def test_nothing_leaks_when_a_side_closes_with_descriptors_on_the_way(run: Run) -> None:
    async def body() -> None:
        before = open_descriptors()
        left, right = channels()
        reader, writer = os.pipe()
        left.send(Stats(gateway=0, metrics={"text": "x" * 4_000_000}))
        left.send(LinkAdded(version_uuid="v", worker=1), fds=[reader])
        left.close()
        right.close()
        os.close(reader)
        os.close(writer)
        assert open_descriptors() == before

    run(body)


def test_a_descriptor_of_a_torn_message_is_closed(run: Run) -> None:
    async def body() -> None:
        before = open_descriptors()
        left, end = socket.socketpair()
        right = Channel(end)
        reader, writer = os.pipe()
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [reader]))]
        left.sendmsg([struct.pack("<I", 50) + b"torn"], rights)
        left.close()
        assert await right.receive() is None
        right.close()
        os.close(reader)
        os.close(writer)
        assert open_descriptors() == before

    run(body)


@pytest.mark.parametrize("content", [b"{", b'{"kind":"unheard_of"}', b'{"kind":"ready"}', b"\xff"])
def test_what_is_no_message_closes_the_channel(run: Run, content: bytes) -> None:
    async def body() -> None:
        left, end = socket.socketpair()
        right = Channel(end)
        left.sendall(struct.pack("<I", len(content)) + content)
        with pytest.raises(Invalid):
            await right.receive()
        assert await right.receive() is None
        assert left.recv(1) == b""
        left.close()

    run(body)


def test_a_length_beyond_any_message_closes_the_channel(run: Run) -> None:
    async def body() -> None:
        left, end = socket.socketpair()
        right = Channel(end)
        left.sendall(struct.pack("<I", LARGEST_MESSAGE + 1))
        assert await right.receive() is None
        assert left.recv(1) == b""
        left.close()

    run(body)


def test_a_cancelled_wait_loses_nothing(run: Run) -> None:
    async def body() -> None:
        left, end = socket.socketpair()
        right = Channel(end)
        text = b'{"kind":"ready","name":"control"}'
        left.sendall(struct.pack("<I", len(text)) + text[:10])
        waiting = asyncio.ensure_future(right.receive())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        left.sendall(text[10:])
        assert await right.receive() == (Ready(name="control"), [])
        left.close()
        right.close()

    run(body)


def test_closing_ends_a_wait(run: Run) -> None:
    async def body() -> None:
        left, right = channels()
        waiting = asyncio.ensure_future(right.receive())
        await asyncio.sleep(0)
        right.close()
        assert await waiting is None
        right.close()
        left.send(Ready(name="control"))
        left.send(Ready(name="control"))
        assert await left.receive() is None
        left.close()
        left.send(Ready(name="control"))

    run(body)
