"""Which rows a report is about, from the words of whoever asks (pure)."""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from konan.errors import Invalid

HOUR = 3600
DAY = 24 * HOUR
MOST_WINDOWS = 2_200
"""Most windows of one report: 90 days of hours, and some."""

_LENGTH = re.compile(r"([1-9][0-9]{0,3})([hd])", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Slice(NamedTuple):
    """Rows with a value in a segment column; None stands for rows without one."""

    column: str
    value: str | None


class Query(NamedTuple):
    """The rows, and how they are parted.

    Attributes:
        start: seconds since 1970-01-01 UTC, a whole hour.
        end: likewise; later than ``start``.
        every: seconds of a window, whole hours; the last one may be shorter.
        version: number of the version; None is the live one, or all by version.
        by_version: whether every version has windows of its own.
        by_segment: column whose every value has windows of its own; empty for none.
        segment: the slice; None is all rows.
        season: seconds, whole hours: windows are also compared with live rows of so long before; 0 is not.
    """

    start: int
    end: int
    every: int
    version: int | None = None
    by_version: bool = False
    by_segment: str = ""
    segment: Slice | None = None
    season: int = 0

    @property
    def is_single(self) -> bool:
        """Whether each version and slice has one window."""
        return self.every >= self.end - self.start


def span(since: str, until: str, window: str, now: datetime) -> tuple[int, int, int]:
    """Start, end and length of windows in seconds, from texts of which each may be empty.

    >>> span("2026-11-23T08:10:00Z", "2026-11-23T10:00:00Z", "1h", _EPOCH)
    (1795420800, 1795428000, 3600)
    >>> span("", "", "", datetime(2026, 11, 23, 8, 10, tzinfo=UTC))
    (1795338000, 1795424400, 86400)

    Raises:
        Invalid: one of them is not what is asked for, or they are too many windows.
    """
    end = _up(_seconds(until, "to") if until else _seconds_of(now) + 1)
    start = _seconds(since, "from") // HOUR * HOUR if since else end - DAY
    if start >= end:
        raise Invalid("The parameter from lies behind to.")
    every = length(window) if window else end - start
    if (end - start) / every > MOST_WINDOWS:
        raise Invalid(f"That is more than {MOST_WINDOWS:,} windows.", hint="Take longer windows.")
    return start, end, every


def length(window: str) -> int:
    """Seconds of a window.

    >>> length("6h"), length("1d")
    (21600, 86400)

    Raises:
        Invalid: it is no length.
    """
    found = _LENGTH.fullmatch(window)
    if not found:
        raise Invalid("The parameter window is no length.", hint="Write hours or days, as 1h or 7d.")
    return int(found[1]) * (HOUR if found[2] == "h" else DAY)


def parted(by: str) -> tuple[bool, str]:
    """Whether by version, and by which segment column.

    >>> parted("version"), parted("segment:city"), parted("")
    ((True, ''), (False, 'city'), (False, ''))

    Raises:
        Invalid: by neither.
    """
    kind, _, column = by.partition(":")
    if by in {"", "version"}:
        return by == "version", ""
    if kind != "segment" or not column:
        raise Invalid("The parameter by is not known.", hint="Write version or segment:COLUMN.")
    return False, column


def sliced(segment: str) -> Slice | None:
    """A slice as ``COLUMN=VALUE``; without a sign it is that of rows without a value.

    >>> sliced("city=Bern"), sliced("city"), sliced("")
    (Slice(column='city', value='Bern'), Slice(column='city', value=None), None)
    """
    column, sign, value = segment.partition("=")
    return Slice(column, value if sign else None) if segment else None


def rfc3339(seconds: int) -> str:
    """A moment as text.

    >>> rfc3339(1795338000)
    '2026-11-22T09:00:00Z'
    """
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _seconds(text: str, name: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"The parameter {name} is no RFC 3339 time.") from None
    return _seconds_of(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))


def _seconds_of(moment: datetime) -> int:
    return -(-(moment - _EPOCH) // timedelta(seconds=1))


def _up(seconds: int) -> int:
    return -(-seconds // HOUR) * HOUR
