"""Where bodies go that are not passed on: into memory for a model, or nowhere when they are refused."""

from konan.errors import KonanError
from konan.serving.desk import Exchange, Target
from konan.serving.http1 import Head


class Collector:
    """Collects a body and then runs its target.

    Args:
        target: what answers.
        exchange: the request.
        head: its head.
    """

    def __init__(self, target: Target, exchange: Exchange, head: Head) -> None:
        self._target = target
        self._exchange = exchange
        self._head = head
        self._parts: list[bytes] = []

    def feed(self, data: bytes) -> None:
        """Take a part of the body."""
        self._parts.append(data)

    def end(self) -> None:
        """The body is whole."""
        body = b"".join(self._parts)
        self._parts = []
        self._exchange.attempt(self._target.run, self._exchange, self._head, body)

    def abandon(self) -> None:
        """The rest of the body will not come."""
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
