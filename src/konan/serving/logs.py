"""Log lines of a gateway: one JSON object a line on standard error, without headers, bodies or keys.

The standard library's logging costs as much as a whole request does here, so this is a function.
"""

import sys
import traceback

import msgspec

from konan import clock

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class Log:
    """Writes log lines.

    Args:
        process: name of the process, as ``gateway 0``.
        level: least severe level that is written.
    """

    def __init__(self, process: str, level: str = "info") -> None:
        self._process = process
        self._least = LEVELS[level]

    def write(self, level: str, event: str, **details: str | int | float | None) -> None:
        """Write one line.

        Args:
            level: ``debug``, ``info``, ``warning`` or ``error``.
            event: what happened, in a few words that stay the same.
            details: what belongs to it; never anything that a caller sent.
        """
        if LEVELS[level] < self._least:
            return
        line = {
            "at": clock.rfc3339(clock.now()),
            "level": level,
            "process": self._process,
            "event": event,
            **details,
        }
        sys.stderr.write(msgspec.json.encode(line).decode() + "\n")
        sys.stderr.flush()

    def bug(self, error: BaseException, **details: str | int | float | None) -> None:
        """Write a line about an exception that nobody foresaw: its type and where it was raised.

        Its message is left out, because it may hold what a caller sent.
        """
        frames = traceback.extract_tb(error.__traceback__)
        where = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
        self.write("error", "unforeseen error", type=type(error).__name__, where=where, **details)
