"""Whether a frame that could go now shall wait for callers who are about to come back.

A client that has just been answered often asks again at once. With one frame in flight such clients fall
into two groups that never meet: while one is being predicted the other waits, and every call of the model
serves half of those who ask. A model's call costs much the same for half the rows, so it pays to hold a frame
for a moment after an answer, until as many rows wait as were there before it.

The rule holds nothing when nobody else waited, when the model is cheap, or when holding was of no use lately.
"""

HOLD_SECONDS = 0.001
"""How long a frame is held at least before it goes alone; the resolution of the event loop's timers."""

ROW_SECONDS = 0.00006
"""What is added for each row that is expected: time that the gateway needs to answer one and read one."""

MOST_SECONDS = 0.005
"""The longest that a frame is held."""

_COSTLY = 150_000
"""Nanoseconds of a call from which holding can pay."""

_ENOUGH = 0.9
_LEARNING = 4
_PAUSE = 64


class Linger:
    """The rule for one version's queue; rows and seconds go in, whether to hold comes out.

    >>> linger = Linger()
    >>> linger.answered(rows=32, present=64, nanoseconds=400_000, now=10.0)
    >>> linger.holds(waiting=32, now=10.0), linger.holds(waiting=60, now=10.0)
    (True, False)
    >>> linger.holds(waiting=32, now=10.006)
    False

    Attributes:
        until: monotonic seconds until which a frame is held.
    """

    __slots__ = ("_enough", "_misses", "_paused", "until")

    def __init__(self) -> None:
        self._enough = 0.0
        self.until = 0.0
        self._misses = 0
        self._paused = 0

    def answered(self, rows: int, present: int, nanoseconds: int, now: float) -> None:
        """A frame was answered.

        Args:
            rows: rows in it.
            present: rows of all requests whose answer has not left yet, these among them.
            nanoseconds: time that the model took.
            now: monotonic seconds.
        """
        self._enough = 0.0
        if self._paused:
            self._paused -= 1
        elif present > rows and nanoseconds >= _COSTLY:
            self._enough = _ENOUGH * present
            self.until = now + min(HOLD_SECONDS + ROW_SECONDS * present, MOST_SECONDS)

    def holds(self, waiting: int, now: float) -> bool:
        """Whether a frame with so many waiting rows is held for now."""
        return waiting < self._enough and now < self.until

    def sent(self, rows: int) -> None:
        """A frame with so many rows went; holding that brought nothing is given up for a while."""
        if not self._enough:
            return
        self._misses = self._misses + 1 if rows < self._enough else 0
        if self._misses >= _LEARNING:
            self._misses, self._paused = 0, _PAUSE
        self._enough = 0.0
