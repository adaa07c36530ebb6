"""What alarms are given to look at: windows of a deployment, each with its rows and its refused requests."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from konan.monitoring.profiles.profile import Profile
from konan.monitoring.profiles.windows import Segment, Span, Windows
from konan.monitoring.reports.query import sliced
from konan.predictions.filters import SHOWN_ROLES
from konan.predictions.flusher import REJECTED
from konan.records.alarms import DAY


@dataclass(frozen=True, slots=True)
class Window:
    """What happened in one window.

    Attributes:
        start: seconds since 1970-01-01 UTC.
        end: likewise.
        profile: of the rows that the version answered; None if there are none.
        answered: rows that any version answered.
        refused: requests that were refused, or whose model failed.
        day: profile of the day that ends with the window; None if it has no rows.
    """

    start: int
    end: int
    profile: Profile | None = None
    answered: int = 0
    refused: int = 0
    day: Profile | None = None


def windows(
    profiles: Windows, deployment: str, version: int, span: tuple[int, int], every: int, segment: str = ""
) -> list[Window]:
    """All windows of a stretch, also those without rows, oldest first.

    Args:
        profiles: of all logs.
        deployment: uuid.
        version: number of the version that answered.
        span: seconds since 1970-01-01 UTC, a whole number of windows.
        every: seconds of a window.
        segment: only rows of this slice, as ``COLUMN=VALUE``; empty is all rows.

    Raises:
        NotReady: profiles are damaged, and are counted again.
        Invalid: they are too many windows.
    """
    start, end = span
    wide = max(DAY // every, 1)
    slice_of = sliced(segment)
    whole = Span(max(start - (wide - 1) * every, 0), end, every)
    own = _summed(profiles, deployment, [(version, role) for role in SHOWN_ROLES], whole, slice_of)
    shown = [pair for pair in profiles.counted(deployment, whole.start, end) if pair[1] in SHOWN_ROLES]
    answered = _rows(profiles, deployment, shown, whole, slice_of)
    rejected = profiles.counted(deployment + REJECTED, whole.start, end)
    refused = _rows(profiles, deployment + REJECTED, rejected, whole, None)
    seen = [
        Window(at, at + every, profile if profile.rows else None, rows, requests)
        for (at, profile), rows, requests in zip(own, answered, refused, strict=True)
    ]
    return [
        replace(one, day=_sum(seen[max(at + 1 - wide, 0) : at + 1]))
        for at, one in enumerate(seen)
        if one.start >= start
    ]


def _summed(
    profiles: Windows, log: str, pairs: Iterable[tuple[int, str]], span: Span, segment: Segment | None
) -> list[tuple[int, Profile]]:
    found = [profiles.read(log, version, role, span, segment) for version, role in pairs]
    return [(same[0][0], _merged([one for _, one in same])) for same in zip(*found, strict=True)]


def _rows(
    profiles: Windows, log: str, pairs: Iterable[tuple[int, str]], span: Span, segment: Segment | None
) -> list[int]:
    """The rows of each window, of versions and roles together."""
    totals = [0] * span.number()
    for version, role in pairs:
        for at, (_, profile) in enumerate(profiles.read(log, version, role, span, segment)):
            totals[at] += profile.rows
    return totals


def _sum(seen: Sequence[Window]) -> Profile | None:
    found = [one.profile for one in seen if one.profile is not None]
    return _merged(found) if found else None


def _merged(profiles: Sequence[Profile]) -> Profile:
    whole = profiles[0]
    for one in profiles[1:]:
        whole = whole.merge(one)
    return whole
