"""Where bodies go that are not passed on: into memory for a model, or nowhere when they are refused."""

from konan.errors import KonanError, TooMany
from konan.serving.desk import Desk, Exchange, Target
from konan.serving.http1 import Head

MOST_COLLECTED = 256 * 1024 * 1024
"""Bytes of bodies that may be in memory before they are whole, of all connections together."""


class Collector:
    """Collects a body and then runs its target.

    Args:
        desk: knows how much is being collected for all connections.
        target: what answers.
        exchange: the request.
        head: its head.
    """

    def __init__(self, desk: Desk, target: Target, exchange: Exchange, head: Head) -> None:
        self._desk = desk
        self._size = 0
        self._target = target
        self._exchange = exchange
        self._head = head
        self._parts: list[bytes] = []

    def feed(self, data: bytes) -> None:
        """Take a part of the body."""
        self._desk.collected += len(data)
        self._size += len(data)
        self._parts.append(data)
        if self._desk.collected > MOST_COLLECTED:
            self._exchange.fail(TooMany("Too many large requests arrive at once.", retry_after=1))

    def end(self) -> None:
        """The body is whole."""
        body = b"".join(self._parts)
        self.abandon()
        self._exchange.attempt(self._target.run, self._exchange, self._head, body)

    def abandon(self) -> None:
        """The rest of the body will not come."""
        self._desk.collected -= self._size
        self._size = 0
        self._parts = []

    def client_full(self) -> None:
        """Nothing is sent while a body is collected."""

    def client_ready(self) -> None:
        """Nothing is sent while a body is collected."""


class Refusal:
    """Drops the body of a request that is refused, so that the connection can be used again.

    Args:
        exchange: the request.
        error: why it is refused.
    """

    def __init__(self, exchange: Exchange, error: KonanError) -> None:
        self._exchange = exchange
        self.error = error

    def feed(self, data: bytes) -> None:
        """Drop a part of the body."""

    def end(self) -> None:
        """The body is whole: now answer."""
        self._exchange.fail(self.error)

    def abandon(self) -> None:
        """The rest of the body will not come."""

    def client_full(self) -> None:
        """Nothing is sent while a body is dropped."""

    def client_ready(self) -> None:
        """Nothing is sent while a body is dropped."""
