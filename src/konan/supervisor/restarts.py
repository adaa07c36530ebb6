"""When a process that died is started again: the pure rules of backoff and breaker.

Times are seconds on a monotonic clock that the caller reads. The breaker's numbers are Envoy's defaults for
ejecting an upstream: 30 s times the number of ejections in a row.
"""

from collections import deque
from dataclasses import dataclass, field

WINDOW = 60.0
"""Crashes further apart than this do not add up; a process that ran this long is well again."""

REST = 30.0
LONGEST_REST = 600.0
LONGEST_DELAY = 30.0


def delay(crashes: int) -> float:
    """Seconds from one start that went well to the next one, after a number of crashes in a row.

    >>> [delay(crashes) for crashes in range(9)]
    [0.0, 0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    """
    if crashes < 2:
        return 0.0
    return min(LONGEST_DELAY, 2.0 ** min(crashes - 2, 10))


@dataclass
class Backoff:
    """Counts the crashes in a row of one process.

    The time for which it served counts as waiting: what served for long is missed, so it is started at once.

    Attributes:
        well: seconds of serving after which it is well again, so that earlier crashes are forgotten.
        crashes: crashes with less than that between them.
    """

    well: float = WINDOW
    crashes: int = 0

    def crashed(self, ran: float) -> float:
        """Note a crash after so many seconds of serving; returns the seconds to wait.

        >>> backoff = Backoff()
        >>> [backoff.crashed(ran) for ran in (3600.0, 0.25, 0.0, 5.0, 0.0, 61.0)]
        [0.0, 0.75, 2.0, 0.0, 8.0, 0.0]
        """
        self.crashes = 1 if ran >= self.well else self.crashes + 1
        return max(0.0, delay(self.crashes) - ran)


@dataclass
class Breaker:
    """Lets a version rest whose workers crash again and again.

    It opens at the ``limit``-th crash within `WINDOW`. After the rest one more crash within `WINDOW` of the
    next start opens it again, for longer (half-open); without one it is closed and forgets.

    Attributes:
        limit: crashes within `WINDOW` that open it.
        until: when the present or the last rest ends.
        rests: rests in a row.
    """

    limit: int
    until: float = 0.0
    rests: int = 0
    _crashes: deque[float] = field(default_factory=deque)

    def crashed(self, now: float) -> float:
        """Note a crash; returns for how many seconds the version rests from now, 0 if it goes on.

        >>> breaker = Breaker(limit=3)
        >>> [breaker.crashed(now) for now in (0.0, 10.0, 20.0, 51.0, 112.0)]
        [0.0, 0.0, 30.0, 60.0, 90.0]
        """
        if self.rests and now - self.until >= WINDOW:
            self.rests = 0
        self._crashes.append(now)
        while now - self._crashes[0] >= WINDOW:
            self._crashes.popleft()
        if not self.rests and len(self._crashes) < self.limit:
            return 0.0
        self._crashes.clear()
        self.rests += 1
        self.until = now + min(LONGEST_REST, REST * self.rests)
        return self.until - now

    def resting(self, now: float) -> float:
        """Seconds that the present rest still takes, 0 if there is none.

        >>> breaker = Breaker(limit=1)
        >>> _ = breaker.crashed(now=0.0)
        >>> breaker.resting(now=10.0), breaker.resting(now=30.0)
        (20.0, 0.0)
        """
        return max(0.0, self.until - now)


def is_full(taken: int, when_ready: int, limit: int) -> bool:
    """Whether a worker has leaked so much that it shall be replaced before an allocation fails.

    It is, when it has filled three quarters of the room that it had when it was ready; so a large model that
    does not grow is left alone.

    Args:
        taken: bytes that it takes now.
        when_ready: bytes that it took when it was ready.
        limit: bytes that it may take.

    >>> is_full(taken=80, when_ready=20, limit=100), is_full(taken=80, when_ready=78, limit=100)
    (True, False)
    """
    return taken >= when_ready + (limit - when_ready) * 3 // 4
