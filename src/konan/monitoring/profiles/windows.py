"""Reads profiles of windows of time: sums of whole days where they fit, of hours elsewhere, never of rows."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from konan.errors import Invalid, NotReady
from konan.groundtruth.revisions import SUFFIX
from konan.journal.segments import Damage
from konan.monitoring.profiles.cells import OTHER
from konan.monitoring.profiles.days import DayFile, Key, Matrix, Series
from konan.monitoring.profiles.profile import TARGET, Layout, Profile
from konan.monitoring.profiles.store import Store
from konan.predictions.mark import LOG

HOUR = 3600
DAY = 24 * HOUR
MOST = 10_000
"""Most windows of one reading."""

Segment = tuple[str, str | None]
"""A segment column and a value: `OTHER` for those that have no profiles, None for rows without a value."""


class Span(NamedTuple):
    """When consecutive windows begin and end.

    Attributes:
        start: seconds since 1970-01-01 UTC, a whole hour.
        end: likewise; at least ``start``.
        every: seconds of a window, whole hours; the last one may be shorter.
    """

    start: int
    end: int
    every: int

    def number(self) -> int:
        """Number of windows.

        >>> Span(0, 2 * DAY + HOUR, DAY).number()
        3

        Raises:
            Invalid: the times are no whole hours, or they are too many windows.
        """
        if any(one % HOUR for one in self) or self.every <= 0 or self.end < self.start:
            raise Invalid("Windows begin and end at whole hours.")
        count = -(-(self.end - self.start) // self.every)
        if count > MOST:
            raise Invalid(f"That is more than {MOST:,} windows.", hint="Take longer windows.")
        return count

    def window(self, moment: int) -> int:
        """In which window a moment is."""
        return (moment - self.start) // self.every


class Windows:
    """The profiles of all logs; any thread may ask.

    Args:
        directory: where the logs are.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def layout(self, deployment: str, version: int) -> Layout:
        """What is counted of a version's rows; no column while it has no reference."""
        return Store(self._directory / deployment).layouts(version)

    def read(
        self, deployment: str, version: int, role: str, span: Span, segment: Segment | None = None
    ) -> list[tuple[int, Profile]]:
        """The profiles of consecutive windows, those without rows included.

        A row belongs to the hour that its id tells. Its truth is counted with it when it is known. What was
        counted with an earlier layout, until it is counted again, is not in it.

        Args:
            deployment: uuid, or name of its log of rejected requests.
            version: number of the version.
            role: of the rows, as ``live``.
            span: when the windows begin and end.
            segment: only rows with that value in that column.

        Returns:
            Start of each window in seconds since 1970-01-01 UTC, and its profile.

        Raises:
            Invalid: the times are no whole hours, or they are too many windows.
            NotReady: profiles are damaged, and have to be counted again first.
        """
        return self.together(deployment, version, (role,), span, segment)

    def labelled(self, deployment: str, version: int, role: str, span: Span) -> list[tuple[int, Profile]]:
        """The profiles of those rows whose truth is known; arguments and errors as of `read`."""
        return self.together(deployment, version, (role,), span, labelled=True)

    def together(
        self,
        deployment: str,
        version: int,
        roles: Sequence[str],
        span: Span,
        segment: Segment | None = None,
        *,
        labelled: bool = False,
    ) -> list[tuple[int, Profile]]:
        """The profiles of the rows of several roles, added; each day's file is opened once.

        With ``labelled`` they are of those rows only whose truth is known, and of no segment. All else is as
        of `read`.
        """
        count = span.number()
        layout = self.layout(deployment, version)
        sums = np.zeros((count, Profile.empty(layout).vector.size), np.int64)
        keys = dict[Key, slice]()
        for role in roles:
            keys |= _keys(layout, Key(version, role, *(segment or ("", None)), labelled=labelled))
        for day, file in self.days(deployment, span.start, span.end):
            if file.head.layouts.get(version) == layout.digest:
                for series in file.head.series:
                    if series.key in keys:
                        _add(file, series, sums[:, keys[series.key]], span, day)
        return [
            (span.start + at * span.every, Profile(layout.digest, layout.lengths, vector))
            for at, vector in enumerate(sums)
        ]

    def counted(self, deployment: str, start: int, end: int) -> list[tuple[int, str]]:
        """Version and role of all rows of the days between two moments (seconds as in `Span`), in order."""
        found = set[tuple[int, str]]()
        for _, file in self.days(deployment, start, end):
            found.update((one.key.version, one.key.role) for one in file.head.series)
        return sorted(found)

    def segments(self, deployment: str, start: int, end: int) -> dict[str, list[str | None]]:
        """The values with profiles of each segment column, between two moments."""
        found: dict[str, set[str | None]] = {}
        for _, file in self.days(deployment, start, end):
            for one in file.head.series:
                if one.key.column:
                    found.setdefault(one.key.column, set()).add(one.key.value)
        return {column: sorted(values, key=_rank) for column, values in sorted(found.items())}

    def is_complete(self, deployment: str) -> bool:
        """Whether all that is in the tables of a log and its truths is counted, with the present layouts."""
        place = self._directory / deployment
        store = Store(place)
        if not (place / "table").is_dir():
            return True
        index = store.index()
        fits = (
            store.layouts(version).digest == digest
            for covered in index.days.values()
            for version, digest in covered.layouts.items()
        )
        truths = self._directory / (deployment + SUFFIX)
        return _is_newest(place, index.table) and _is_newest(truths, index.truths) and all(fits)

    def days(self, deployment: str, start: int, end: int) -> Iterator[tuple[int, DayFile]]:
        """The files of the days between two moments (seconds as in `Span`), in order.

        Each is open until the next is asked for.

        Raises:
            NotReady: one is damaged, and has to be counted again first.
        """
        store = Store(self._directory / deployment)
        for day in range(start // DAY, -(-end // DAY)):
            try:
                file = store.open(day)
                if file is not None:
                    with file:
                        yield day, file
            except Damage as damage:
                store.forget()
                raise NotReady(
                    "Profiles are damaged, and are counted again.", hint="Try again in a while."
                ) from damage


def _keys(layout: Layout, key: Key) -> dict[Key, slice]:
    """What is read, and where in a profile it belongs."""
    found = {key: slice(None)}
    if TARGET in layout.positions:
        at = layout.positions[TARGET]
        start = 1 + sum(layout.lengths[:at])
        truth = Key(key.version, key.role, key.column, key.value, of_truth=True)
        found[truth] = slice(start, start + layout.lengths[at])
    return found


def _add(file: DayFile, series: Series, sums: Matrix, span: Span, day: int) -> None:
    """Add what a day has to the windows."""
    first, last = day * DAY, (day + 1) * DAY - HOUR
    inside = span.start <= first and last < span.end
    if inside and span.window(first) == span.window(last):
        sums[span.window(first)] += file.numbers(series.whole)[0]
        return
    for hour, numbers in zip(series.hours, file.numbers(series.each), strict=True):
        at = first + hour * HOUR
        if span.start <= at < span.end:
            sums[span.window(at)] += numbers


def _is_newest(place: Path, version: int) -> bool:
    """Whether a table has no version after one; a table that does not exist has none after -1."""
    log = place / "table" / LOG
    if version < 0:
        return not log.is_dir()
    return not (log / f"{version + 1:020d}.json").exists() and any(log.glob(f"{version:020d}.*"))


def _rank(value: str | None) -> tuple[bool, bool, str]:
    return value is None, value == OTHER, value or ""
