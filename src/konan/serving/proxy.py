"""Everything that is not a prediction goes to the control plane, over its unix socket, as it comes.

One connection per request; bodies are streamed both ways with back-pressure, so that an upload of gigabytes
needs no more memory than a small one. Control being down is told at once and touches nothing else.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import cast

from typing_extensions import override

from konan.config import CONTROL_SOCKET
from konan.errors import ControlUnavailable, KonanError, NotReady, Unauthenticated
from konan.serving import forwarding
from konan.serving.bodies import ChunkedBody, CountedBody, Framing
from konan.serving.desk import Desk, Exchange, Sink
from konan.serving.forwarding import AnswerHead
from konan.serving.http1 import HEAD_END, Head

PATIENCE_SECONDS = 120.0
"""For so long control may be silent before its client is told that it does not answer."""

_ENDLESS = 1 << 62
_NO_BODY_STATUS = frozenset((204, 304))


class Splice:
    """The target of every request that control answers.

    Args:
        desk: what all connections share.
        limit: most bytes of a body.
        path: control's socket.
        patience: seconds that control may be silent.
        peer: whether another gateway answers there and not control; the request then keeps its id.
        reason: says what keeps control from answering a request, as far as it is known.
    """

    streams = True
    allow = ""

    def __init__(
        self,
        desk: Desk,
        limit: int,
        path: str = CONTROL_SOCKET,
        patience: float = PATIENCE_SECONDS,
        *,
        peer: bool = False,
        reason: Callable[[Head], str] = lambda _: "",
    ) -> None:
        self.limit = limit
        self._reason = reason
        self._desk = desk
        self._path = path
        self._patience = patience
        self._peer = peer

    def check(self, head: Head) -> None:
        """Refuse requests without any key; control checks those that have one.

        Raises:
            Unauthenticated: there is no Authorization header.
        """
        if head.authorization is None:
            raise Unauthenticated(
                "A valid API key is needed.",
                hint="Send it as `Authorization: Bearer kn_live_…`; `konan key create` makes one.",
            )

    def run(self, exchange: Exchange, head: Head, body: bytes) -> None:
        """Pass on a request whose body is whole.

        Raises:
            Unauthenticated: there is no Authorization header.
        """
        self.check(head)
        upstream = self._upstream(exchange, head, waits=bool(body) and not self._peer)
        if body:
            upstream.feed(body)
        upstream.end()

    def open(self, exchange: Exchange, head: Head) -> Sink:
        """Pass on a request whose body is still to come."""
        return self._upstream(exchange, head, waits=True)

    def _upstream(self, exchange: Exchange, head: Head, *, waits: bool) -> "Upstream":
        self._desk.metrics.proxied += 1
        request_id = self._desk.ids.take()[0]
        upstream = Upstream(
            exchange,
            head,
            request_id,
            waits=waits,
            peer=self._peer,
            reason=self._reason,
        )
        exchange.attach(upstream)
        upstream.start(self._path, self._patience)
        return upstream


class Upstream(asyncio.Protocol):
    """One request's connection to control: the sink of its body and the source of its answer.

    The body is sent after control has asked for it (``100 Continue``): a request that control refuses by its
    head is then answered before a byte of the body is on its way.

    Args:
        exchange: the client's side.
        head: the request's head.
        request_id: the id under which the logs name this request.
        waits: whether the body is kept until control asks for it.
        peer: whether another gateway answers and not control.
        reason: says what keeps control from answering.
    """

    def __init__(
        self,
        exchange: Exchange,
        head: Head,
        request_id: str,
        *,
        waits: bool,
        peer: bool = False,
        reason: Callable[[Head], str] = lambda _: "",
    ) -> None:
        self._exchange = exchange
        self._reason = reason
        self._head = head
        self._request_id = request_id
        self._waits = waits
        self._patience = PATIENCE_SECONDS
        self._peer = peer
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reading: socket.socket | None = None
        self._waiting: list[bytes] = []
        self._full = False
        self._over = False
        self._received = b""
        self._answer: AnswerHead | None = None
        self._framing: Framing | None = None
        self._rechunk = False
        self._keep = False
        self._heard = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._connecting: asyncio.Task[None] | None = None

    def start(self, path: str, patience: float) -> None:
        """Connect to control, which may then be silent for so many seconds."""
        self._patience = patience
        self._connecting = self._loop.create_task(self._connect(path))
        self._timer = self._loop.call_later(self._patience, self._check_patience)

    async def _connect(self, path: str) -> None:
        try:
            await self._loop.create_unix_connection(lambda: self, path)
        except OSError:
            self._unavailable()

    # The request's body: the `Sink`.

    def feed(self, data: bytes) -> None:
        """Pass on a part of the body."""
        self._heard = self._loop.time()
        piece = b"%x\r\n%b\r\n" % (len(data), data) if self._head.chunked else data
        if self._transport is None or self._waits:
            self._waiting.append(piece)
            self._exchange.hold()
        elif not self._over:
            self._transport.write(piece)

    def end(self) -> None:
        """The body is whole."""
        if not self._head.chunked or self._over:
            return
        if self._transport is None or self._waits:
            self._waiting.append(b"0\r\n\r\n")
        else:
            self._transport.write(b"0\r\n\r\n")

    def abandon(self) -> None:
        """The client has gone, or its answer is complete."""
        self._close()

    def client_full(self) -> None:
        """The client does not read fast enough."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def client_ready(self) -> None:
        """The client reads again."""
        self._heard = self._loop.time()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    # What control's side says.

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self._over:
            self._transport.abort()
            return
        if self._waits:
            self._reading = socket.fromfd(
                transport.get_extra_info("socket").fileno(), socket.AF_UNIX, socket.SOCK_STREAM
            )
        self._transport.write(forwarding.request_head(self._head, self._request_id, waits=self._waits))
        if not self._waits:
            self._send_waiting()

    def _send_waiting(self) -> None:
        if self._transport is not None and self._waiting:
            self._transport.write(b"".join(self._waiting))
            self._waiting = []
        if not self._full:
            self._exchange.release()

    @override
    def pause_writing(self) -> None:
        self._full = True
        self._exchange.hold()

    @override
    def resume_writing(self) -> None:
        self._full = False
        if not self._over:
            self._exchange.release()

    @override
    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        if self._over:
            return
        try:
            self._take(data)
        except (ValueError, KonanError):
            self._unavailable()

    @override
    def eof_received(self) -> bool:
        return False

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._over:
            return
        if exc is None and self._answer is not None and self._framing is None:
            self._finish(b"0\r\n\r\n" if self._rechunk else b"")
        else:
            self._read_last()
            self._unavailable()

    def _read_last(self) -> None:
        """Control may have refused in the middle of the body and closed: what it said is still to be read."""
        if self._answer is None and self._reading is not None:
            with contextlib.suppress(OSError):
                self.data_received(self._reading.recv(forwarding.LARGEST_ANSWER_HEAD, socket.MSG_DONTWAIT))

    # The answer.

    def _take(self, data: bytes) -> None:
        head = b""
        while self._answer is None:
            self._received += data
            end = self._received.find(HEAD_END) + len(HEAD_END)
            if end < len(HEAD_END):
                if len(self._received) > forwarding.LARGEST_ANSWER_HEAD:
                    raise ValueError("the head of the answer is too large")
                return
            raw, data, self._received = self._received[:end], self._received[end:], b""
            head = self._begin(forwarding.parse_answer(raw))
        self._pass_on(head, data)

    def _begin(self, answer: AnswerHead) -> bytes:
        """Take in the head of the answer; gives the head for the client, nothing for an interim one."""
        if answer.status < 200:
            if self._waits:
                self._waits = False
                self._send_waiting()
            return b""
        self._answer = answer
        if self._peer:
            self._request_id = dict(answer.fields).get("konan-request-id", self._request_id)
        if self._head.method == "HEAD" or answer.status in _NO_BODY_STATUS:
            self._framing = CountedBody(0)
        elif answer.chunked:
            self._framing = ChunkedBody(_ENDLESS)
        elif answer.length is not None:
            self._framing = CountedBody(answer.length)
        bodiless = self._framing is not None and self._framing.done
        self._rechunk = answer.length is None and not bodiless and self._head.version == 1
        self._keep = self._exchange.keeps()
        return forwarding.answer_head(answer, self._request_id, chunked=self._rechunk, keep=self._keep)

    def _pass_on(self, head: bytes, data: bytes) -> None:
        piece, done = data, False
        if self._framing is not None:
            piece, _ = self._framing.feed(data)
            done = self._framing.done
        if self._rechunk and piece:
            piece = b"%x\r\n%b\r\n" % (len(piece), piece)
        if self._rechunk and done:
            piece += b"0\r\n\r\n"
        if done:
            self._finish(head + piece)
        elif head:
            self._exchange.begin(head + piece)
        elif piece:
            self._exchange.more(piece)

    def _finish(self, last: bytes) -> None:
        self._close()
        self._exchange.finish(last, keep=self._keep)

    def _unavailable(self) -> None:
        if self._over:
            return
        self._close()
        silent: KonanError = ControlUnavailable(
            "The control plane does not answer right now; predictions go on.",
            hint=self._reason(self._head),
            retry_after=1,
        )
        if self._peer:
            silent = NotReady("The gateway that keeps this Idempotency-Key is starting.", retry_after=1)
        self._exchange.fail(silent, self._request_id)

    def _check_patience(self) -> None:
        left = self._heard + self._patience - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._check_patience)
        else:
            self._unavailable()

    def _close(self) -> None:
        self._over = True
        self._waiting = []
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()
        if self._reading is not None:
            self._reading.close()
