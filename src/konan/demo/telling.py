"""Where the story is told: a screen, or whatever else takes its lines."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol


class Teller(Protocol):
    """Where the story is told."""

    def heading(self, text: str) -> None:
        """A new step begins."""
        ...

    def line(self, text: str) -> None:
        """A line of it."""
        ...

    def waiting(self, text: str) -> AbstractContextManager[Callable[[str], None]]:
        """Something takes a while; the function that it gives says what is being done."""
        ...
