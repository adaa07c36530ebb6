"""What alarms are given to look at: windows of a deployment, each with its rows and its refused requests."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from konan.monitoring.performance.shape import Shape
from konan.monitoring.performance.summary import Summary, merged_summaries
from konan.monitoring.performance.windows import PerformanceWindows
from konan.monitoring.profiles.profile import Profile
from konan.monitoring.profiles.windows import Segment, Span, Windows
from konan.monitoring.reports.query import sliced
from konan.predictions.filters import SHOWN_ROLES
from konan.predictions.flusher import REJECTED
from konan.records.alarms import DAY, AlarmRule


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
        summary: of its answers beside their truths; None where nobody asked for it.
    """

    start: int
    end: int
    profile: Profile | None = None
    answered: int = 0
    refused: int = 0
    day: Profile | None = None
    summary: Summary | None = None


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


def with_truths(
    read: PerformanceWindows,
    deployment: str,
    version: int,
    seen: Sequence[Window],
    asked: tuple[AlarmRule, Shape],
) -> list[Window]:
    """The same windows with the summaries of their answers beside their truths.

    Args:
        read: the summaries of all logs.
        deployment: uuid.
        version: number of the version that answered.
        seen: consecutive windows, at least one.
        asked: the rule of the alarm, and what is counted of the version's answers.

    Raises:
        NotReady: summaries are damaged, and are counted again.
    """
    rule, shape = asked
    span = Span(seen[0].start, seen[-1].end, rule.window)
    roles = (read.read(deployment, version, role, span, shape, sliced(rule.segment)) for role in SHOWN_ROLES)
    summaries = (merged_summaries(shape, [one for _, one in same]) for same in zip(*roles, strict=True))
    return [replace(one, summary=summary) for one, summary in zip(seen, summaries, strict=True)]


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
