"""Which rows go to which worker, when, and what becomes of them.

Calls that wait are sent together, up to a limit, and only one frame is in flight per worker. There is no
timer for collecting: a frame goes out when nobody is left who could bring a call, or when two passes of the
event loop brought nothing new, so an idle model adds no wait and a busy one gets full frames;
`konan.serving.linger` says when a moment more pays. A call never pays for its neighbours: when a frame of
several calls fails, each is tried once more alone.
"""

import asyncio
import logging
import math
import socket
from collections import deque
from collections.abc import Callable

from konan import clock
from konan.errors import DeadlineExceeded, KonanError, ModelFailed, NotReady, TooMany
from konan.records.routes import RouteVersion
from konan.serving.batches import merge
from konan.serving.calls import Call, Split, finish
from konan.serving.linger import Linger
from konan.serving.links import Link
from konan.serving.results import Render, results
from konan.worker.frames import Frame

__all__ = ["Call", "Dispatcher"]

QUIET_PASSES = 2
"""A frame is sent when so many passes of the event loop brought no call."""

MOST_PASSES = 32
"""A frame is sent after so many passes anyway, or a steady stream of calls would hold it back."""

_SLACK = 0.002
"""Seconds that the event loop's timers may be early."""

logger = logging.getLogger(__name__)


class _Worker:
    """A link, and the calls that are in flight on it."""

    __slots__ = ("calls", "leaving", "link", "number", "sent_at")

    def __init__(self, number: int) -> None:
        self.number = number
        self.link: Link
        self.calls: list[Call] = []
        self.sent_at = 0.0
        self.leaving = False


