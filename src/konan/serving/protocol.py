"""One connection: requests are framed, run one after the other, and answered in their order.

A request is refused, never repaired; after anything malformed the connection is closed, and what lies
behind it is never run. A client that is slow or gone costs its own connection only.
"""

import asyncio
import math
from collections.abc import Callable
from enum import Enum
from typing import cast

from typing_extensions import override

from konan.errors import BodyTooLarge, KonanError, RequestTimeout
from konan.serving import answers, bugs
from konan.serving.answers import Answer
from konan.serving.bodies import Framing, framing_of
from konan.serving.desk import Desk, Sink, Target
from konan.serving.http1 import HEAD_END, Head, check_partial
from konan.serving.sinks import Refusal

NEVER = math.inf
LINGER_SECONDS = 2.0
_WAITING_BYTES = 64 * 1024
_SLOWEST_READER_BYTES = 16 * 1024


class Phase(Enum):
    """What a connection is doing.

    It waits for a head, receives a body, has a request whose answer is due, waits for the client to take
    the last answer and close, or is closed.
    """

    HEAD = 1
    BODY = 2
    DUE = 3
    LINGER = 4
    GONE = 5


class Connection(asyncio.Protocol):
    """One client's connection; it is the `Exchange` of its requests, one at a time.

    Args:
        desk: what all connections share.
        admit: takes the connection in; false when too many are open.
        forget: called when it has gone.

    Attributes:
        deadline: when what is being waited for must be there (monotonic seconds).
        stalls_at: when the client must have read on, while it does not read.
        arrived: when the present request was whole, or its body began.
    """

    def __init__(
        self,
        desk: Desk,
        admit: Callable[["Connection"], bool],
        forget: Callable[["Connection"], None],
    ) -> None:
        self._desk = desk
        self._admit = admit
        self._forget = forget
        self._transport = cast("asyncio.Transport", None)
        self._phase = Phase.HEAD
        self._buffer = b""
        self._head: Head | None = None
        self._target: Target | None = None
        self._framing: Framing | None = None
        self._sink: Sink | None = None
        self._started = False
        self._begun = False
        self._body_due = False
        self._renewed = False
        self._eof = False
        self._held = False
        self._writable = True
        self._advancing = False
        self._unread_before = 0
        self.arrived = 0.0
        self.deadline = NEVER
        self.stalls_at = NEVER

    # What the transport says.

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.deadline = self._desk.now() + self._desk.settings.idle_timeout
        if not self._admit(self):
            self._phase = Phase.GONE
            self._transport.abort()

    @override
    def data_received(self, data: bytes) -> None:
        phase = self._phase
        if phase is Phase.HEAD:
            self._buffer = self._buffer + data if self._buffer else data
            self._advance()
        elif phase is Phase.BODY:
            self._receive(data)
        elif phase is Phase.DUE:
            self._buffer += data
            if len(self._buffer) > _WAITING_BYTES:
                self.hold()

    @override
    def eof_received(self) -> bool:
        self._eof = True
        if self._phase is Phase.DUE:
            return True
        self._drop_body()
        return False

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._phase = Phase.GONE
        self._drop_body()
        self._buffer = b""
        self._forget(self)

    @override
    def pause_writing(self) -> None:
        self._writable = False
        self._unread_before = self._transport.get_write_buffer_size()
        self.stalls_at = self._desk.now() + self._desk.settings.head_timeout
        if self._sink is not None:
            self._sink.client_full()

    @override
    def resume_writing(self) -> None:
        self._writable = True
        self.stalls_at = NEVER
        if self._sink is not None:
            self._sink.client_ready()
        self._advance()

    # Requests come in.

    def _advance(self) -> None:
        """Run the requests that have arrived, for as long as each is answered at once."""
        if self._advancing:
            return
        self._advancing = True
        try:
            while self._phase is Phase.HEAD and self._buffer and self._writable and self._next():
                pass
        finally:
            self._advancing = False

    def _next(self) -> bool:
        buffer = self._buffer
        desk = self._desk
        start = buffer.find(HEAD_END) + len(HEAD_END)
        try:
            if start < len(HEAD_END):
                self._wait_for_head()
                return False
            raw = buffer[:start]
            head, target = desk.heads.get(raw) or desk.learn(raw)
        except KonanError as error:
            self.fail(error)
            return False
        self._head, self._target = head, target
        self.arrived = desk.now()
        stop = start + head.length
        if head.chunked or stop > len(buffer) or head.length > target.limit:
            self._open(head, target, buffer[start:])
        else:
            self._buffer = buffer[stop:]
            self._await_answer()
            self.attempt(target.run, self, head, buffer[start:stop])
        return True

    def _wait_for_head(self) -> None:
        check_partial(self._buffer, self._desk.limits)
        if not self._started:
            self._started = True
            self.deadline = self._desk.now() + self._desk.settings.head_timeout

    def _open(self, head: Head, target: Target, data: bytes) -> None:
        """Get ready for a body that is not whole yet, or is passed on."""
        self._buffer = b""
        self._phase = Phase.BODY
        self._body_due = True
        self._renewed = target.streams
        try:
            target.check(head)
            self._framing = framing_of(head.length, chunked=head.chunked, limit=target.limit)
        except BodyTooLarge as error:
            self.fail(error)
            return
        except KonanError as error:
            if not self._can_drop_body(head):
                self.fail(error)
                return
            self._sink = Refusal(self, error)
        else:
            self._sink = target.open(self, head)
            if head.expects_continue and not data:
                self._transport.write(answers.CONTINUE)
        self.deadline = self._desk.now() + self._desk.settings.body_timeout
        self._receive(data)

    def _can_drop_body(self, head: Head) -> bool:
        """Whether the body of a refused request is worth reading to its end."""
        limit = self._desk.settings.body_bytes
        if head.expects_continue or head.length > limit:
            return False
        self._framing = framing_of(head.length, chunked=head.chunked, limit=limit)
        return True

    def _receive(self, data: bytes) -> None:
        framing, sink = self._framing, self._sink
        if framing is None or sink is None:
            return
        try:
            piece, rest = framing.feed(data)
        except KonanError as error:
            self.fail(sink.error if isinstance(sink, Refusal) else error)
            return
        if piece:
            sink.feed(piece)
        if self._phase is not Phase.BODY:
            return
        if framing.done:
            self._buffer = rest
            self._body_due = False
            self.arrived = self._desk.now()
            self._await_answer()
            sink.end()
        elif self._renewed and not self._held:
            self.deadline = self._desk.now() + self._desk.settings.body_timeout

    def _await_answer(self) -> None:
        self._phase = Phase.DUE
        self.deadline = NEVER

    # Answers go out: the `Exchange`.

    def attach(self, sink: Sink) -> None:
        """Have a sink told when the client is full or gone."""
        self._sink = sink

    def keeps(self) -> bool:
        """Whether the connection stays open after this answer."""
        head = self._head
        if head is None or not head.keep_alive or self._body_due or self._desk.draining:
            return False
        return not self._eof or bool(self._buffer)

    def finish(self, data: bytes, *, keep: bool) -> None:
        """Send an answer, or the last of it, and go on to the next request or close."""
        if self._phase is Phase.LINGER or self._phase is Phase.GONE:
            return
        self._transport.write(data)
        if not keep:
            self._close()
            return
        self._head = self._target = self._framing = self._sink = None
        self._started = self._begun = False
        self._phase = Phase.HEAD
        self.deadline = self._desk.now() + self._desk.settings.idle_timeout
        if self._held:
            self.release()
        if self._buffer:
            self._advance()

    def reply(self, answer: Answer, request_id: str = "") -> None:
        """Send a whole answer and go on."""
        keep = self.keeps()
        with_body = self._head is None or self._head.method != "HEAD"
        request_id = request_id or self._desk.ids.take()[0]
        self.finish(self._desk.answers.render(answer, request_id, keep=keep, with_body=with_body), keep=keep)

    def fail(self, error: KonanError, request_id: str = "") -> None:
        """Answer with an error and go on; if an answer has begun, cut it instead."""
        if self._begun:
            self.cut()
            return
        request_id = request_id or self._desk.ids.take()[0]
        self._desk.metrics.rejected(error.code)
        allow = self._target.allow if self._target is not None else ""
        self.reply(answers.of_error(error, request_id, allow), request_id)

    def attempt(self, step: Callable[..., None], *arguments: object) -> None:
        """Run a step of answering; whatever it raises becomes the answer."""
        try:
            step(*arguments)
        except KonanError as error:
            self.fail(error)
        except Exception as error:  # noqa: BLE001 - a bug must cost one request, never the process
            bugs.report(error)
            self.fail(KonanError("Something went wrong inside Konan."))

    def begin(self, data: bytes) -> None:
        """Send the first part of an answer."""
        self._begun = True
        self.more(data)

    def more(self, data: bytes) -> None:
        """Send a middle part of an answer."""
        if self._phase in {Phase.BODY, Phase.DUE}:
            self._transport.write(data)

    def hold(self) -> None:
        """Read nothing more until `release`."""
        if self._held or self._eof or self._transport.is_closing():
            return
        self._held = True
        self.deadline = NEVER
        self._transport.pause_reading()

    def release(self) -> None:
        """Read again."""
        if not self._held or self._eof or self._transport.is_closing():
            return
        self._held = False
        if self._phase is Phase.BODY:
            self.deadline = self._desk.now() + self._desk.settings.body_timeout
        self._transport.resume_reading()

    def cut(self) -> None:
        """Close at once, whatever has not been sent."""
        self._phase = Phase.GONE
        self._drop_body()
        self._transport.abort()

    # Ends.

    def expire(self, now: float) -> None:
        """Act on a deadline that has passed.

        Args:
            now: monotonic seconds.
        """
        if self.stalls_at <= now and not self._reads_on(now):
            self.cut()
        elif self.deadline > now:
            return
        elif self._phase is Phase.HEAD and not self._buffer:
            self._close()
        elif self._phase in {Phase.HEAD, Phase.BODY}:
            self.fail(RequestTimeout("The request did not arrive in time."))
        elif self._transport.get_write_buffer_size() and self._reads_on(now):
            self.deadline = now + self._desk.settings.head_timeout
        else:
            self.cut()

    def hurry(self, at: float) -> None:
        """The gateway drains: without a request until then, close.

        Args:
            at: monotonic seconds.
        """
        if self._phase is Phase.LINGER or (self._phase is Phase.HEAD and not self._buffer):
            self.deadline = min(self.deadline, at)

    def _reads_on(self, now: float) -> bool:
        """Whether the client has read enough of what waits for it since this was last asked."""
        unread = self._transport.get_write_buffer_size()
        enough = self._unread_before - unread >= _SLOWEST_READER_BYTES
        self._unread_before = unread
        self.stalls_at = now + self._desk.settings.head_timeout if not self._writable else NEVER
        return enough

    def _close(self) -> None:
        """Say that nothing more comes, and give the client time to read what it was sent.

        Closing at once would reset the connection if bytes of the client are still on their way, and the
        reset could overtake the answer (RFC 9112, section 9.6).
        """
        self._phase = Phase.LINGER
        self._drop_body()
        self._head = self._target = None
        self._buffer = b""
        self._unread_before = self._transport.get_write_buffer_size()
        patience = self._desk.settings.head_timeout if self._unread_before else LINGER_SECONDS
        if self._eof or self._transport.is_closing():
            self._transport.close()
        else:
            self._transport.write_eof()
            if self._held:
                self.release()
        self.deadline = self._desk.now() + patience

    def _drop_body(self) -> None:
        sink, self._sink, self._framing = self._sink, None, None
        if sink is not None:
            sink.abandon()
