"""Messages and descriptors between the platform's own processes, over an inherited unix socket.

A message is one JSON object behind a little-endian uint32 with its length. Its descriptors travel beside
the first byte of the length (SCM_RIGHTS). The reader never reads past the end of one message, so a
descriptor always belongs to the message that is being read.
"""

import array
import asyncio
import os
import socket
import struct
from collections import deque
from collections.abc import Iterable

import msgspec

from konan.errors import Invalid
from konan.records.messages import AnyMessage

LARGEST_MESSAGE = 16 * 1024 * 1024
"""Bytes of JSON in one message at most."""

MOST_DESCRIPTORS = 16
"""Descriptors beside one message at most."""

_LENGTH = struct.Struct("<I")
_CHUNK = 256 * 1024
_ANCILLARY = socket.CMSG_SPACE(MOST_DESCRIPTORS * array.array("i").itemsize)
_CLOSE_ON_EXEC: int = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(AnyMessage)


class Channel:
    """One end of a connection between two of the platform's processes.

    It belongs to the event loop on which it is first used, asyncio's own or uvloop.

    Args:
        sock: a connected unix stream socket; the channel owns it from now on.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(0)
        self._sock = sock
        self._outgoing: deque[_Outgoing] = deque()
        self._incoming = _Incoming()
        self._reading: asyncio.Future[None] | None = None
        self._writing: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def send(self, message: AnyMessage, fds: Iterable[int] = ()) -> None:
        """Send a message, now or as soon as the other side reads; never waits.

        A message to a side that has gone is dropped: `receive` tells that it has gone.

        Args:
            message: what to say.
            fds: descriptors to hand over; they are duplicated, so the caller may close its own at once.

        Raises:
            Invalid: the message or the number of descriptors is too large.
        """
        body, numbers = _encoder.encode(message), list(fds)
        if len(body) > LARGEST_MESSAGE or len(numbers) > MOST_DESCRIPTORS:
            raise Invalid("A message between two processes is too large.")
        if self._closed:
            return
        self._outgoing.append(_Outgoing(_LENGTH.pack(len(body)) + body, numbers))
        if self._writing is None:
            self._flush()

    async def receive(self) -> tuple[AnyMessage, list[int]] | None:
        """The next message and its descriptors (the caller's to close); None once the other side has gone.

        Only one task may wait at a time. A wait that is cancelled loses nothing.

        Raises:
            Invalid: what came is not a message; the channel is closed then.
        """
        while not self._closed:
            try:
                whole = self._incoming.read(self._sock)
            except BlockingIOError:
                await self._readable()
                continue
            except OSError:
                self.close()
                break
            return self._decoded() if whole else None
        return None

    def close(self) -> None:
        """Close the connection and every descriptor that was not handed on; may be called again."""
        if self._closed:
            return
        self._closed = True
        self._stop_reading()
        self._stop_writing()
        self._drop_outgoing()
        _close_all(self._incoming.take()[1])
        self._sock.close()

    def _decoded(self) -> tuple[AnyMessage, list[int]]:
        body, fds = self._incoming.take()
        try:
            return _decoder.decode(body), fds
        except msgspec.DecodeError as error:
            _close_all(fds)
            self.close()
            raise Invalid(f"Another process sent what is not a message: {error}") from None

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        self._reading = loop.create_future()
        loop.add_reader(self._sock.fileno(), self._stop_reading)
        try:
            await self._reading
        finally:
            self._stop_reading()

    def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.get_loop().remove_reader(self._sock.fileno())
            if not self._reading.done():
                self._reading.set_result(None)
            self._reading = None

    def _flush(self) -> None:
        try:
            while self._outgoing:
                if self._outgoing[0].write(self._sock):
                    self._outgoing.popleft().close()
        except BlockingIOError:
            self._start_writing()
            return
        except OSError:
            self._drop_outgoing()
        self._stop_writing()

    def _start_writing(self) -> None:
        if self._writing is None:
            self._writing = asyncio.get_running_loop()
            self._writing.add_writer(self._sock.fileno(), self._flush)

    def _stop_writing(self) -> None:
        if self._writing is not None:
            self._writing.remove_writer(self._sock.fileno())
            self._writing = None

    def _drop_outgoing(self) -> None:
        while self._outgoing:
            self._outgoing.popleft().close()


class _Outgoing:
    """A message on its way out: its bytes, and descriptors that leave with the first of them."""

    def __init__(self, data: bytes, fds: list[int]) -> None:
        self._rest = memoryview(data)
        self._fds = [os.dup(number) for number in fds]

    def write(self, sock: socket.socket) -> bool:
        """Write what fits; True when all is written."""
        if self._fds:
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", self._fds))]
            sent = sock.sendmsg([self._rest[:_CHUNK]], ancillary)
            self.close()
        else:
            sent = sock.send(self._rest[:_CHUNK])
        self._rest = self._rest[sent:]
        return not self._rest

    def close(self) -> None:
        """Close the duplicates that have not been sent, or that have been."""
        _close_all(self._fds)
        self._fds = []


class _Incoming:
    """A message on its way in."""

    def __init__(self) -> None:
        self._fds: list[int] = []
        self._begin()

    def _begin(self) -> None:
        self._buffer = bytearray()
        self._wanted = _LENGTH.size
        self._in_body = False

    def read(self, sock: socket.socket) -> bool:
        """Read on until the message is whole (True) or the other side has gone (False).

        Raises:
            BlockingIOError: there is nothing to read now.
            OSError: the connection broke, or is not one of messages.
        """
        while True:
            while len(self._buffer) < self._wanted:
                if not self._more(sock):
                    return False
            if self._in_body:
                return True
            (self._wanted,) = _LENGTH.unpack(self._buffer)
            if self._wanted > LARGEST_MESSAGE:
                raise ConnectionAbortedError("a message is longer than any")
            self._buffer = bytearray()
            self._in_body = True

    def take(self) -> tuple[bytes, list[int]]:
        """The body and the descriptors; the next message begins."""
        body, fds = bytes(self._buffer), self._fds
        self._fds = []
        self._begin()
        return body, fds

    def _more(self, sock: socket.socket) -> bool:
        room = min(self._wanted - len(self._buffer), _CHUNK)
        data, ancillary, flags, _ = sock.recvmsg(room, _ANCILLARY, _CLOSE_ON_EXEC)
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                self._fds.extend(_descriptors(content))
        if flags & socket.MSG_CTRUNC:
            raise ConnectionAbortedError("more descriptors than any message has")
        self._buffer += data
        return bool(data)


def _descriptors(content: bytes) -> list[int]:
    numbers = array.array("i")
    numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
    if not _CLOSE_ON_EXEC:
        for number in numbers:
            os.set_inheritable(number, False)  # noqa: FBT003 - the function has no keyword
    return list(numbers)


def _close_all(fds: list[int]) -> None:
    for number in fds:
        os.close(number)