class Dispatcher:
    """The queue of one version and the links to its workers; everything happens in one event loop.

    Args:
        version: what is dispatched, with its limits.
        loop: the event loop.
        on_hung: called with the number of a worker that outlived a deadline or that answers nonsense.
        render: makes outputs of the version's answers.
        all_wait: whether every client that is connected waits for an answer.

    Attributes:
        waiting: calls that wait.
        waiting_rows: their rows.
        open_rows: rows that were submitted and whose answers have not left; who sends them off counts down.
        frames: frames sent so far.
        rows: rows in them.
        model_nanoseconds: time that the model took for them.
    """

    def __init__(
        self,
        version: RouteVersion,
        loop: asyncio.AbstractEventLoop,
        on_hung: Callable[[int], None],
        render: Render,
        all_wait: Callable[[], bool],
    ) -> None:
        self._version = version
        self._loop = loop
        self._on_hung = on_hung
        self._render = render
        self._all_wait = all_wait
        self._queue: deque[Call] = deque()
        self._alone: deque[Call] = deque()
        self._workers: dict[int, _Worker] = {}
        self._idle: deque[_Worker] = deque()
        self._rest_until = 0.0
        self._closed = False
        self._lingering = False
        self._linger_rule = Linger()
        self._hold: asyncio.TimerHandle | None = None
        self._arrived = self._seen = self._passes = self._quiet = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf
        self.waiting_rows = 0
        self.open_rows = 0
        self.frames = 0
        self.rows = 0
        self.model_nanoseconds = 0

    @property
    def waiting(self) -> int:
        """Calls that wait."""
        return len(self._queue) + len(self._alone)

    @property
    def workers(self) -> int:
        """Links that take frames."""
        return sum(not worker.leaving for worker in self._workers.values())

    def submit(self, call: Call) -> None:
        """Take a call; its ``done`` is told the outputs, or why there is none.

        The errors are TooMany (the queue is full), NotReady (the version rests or the gateway stops),
        DeadlineExceeded and ModelFailed.
        """
        self.open_rows += call.rows
        refusal = self._refusal(call)
        if refusal is not None:
            finish(call, refusal)
            return
        if call.rows <= self._version.batch_rows:
            self._queue.append(call)
        else:
            self._queue.extend(Split(call, self._version.batch_rows).parts)
        self.waiting_rows += call.rows
        self._arrived += 1
        if self._hold is not None and (
            self._complete() or not self._linger_rule.holds(self.waiting_rows, clock.monotonic())
        ):
            self._end_hold()
        if call.deadline < self._timer_at:
            self._arm(call.deadline)
        self._wake()

    def add_link(self, worker: int, link: socket.socket) -> None:
        """Use a worker that is ready; the socket belongs to the dispatcher from now on."""
        self.remove_link(worker)
        added = _Worker(worker)
        added.link = Link(
            self._loop,
            link,
            lambda frame: self._answered(added, frame),
            lambda broken: self._lost(added, broken=broken),
        )
        self._workers[worker] = added
        self._idle.append(added)
        self._wake()

    def remove_link(self, worker: int) -> None:
        """Send a worker nothing more; its link is closed once its frame in flight is answered."""
        known = self._workers.get(worker)
        if known is None:
            return
        known.leaving = True
        if not known.calls:
            self._drop(known)

    def rest(self, seconds: float) -> None:
        """Refuse calls at once while there is no worker, for so many seconds; 0 ends it."""
        self._rest_until = clock.monotonic() + seconds
        self._refuse_while_resting()

    def close(self) -> None:
        """Refuse everything that waits or is in flight, and close the links."""
        self._closed = True
        self._disarm()
        if self._hold is not None:
            self._hold.cancel()
        workers = list(self._workers.values())
        self._workers.clear()
        self._idle.clear()
        for worker in workers:
            worker.link.close()
            self._alone.extend(worker.calls)
        self._refuse_all(NotReady("The server is stopping."))

    def _refusal(self, call: Call) -> KonanError | None:
        if self._closed:
            return NotReady("The server is stopping.")
        if not self._workers and self._rests():
            return self._resting()
        if self.waiting_rows and self.waiting_rows + call.rows > self._version.queue_rows:
            return TooMany("Too many rows wait for this model.", hint="Try again later.", retry_after=1)
        return None

    def _rests(self) -> bool:
        return self._rest_until > clock.monotonic()

    def _resting(self) -> NotReady:
        return NotReady(
            "The model's processes failed again and again; they are started again after a rest.",
            hint="`konan logs` shows what the model wrote.",
            retry_after=max(1, math.ceil(self._rest_until - clock.monotonic())),
        )

    def _refuse_while_resting(self) -> None:
        if not self._workers and self._rests():
            self._refuse_all(self._resting())

    def _refuse_all(self, error: KonanError) -> None:
        calls = [*self._alone, *self._queue]
        self._alone.clear()
        self._queue.clear()
        self.waiting_rows = 0
        for call in calls:
            finish(call, error)

    # Sending

    def _wake(self) -> None:
        if self._lingering or self._hold is not None or not self._idle or not (self._queue or self._alone):
            return
        if self._complete():
            self._send_all()
            return
        self._lingering = True
        self._seen, self._passes, self._quiet = self._arrived, 0, 0
        self._loop.call_soon(self._linger)

    def _complete(self) -> bool:
        """Whether nobody could bring a call soon: all clients wait, and none is about to be answered."""
        if not self._all_wait():
            return False
        flying = [call.rows for worker in self._workers.values() for call in worker.calls if call.open]
        return self.open_rows == self.waiting_rows + sum(flying)

    def _linger(self) -> None:
        self._passes += 1
        self._quiet = self._quiet + 1 if self._seen == self._arrived else 0
        self._seen = self._arrived
        full = self._alone or self.waiting_rows >= self._version.batch_rows or self._complete()
        if not full and self._quiet < QUIET_PASSES and self._passes < MOST_PASSES:
            self._loop.call_soon(self._linger)
            return
        self._lingering = False
        now = clock.monotonic()
        if not full and self._linger_rule.holds(self.waiting_rows, now):
            self._hold = self._loop.call_later(self._linger_rule.until - now, self._end_hold)
            return
        self._send_all()

    def _end_hold(self) -> None:
        """A held frame goes: enough rows came, or the time for them is over."""
        if self._hold is not None:
            self._hold.cancel()
            self._hold = None
        self._send_all()

    def _send_all(self) -> None:
        while self._idle and (calls := self._take()):
            self._send(self._idle.popleft(), calls)

    def _take(self) -> list[Call]:
        """The calls of the next frame; one that shall be alone goes first."""
        while self._alone:
            call = self._alone.popleft()
            self.waiting_rows -= call.rows
            if call.open:
                return [call]
        calls: list[Call] = []
        room = self._version.batch_rows
        while self._queue and self._queue[0].rows <= room:
            call = self._queue.popleft()
            self.waiting_rows -= call.rows
            if call.open:
                calls.append(call)
                room -= call.rows
        return calls

    def _send(self, worker: _Worker, calls: list[Call]) -> None:
        frame = merge(calls)
        if not worker.link.send(frame):  # it died while idle: the calls lose nothing
            self._drop(worker)
            self._queue.extendleft(reversed(calls))
            self.waiting_rows += frame.rows
            self._refuse_while_resting()
            return
        self._linger_rule.sent(frame.rows)
        worker.calls = calls
        worker.sent_at = clock.monotonic()
        self.frames += 1
        self.rows += frame.rows

    # Receiving

    def _answered(self, worker: _Worker, frame: Frame) -> None:
        calls, worker.calls = worker.calls, []
        if worker.leaving:
            self._drop(worker)
        else:
            self._idle.append(worker)
        self.model_nanoseconds += frame.nanoseconds
        self._linger_rule.answered(frame.rows, self.open_rows, frame.nanoseconds, clock.monotonic())
        self._deliver(calls, frame)
        self._wake()

    def _deliver(self, calls: list[Call], frame: Frame) -> None:
        found = results(calls, frame, self._render)
        if found is None:
            self._retry(calls)
            return
        for call, result in zip(calls, found, strict=True):
            finish(call, result)

    def _lost(self, worker: _Worker, *, broken: bool) -> None:
        calls, worker.calls = worker.calls, []
        self._drop(worker)
        if broken:
            self._denounce(worker)
        if len(calls) == 1:
            finish(calls[0], ModelFailed("The model's process ended while answering."))
        else:
            self._retry(calls)

    def _retry(self, calls: list[Call]) -> None:
        """Try calls of a frame that failed once more, each alone."""
        for call in calls:
            if call.open:
                self._alone.append(call)
                self.waiting_rows += call.rows
        self._refuse_while_resting()
        self._wake()

    def _drop(self, worker: _Worker) -> None:
        worker.link.close()
        if self._workers.get(worker.number) is worker:
            del self._workers[worker.number]
        if worker in self._idle:
            self._idle.remove(worker)

    # Deadlines

    def _arm(self, moment: float) -> None:
        self._disarm()
        self._timer_at = moment
        self._timer = self._loop.call_later(max(0.0, moment - clock.monotonic()), self._sweep)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = None, math.inf

    def _sweep(self) -> None:
        """Answer what is late, and set the timer to the next deadline."""
        self._timer, self._timer_at = None, math.inf
        now = clock.monotonic() + _SLACK
        late = [call for call in (*self._alone, *self._queue) if call.deadline <= now]
        if late:
            self._alone = deque(call for call in self._alone if call.deadline > now)
            self._queue = deque(call for call in self._queue if call.deadline > now)
            self.waiting_rows -= sum(call.rows for call in late)
        for call in late:
            finish(call, DeadlineExceeded("No worker of the model was free before the deadline."))
        for worker in [worker for worker in self._workers.values() if worker.calls]:
            self._check(worker, now)
        moments = [call.deadline for call in (*self._alone, *self._queue)]
        for worker in self._workers.values():
            if worker.calls:
                moments.append(worker.sent_at + self._version.deadline)
                moments.extend(call.deadline for call in worker.calls if call.open)
        if moments and not self._closed:
            self._arm(min(moments))

    def _check(self, worker: _Worker, now: float) -> None:
        """Answer what is late in a frame in flight.

        The worker is taken for hung only if it had the frame for half of the version's deadline: a call
        that spent its time in the queue says nothing about the worker.
        """
        calls = worker.calls
        late = [call for call in calls if call.open and call.deadline <= now]
        age = now - worker.sent_at
        limit = self._version.deadline
        hung = age >= limit or (bool(late) and age >= limit / 2)
        if hung:
            worker.calls = []
            self._drop(worker)
            self._denounce(worker)
            late = calls if len(calls) == 1 else late
        for call in late:
            finish(call, DeadlineExceeded("The model did not answer before the deadline."))
        if hung:
            self._retry(calls)

    def _denounce(self, worker: _Worker) -> None:
        try:
            self._on_hung(worker.number)
        except Exception:
            logger.exception("A worker that hangs could not be reported")
