"""The one place that reads the time.

Wall-clock time is for people and for ids; durations and deadlines use the monotonic clock, so that
a step of the wall clock never makes a request late.
"""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The present, time-zone aware, in UTC."""
    return datetime.now(UTC)


now_ns = time.time_ns
"""Nanoseconds since 1970-01-01 UTC; asked several times for each prediction, hence no function around it."""

monotonic = time.monotonic
"""Seconds on a clock that never goes back; only differences mean anything."""


def rfc3339(moment: datetime) -> str:
    """A moment as RFC 3339 text in UTC with microseconds.

    >>> rfc3339(datetime(2026, 11, 23, 15, 4, 5, tzinfo=UTC))
    '2026-11-23T15:04:05.000000Z'
    """
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
