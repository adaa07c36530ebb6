"""Peers that speak a worker's frames over real sockets, for the tests of the dispatcher."""

import asyncio
import json
import math
import socket
import struct
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from konan import clock
from konan.errors import OutputInvalid
from konan.records.routes import RouteVersion
from konan.records.schema import Schema
from konan.serving.dispatch import Call, Dispatcher
from konan.worker.frames import DONE, FAIL, HEAD, PREDICT, Frame, pack, unpack_head

Run = Callable[[Coroutine[Any, Any, None]], None]
_TOLD = {"type": "ValueError", "message": "hunter2", "traceback": ""}
FAILED = Frame(FAIL, 0, b"", json.dumps(_TOLD).encode())


class Peer:
    """The other end of a link."""

    def __init__(self, bench: "Bench", number: int) -> None:
        ours, self.end = socket.socketpair()
        self.end.setblocking(False)
        bench.peers.append(self)
        bench.dispatcher.add_link(number, ours)

    async def exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = await asyncio.get_running_loop().sock_recv(self.end, size - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    async def take(self) -> Frame:
        kind, rows, numbers, texts, _ = unpack_head(await self.exactly(HEAD.size))
        assert kind == PREDICT
        return Frame(kind, rows, await self.exactly(numbers), await self.exactly(texts))

    async def say(self, frame: Frame) -> None:
        await asyncio.get_running_loop().sock_sendall(self.end, pack(frame))

    async def serve(self, model: Callable[[Frame], Frame] | None = None) -> None:
        """Answer until the link is closed."""
        try:
            while True:
                frame = await self.take()
                await self.say((model or doubled)(frame))
        except (EOFError, ConnectionResetError):
            self.end.close()

    def vanish(self) -> None:
        self.end.close()


class Bench:
    """A dispatcher with what is needed to drive it."""

    def __init__(self, **limits: Any) -> None:
        version = {"batch_rows": 100, "deadline": 20.0, "queue_rows": 1000} | limits
        self.hung: list[int] = []
        self.all_wait = False
        self.peers: list[Peer] = []
        self.loop = asyncio.get_running_loop()
        self.dispatcher = Dispatcher(
            RouteVersion(uuid="u", number=1, schema=Schema(features=()), **version),
            self.loop,
            self.hung.append,
            rendered,
            lambda: self.all_wait,
        )
        self.within = version["deadline"]

    def close(self) -> None:
        self.dispatcher.close()
        for peer in self.peers:
            peer.vanish()

    def call(self, *values: float, texts: bool = False, within: float | None = None) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = self.loop.create_future()
        listed = (
            json.dumps([[str(value)] for value in values], separators=(",", ":")).encode() if texts else b""
        )
        deadline = clock.monotonic() + (self.within if within is None else within)
        numbers = struct.pack(f"<{len(values)}d", *values)
        self.dispatcher.submit(Call(len(values), numbers, listed, deadline, future.set_result))
        return future


def rendered(frame: Frame) -> list[bytes]:
    """One JSON text per row: its number, and its texts if there are any."""
    if len(frame.numbers) != 8 * frame.rows:
        raise OutputInvalid("No number per row.")
    lists = json.loads(frame.texts) if frame.texts else [[]] * frame.rows
    if any(map(math.isnan, values_of(frame))):
        raise OutputInvalid("Not a number.")
    return [
        json.dumps([value, *texts]).encode() for value, texts in zip(values_of(frame), lists, strict=True)
    ]


def values_of(frame: Frame) -> list[float]:
    return list(struct.unpack(f"<{len(frame.numbers) // 8}d", frame.numbers))


def doubled(frame: Frame) -> Frame:
    values = [2 * value for value in values_of(frame)]
    return Frame(DONE, frame.rows, struct.pack(f"<{len(values)}d", *values), frame.texts, 1000)


def poisoned(frame: Frame) -> Frame:
    """A model that raises on 13."""
    return FAILED if 13.0 in values_of(frame) else doubled(frame)


async def answers(*futures: Awaitable[Any]) -> list[Any]:
    found = await asyncio.wait_for(asyncio.gather(*futures), 30)
    return [numbers_of(each) if isinstance(each, list) else type(each) for each in found]


def numbers_of(outputs: list[bytes]) -> list[float]:
    return [json.loads(output)[0] for output in outputs]


async def passes(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)
