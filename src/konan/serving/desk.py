"""What all connections of one gateway share: limits, the heads that are known, ids, answers, counters."""

from collections.abc import Callable
from typing import Protocol

from konan import clock
from konan.config import Settings
from konan.errors import KonanError
from konan.ids import IdSource
from konan.records.access import Principal
from konan.serving.answers import Answer, Answers
from konan.serving.http1 import Head, Limits, parse_head
from konan.serving.metrics import Metrics

REMEMBERED_HEADS = 4096
REMEMBERED_BYTES = 2048


Authenticate = Callable[[Head], Principal]
"""Who a request speaks for; raises `Unauthenticated`."""


class Exchange(Protocol):
    """One request whose answer is due, as the code that answers it sees it.

    Once the client has gone, everything here does nothing.

    Attributes:
        arrived: when the request was whole, or its body began (monotonic seconds).
    """

    arrived: float

    def attach(self, sink: "Sink") -> None:
        """Have a sink told when the client is full or gone."""
        ...

    def keeps(self) -> bool:
        """Whether the connection stays open after this answer; to be asked right before answering."""
        ...

    def finish(self, data: bytes, *, keep: bool) -> None:
        """Send an answer (or the last of it) and go on to the next request, or close."""
        ...

    def reply(self, answer: Answer, request_id: str = "") -> None:
        """Send a whole answer and go on."""
        ...

    def fail(self, error: KonanError, request_id: str = "") -> None:
        """Answer with an error and go on."""
        ...

    def attempt(self, step: Callable[..., None], *arguments: object) -> None:
        """Run a step of answering; whatever it raises becomes the answer."""
        ...

    def begin(self, data: bytes) -> None:
        """Send the first part of an answer; from here on an error can only cut the connection."""
        ...

    def more(self, data: bytes) -> None:
        """Send a middle part of an answer that has begun."""
        ...

    def cut(self) -> None:
        """Close at once, so that the client sees an incomplete answer as incomplete."""
        ...

    def hold(self) -> None:
        """Read no more of the body until `release`."""
        ...

    def release(self) -> None:
        """Read the body again."""
        ...


class Sink(Protocol):
    """Where the body of one request goes."""

    def feed(self, data: bytes) -> None:
        """Take a part of the body."""
        ...

    def end(self) -> None:
        """The body is whole."""
        ...

    def abandon(self) -> None:
        """The rest of the body will not come, or the client has gone."""
        ...

    def client_full(self) -> None:
        """The client does not read fast enough: send it nothing more until `client_ready`."""
        ...

    def client_ready(self) -> None:
        """The client reads again."""
        ...


class Target(Protocol):
    """What answers a request; chosen by the head alone.

    Attributes:
        limit: most bytes of the body.
        streams: whether the body is passed on as it comes.
        allow: the methods that it takes, as the Allow header has them.
    """

    limit: int
    streams: bool
    allow: str

    def check(self, head: Head) -> None:
        """Refuse a request before its body is read.

        Raises:
            KonanError: the request is refused.
        """
        ...

    def run(self, exchange: Exchange, head: Head, body: bytes) -> None:
        """Answer a request whose body is whole; includes `check`.

        Raises:
            KonanError: the request is refused.
        """
        ...

    def open(self, exchange: Exchange, head: Head) -> Sink:
        """Take a request that passed `check` and whose body is still to come."""
        ...


class Desk:
    """Settings and services of all connections.

    Args:
        settings: the limits and deadlines.
        route: chooses what answers a request by its head alone. Its result is remembered with the
            head, hence it must not depend on anything else; it may raise `RequestMalformed`.
        metrics: counts connections and refusals.

    Attributes:
        draining: whether connections are closed after their next answer.
        collected: bytes of bodies that are in memory and not whole yet.
        heads: what is known of heads by their bytes.
        now: monotonic seconds.
    """

    def __init__(self, settings: Settings, route: Callable[[Head], Target], metrics: Metrics) -> None:
        self.settings = settings
        self.metrics = metrics
        self.answers = Answers()
        self.ids = IdSource()
        self.draining = False
        self.collected = 0
        self.limits = Limits(settings.head_bytes, settings.head_count, settings.target_bytes)
        self.heads: dict[bytes, tuple[Head, Target]] = {}
        self.now = clock.monotonic
        self._route = route

    def learn(self, raw: bytes) -> tuple[Head, Target]:
        """Parse a head that is not known yet, and remember it if it is small.

        Raises:
            KonanError: the head is refused.
        """
        head = parse_head(raw, self.limits)
        known = head, self._route(head)
        if len(raw) <= REMEMBERED_BYTES and head.idempotency_key is None:
            if len(self.heads) >= REMEMBERED_HEADS:
                self.heads.clear()
            self.heads[raw] = known
        return known
