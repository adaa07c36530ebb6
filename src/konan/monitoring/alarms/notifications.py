"""Sends what waits to receivers: at least once, in order per receiver and deployment, for a day at most.

A message is in the database before anything is attempted, and is there until somebody took it or it is given
up; so a crash loses none and may send one twice, under the same id.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace

from konan import clock
from konan.errors import KonanError, NotFound
from konan.ports import Notifier, Store
from konan.records.notifications import Delivery, Receiver, ReceiverKind, Sent

PAUSES = (5, 30, 300, 1800, 7200, 18_000, 36_000, 23_000)
"""Seconds between attempts: together a day."""

_IDLE = 30.0
_AT_ONCE = 8
logger = logging.getLogger(__name__)


class Notifications:
    """The messages of one server.

    Args:
        store: the metadata.
        notifiers: what sends to each kind of receivers.
        secret_of: tells what a receiver verifies messages with; empty for kinds that sign nothing.
    """

    def __init__(
        self,
        store: Store,
        notifiers: Mapping[ReceiverKind, Notifier],
        secret_of: Callable[[Receiver], str] = lambda _: "",
    ) -> None:
        self._store = store
        self.secret_of = secret_of
        self._notifiers = notifiers
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Send in the background until `close`."""
        self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        """End; what waits is sent after the next start."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def hurry(self) -> None:
        """Say that there is a new message."""
        self._news.set()

    async def check(self, kind: ReceiverKind, url: str) -> None:
        """Find out whether messages may go to an address; see `konan.ports.Notifier.check`."""
        await self._notifiers[kind].check(url)

    async def attempt(self, receiver: Receiver, delivery: Delivery) -> Sent:
        """Send a message once, now, keeping nothing of it."""
        return await self._notifiers[receiver.kind].send(receiver, delivery)

    async def step(self) -> float:
        """Attempt everything that is due; returns the seconds until something is again."""
        waiting = await asyncio.to_thread(self._store.platform_deliveries)
        if not waiting:
            return _IDLE
        receivers = {one.id: one for one in await asyncio.to_thread(self._store.platform_receivers)}
        heads: dict[tuple[str, str], Delivery] = {}
        for delivery in waiting:
            heads.setdefault((delivery.receiver, delivery.deployment), delivery)
        now = clock.rfc3339(clock.now())
        due = [one for one in heads.values() if one.next_at <= now and one.receiver in receivers]
        limit = asyncio.Semaphore(_AT_ONCE)
        await asyncio.gather(*(self._one(limit, receivers[one.receiver], one) for one in due))
        if due:
            return 0.0
        return min(_IDLE, *(_seconds(now, one.next_at) for one in heads.values()))

    async def _one(self, limit: asyncio.Semaphore, receiver: Receiver, delivery: Delivery) -> None:
        async with limit:
            sent = await self.attempt(receiver, delivery)
        kept = after_attempt(delivery, sent, clock.now())
        if kept.state == "dead":
            logger.error("a message was given up", extra={"delivery": kept.id, "detail": kept.detail})
        with contextlib.suppress(NotFound):
            await asyncio.to_thread(self._store.platform_put_delivery, kept)

    async def _work(self) -> None:
        while True:
            self._news.clear()
            try:
                pause = await self.step()
            except KonanError as error:
                logger.warning("messages wait for the database", extra={"reason": error.message})
                pause = _IDLE
            except Exception:
                logger.exception("messages could not be sent")
                pause = _IDLE
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), pause) if pause else await asyncio.sleep(0)


def after_attempt(delivery: Delivery, sent: Sent, now: datetime) -> Delivery:
    """A message after an attempt (pure).

    Args:
        delivery: before.
        sent: what became of the attempt.
        now: the present.
    """
    attempts = delivery.attempts + 1
    tried = replace(delivery, attempts=attempts, detail=sent.detail)
    if sent.delivered:
        return replace(tried, state="delivered", delivered_at=clock.rfc3339(now))
    if not sent.again or attempts > len(PAUSES):
        return replace(tried, state="dead")
    pause = max(PAUSES[attempts - 1], sent.after or 0.0)
    return replace(tried, next_at=clock.rfc3339(now + timedelta(seconds=pause)))


def _seconds(now: str, then: str) -> float:
    return max((datetime.fromisoformat(then) - datetime.fromisoformat(now)).total_seconds(), 0.05)
