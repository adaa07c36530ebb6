"""Reads summaries of windows: sums of whole days where they fit, of hours elsewhere, never of rows."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from konan.monitoring.performance.shape import Shape
from konan.monitoring.performance.summary import Summary, delay_within, merged_summaries, with_rows
from konan.monitoring.profiles.days import Block, DayFile, Key, Series
from konan.monitoring.profiles.sparse import Sparse, merged
from konan.monitoring.profiles.windows import DAY, HOUR, Segment, Span, Windows
from konan.records.performance import WindowState

SHARE = 0.95
"""A window is final when so many of its truths should have come, as they came before."""


class PerformanceWindows:
    """The summaries of all logs; any thread may ask.

    Args:
        directory: where the logs are.
    """

    def __init__(self, directory: Path) -> None:
        self.profiles = Windows(directory)

    def read(
        self,
        deployment: str,
        version: int,
        role: str,
        span: Span,
        shape: Shape,
        segment: Segment | None = None,
    ) -> Iterator[tuple[int, Summary]]:
        """The summaries of consecutive windows, one after another, those without rows included.

        A row belongs to the hour that its id tells; its truth is counted with it when it is known. Only the
        windows that a day touches are in memory at one time.

        Args:
            deployment: uuid.
            version: number of the version.
            role: of the rows, as ``live``.
            span: when the windows begin and end.
            shape: what is counted of the version's answers.
            segment: only rows with that value in that column.

        Yields:
            Start of each window in seconds since 1970-01-01 UTC, and its summary.

        Raises:
            Invalid: the times are no whole hours, or they are too many windows.
            NotReady: summaries are damaged, and have to be counted again first.
        """
        count = span.number()
        column, value = segment or ("", None)
        key = Key(version, role, column, value)
        rows, parts, done = defaultdict[int, int](int), defaultdict[int, list[Sparse]](list), 0
        for day, file in self.profiles.days(deployment, span.start, span.end):
            complete = max(span.window(day * DAY), 0)
            for at in range(done, complete):
                yield _made(span, at, shape, rows.pop(at, 0), parts.pop(at, []))
            done = max(done, complete)
            _add(file, key, span, day, rows, parts)
        for at in range(done, count):
            yield _made(span, at, shape, rows.pop(at, 0), parts.pop(at, []))


def delay_of(summaries: list[Summary], shape: Shape) -> float | None:
    """Seconds within which most truths come (`SHARE`), as some windows show; None where none has come."""
    return delay_within(merged_summaries(shape, summaries).delays, SHARE)


def state_of(summary: Summary, end: float, now: float, delay: float | None) -> WindowState:
    """How far the truths of a window are.

    Args:
        summary: of the window.
        end: of the window, seconds since 1970-01-01 UTC.
        now: the present, likewise.
        delay: as `delay_of` tells; None where nobody knows, then more are expected until all have come.

    >>> from konan.monitoring.performance.summary import of_rows
    >>> state_of(of_rows(Shape("other"), 3), 0, 100, 50)
    'no labels'
    """
    if not summary.rows and not summary.labelled:
        return "no rows"
    if summary.labelled and summary.labelled >= summary.rows and now >= end:
        return "final"
    if not summary.labelled:
        return "no labels"
    return "final" if delay is not None and now >= end + delay else "provisional"


def _made(span: Span, at: int, shape: Shape, rows: int, parts: list[Sparse]) -> tuple[int, Summary]:
    return span.start + at * span.every, with_rows(shape, merged(parts), rows)


def _add(
    file: DayFile,
    key: Key,
    span: Span,
    day: int,
    rows: dict[int, int],
    parts: dict[int, list[Sparse]],
) -> None:
    """Add what a day has to its windows."""
    for series in [one for one in file.head.series if one.key == key]:
        block, windows = _placed(series, span, day)
        for at, numbers in zip(windows, file.numbers(block), strict=True):
            if at is not None:
                rows[at] += int(numbers[0])
    for series in [one for one in file.head.measured if one.key == key]:
        block, windows = _placed(series, span, day)
        for at, found in zip(windows, file.sparse(block), strict=True):
            if at is not None:
                parts[at].append(found)


def _placed(series: Series, span: Span, day: int) -> tuple[Block, list[int | None]]:
    """What is read of a series, and the window of each of its rows; None where it is in none."""
    first, last = day * DAY, (day + 1) * DAY - HOUR
    if span.start <= first and last < span.end and span.window(first) == span.window(last):
        return series.whole, [span.window(first)]
    hours = [first + hour * HOUR for hour in series.hours]
    return series.each, [span.window(at) if span.start <= at < span.end else None for at in hours]
