"""Reads summaries of windows: sums of whole days where they fit, of hours elsewhere, never of rows."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from konan.monitoring.performance.shape import Shape
from konan.monitoring.performance.summary import Summary, delay_within, merged_summaries, with_rows
from konan.monitoring.profiles.days import FEW, Block, DayFile, Key, Series
from konan.monitoring.profiles.sparse import Sparse, merged
from konan.monitoring.profiles.windows import DAY, HOUR, Segment, Span, Windows
from konan.records.performance import WindowState

SHARE = 0.95
"""A window is final when so many of its truths should have come, as they came before."""


class Wanted(NamedTuple):
    """Windows of some rows, which are read together with others.

    Attributes:
        keys: which rows; those of all of them are added.
        span: when the windows begin and end.
        only: first of the positions of a summary that are wanted, and one behind the last; None is all.
    """

    keys: tuple[Key, ...]
    span: Span
    only: tuple[int, int] | None = None


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
        wanted = Wanted((Key(version, role, column, value),), span)
        rows, parts, done = defaultdict[int, int](int), defaultdict[int, list[Sparse]](list), 0
        for day, file in self.profiles.days(deployment, span.start, span.end):
            complete = max(span.window(day * DAY), 0)
            for at in range(done, complete):
                yield _made(span, at, shape, rows.pop(at, 0), parts.pop(at, []))
            done = max(done, complete)
            _add(file, wanted, day, rows, parts)
        for at in range(done, count):
            yield _made(span, at, shape, rows.pop(at, 0), parts.pop(at, []))

    def together(self, deployment: str, wanted: Sequence[Wanted], shape: Shape) -> list[list[Summary]]:
        """The summaries of windows of several kinds, for which each day's file is opened once.

        Args:
            deployment: uuid.
            wanted: at least one.
            shape: what is counted of the answers of all of them.

        Returns:
            For each of the wanted the summaries of its consecutive windows, those without rows included.

        Raises:
            Invalid: as of `read`.
            NotReady: likewise.
        """
        counts = [one.span.number() for one in wanted]
        rows = [defaultdict[int, int](int) for _ in wanted]
        parts = [defaultdict[int, list[Sparse]](list) for _ in wanted]
        start, end = min(one.span.start for one in wanted), max(one.span.end for one in wanted)
        for day, file in self.profiles.days(deployment, start, end):
            for one, numbers, some in zip(wanted, rows, parts, strict=True):
                if one.span.start < (day + 1) * DAY and day * DAY < one.span.end:
                    _add(file, one, day, numbers, some)
        return [
            [with_rows(shape, merged(some[at]), numbers[at]) for at in range(count)]
            for count, numbers, some in zip(counts, rows, parts, strict=True)
        ]


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
    wanted: Wanted,
    day: int,
    rows: dict[int, int],
    parts: dict[int, list[Sparse]],
) -> None:
    """Add what a day has to its windows."""
    for series in [one for one in file.head.series if one.key in wanted.keys]:
        block, windows = _placed(series, wanted.span, day)
        for at, numbers in zip(windows, file.numbers(block), strict=True):
            if at is not None:
                rows[at] += int(numbers[0])
    for series in [one for one in file.head.measured if one.key in wanted.keys]:
        block, windows = _placed(series, wanted.span, day)
        if block is series.whole and series.few and wanted.only and wanted.only[1] <= FEW:
            block = series.few
        for at, found in zip(windows, file.sparse(block, wanted.only), strict=True):
            if at is not None:
                parts[at].append(found)


def _placed(series: Series, span: Span, day: int) -> tuple[Block, list[int | None]]:
    """What is read of a series, and the window of each of its rows; None where it is in none."""
    first, last = day * DAY, (day + 1) * DAY - HOUR
    if span.start <= first and last < span.end and span.window(first) == span.window(last):
        return series.whole, [span.window(first)]
    hours = [first + hour * HOUR for hour in series.hours]
    return series.each, [span.window(at) if span.start <= at < span.end else None for at in hours]
