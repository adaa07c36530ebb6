"""One worker's socket as the gateway's event loop sees it: a frame out, a frame in, never blocking."""

import asyncio
import socket
from collections.abc import Callable

from konan.worker.frames import DONE, FAIL, HEAD, Frame, pack, unpack_head

LARGEST_ANSWER = 256 * 1024 * 1024
"""A worker that announces more bytes than this is taken for broken."""

_READ = 256 * 1024


class Link:
    """A socket to one worker with at most one frame in flight.

    Args:
        loop: the event loop.
        end: this side's end of a stream socket; owned by the link from now on.
        on_frame: called with each answer.
        on_lost: called once when nothing more can come; with True if the other side said what is no answer,
            with False if it has gone. Not called after `close`.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        end: socket.socket,
        on_frame: Callable[[Frame], None],
        on_lost: Callable[[bool], None],
    ) -> None:
        end.settimeout(0)
        self._loop = loop
        self._end = end
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._head: tuple[bytes, int, int, int, int] | None = None
        self._received = bytearray()
        self._unsent = memoryview(b"")
        self._awaiting = False
        self._open = True
        loop.add_reader(end, self._readable)

    def send(self, frame: Frame) -> bool:
        """Send a request; the one before must have been answered.

        Returns:
            False if the other side has gone and saw nothing of it; the link is then closed.
        """
        data = pack(frame)
        try:
            sent = self._end.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.close()
            return False
        self._awaiting = True
        if sent < len(data):
            self._unsent = memoryview(data)[sent:]
            self._loop.add_writer(self._end, self._writable)
        return True

    def close(self) -> None:
        """Close the socket; nothing is called afterwards."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._end)
            self._loop.remove_writer(self._end)
            self._end.close()

    def _writable(self) -> None:
        try:
            self._unsent = self._unsent[self._end.send(self._unsent) :]
        except BlockingIOError:
            return
        except OSError:  # the reader hears of it too, and says it
            self._unsent = memoryview(b"")
        if not self._unsent:
            self._loop.remove_writer(self._end)

    def _readable(self) -> None:
        try:
            data = self._end.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose(broken=False)
            return
        self._received += data
        try:
            frame = self._frame()
        except ValueError:
            self._lose(broken=True)
            return
        if frame is not None:
            self._on_frame(frame)

    def _frame(self) -> Frame | None:
        """The answer, once it is there whole."""
        received = self._received
        if self._head is None:
            if len(received) < HEAD.size:
                return None
            self._head = unpack_head(bytes(received[: HEAD.size]))
        kind, rows, numbers, texts, nanoseconds = self._head
        end = HEAD.size + numbers + texts
        if kind not in {DONE, FAIL} or not self._awaiting or not len(received) <= end <= LARGEST_ANSWER:
            raise ValueError("not an answer to the frame in flight")
        if len(received) < end:
            return None
        body = bytes(received)
        self._received = bytearray()
        self._head = None
        self._awaiting = False
        cut = HEAD.size + numbers
        return Frame(kind, rows, body[HEAD.size : cut], body[cut:], nanoseconds)

    def _lose(self, *, broken: bool) -> None:
        if self._open:
            self.close()
            self._on_lost(broken)
