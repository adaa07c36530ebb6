"""Tells up to when everything that was answered is in the tables, from what still waits for them."""

from konan import clock
from konan.predictions.flusher import REJECTED, Flusher

_MORE = 30.0
"""Seconds more, for a slow disk."""


class Settled:
    """How far the tables are.

    Args:
        flusher: writes them.
        deadline: seconds within which a model must have answered; a record may come as late.
    """

    def __init__(self, flusher: Flusher, deadline: float) -> None:
        self._flusher = flusher
        self._slack = deadline + _MORE

    def __call__(self, deployment: str) -> int:
        """The time before which nothing of a deployment waits, in seconds since 1970-01-01 UTC.

        Args:
            deployment: uuid.
        """
        oldest = [clock.now_ns()]
        for name in (deployment, deployment + REJECTED):
            tail = self._flusher.tail(name)
            oldest += [place.run.oldest for place in tail.places]
            oldest += [waiting.entry.at_ns for waiting in tail.held]
        return int(min(oldest) / 1e9 - self._slack)

    def follow(self, deployment: str) -> None:
        """Have what is in the tables counted, where it is not."""
        for name in (deployment, deployment + REJECTED):
            self._flusher.follow(name)
