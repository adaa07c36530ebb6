"""Log lines about exceptions that nobody foresaw."""

import logging
import traceback

_log = logging.getLogger(__name__)


def report(error: BaseException) -> None:
    """Log an exception by its type and the places it went through.

    Its message is left out, because it may hold what a caller sent.
    """
    frames = reversed(traceback.extract_tb(error.__traceback__))
    where = " < ".join(f"{frame.name}:{frame.lineno}" for frame in frames)
    _log.error("unforeseen error", extra={"type": type(error).__name__, "where": where})
