"""Tells the quality of selected windows as records, by the rules of `konan.monitoring.reports.quality`."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from konan.monitoring.profiles.profile import FEATURES, Profile
from konan.monitoring.profiles.windows import Span
from konan.monitoring.reference.reference import Reference
from konan.monitoring.reports import quality
from konan.monitoring.reports.duplicates import repeated
from konan.monitoring.reports.quality import Counts, Share
from konan.monitoring.reports.query import DAY, HOUR, rfc3339
from konan.monitoring.reports.selection import Part, Selected, Selection
from konan.predictions.filters import SHOWN_ROLES
from konan.predictions.flusher import REJECTED
from konan.predictions.log import Predictions
from konan.records.monitoring import Finding, QualityWindow

_CODE = "code"
_STEPS = 48
_EARLIER = 28
"""So many windows before one tell how many rows are usual, at most."""


def windows(selecting: Selection, predictions: Predictions) -> tuple[QualityWindow, ...]:
    """The quality of all windows that were selected.

    Args:
        selecting: which.
        predictions: the log, to look for rows that repeat.
    """
    return tuple(
        _window(selecting, selected, at, predictions)
        for selected in selecting
        for at, part in enumerate(selected.parts)
        if part.profile.rows or selecting.single
    )


def _window(selecting: Selection, selected: Selected, at: int, predictions: Predictions) -> QualityWindow:
    part = selected.parts[at]
    rejected: dict[str, int] = {}
    findings = [*_columns(selecting, selected, part)]
    if selected.segment is None:
        version = selected.version.version
        rejected = _rejected(selecting, version, part.start, part.end)
        findings.append(_refusals(selecting, version, part, sum(rejected.values())))
        findings += _repeats(selecting, selected, part, predictions)
        findings.append(quality.volume(part.profile.rows, _earlier(selecting, selected, at)))
    window = selected.window(part)
    return QualityWindow(
        version=window.version,
        segment=window.segment,
        since=window.since,
        until=window.until,
        rows=window.rows,
        state=quality.worst(findings),
        rejected=rejected,
        findings=quality.ordered(findings),
    )


def _columns(selecting: Selection, selected: Selected, part: Part) -> Iterator[Finding]:
    """What is found in the inputs; nothing of rows that were counted with other cells than the reference."""
    reference = selected.reference
    if reference is None or part.profile.layout != reference.layout.digest or not part.profile.rows:
        return
    usual = _counts(reference, reference.profile)
    yield from quality.columns(usual, _counts(reference, part.profile))
    steps = [
        (rfc3339(one.start), _counts(reference, one.profile)) for one in _steps(selecting, selected, part)
    ]
    for name, counts in usual.items():
        found = quality.stuck(name, counts, [(start, step[name]) for start, step in steps])
        if found is not None:
            yield found


def _counts(reference: Reference, profile: Profile) -> Mapping[str, Counts]:
    return {
        cells.name: quality.counts_of(cells, counts.tolist())
        for cells, counts in zip(reference.layout.columns, profile.counts, strict=True)
        if cells.name.startswith(FEATURES)
    }


def _steps(selecting: Selection, selected: Selected, part: Part) -> Sequence[Part]:
    """A window in steps, where it is the only one, to see since when something holds."""
    if not selecting.single:
        return [part]
    hours = (part.end - part.start) // HOUR
    every = -(-hours // _STEPS) * HOUR
    return selecting.profiles(selected.version.version, selected.segment, (part.start, part.end), every)


def _rejected(selecting: Selection, version: int, start: int, end: int) -> dict[str, int]:
    """Refused requests of a version by the code of their error."""
    log = selecting.uuid + REJECTED
    roles = [role for number, role in selecting.read.counted(log, start, end) if number == version]
    codes = selecting.read.segments(log, start, end).get(_CODE, [])
    found: dict[str, int] = {}
    whole = Span(start, end, end - start)
    for code in codes:
        rows = sum(
            profile.rows
            for role in roles
            for _, profile in selecting.read.read(log, version, role, whole, (_CODE, code))
        )
        if rows and code is not None:
            found[code] = rows
    return found


def _refusals(selecting: Selection, version: int, part: Part, rejected: int) -> Finding:
    start = part.start - (part.end - part.start)
    refused = sum(_rejected(selecting, version, start, part.start).values())
    answered = selecting.profiles(version, None, (start, part.start), part.start - start)[0].profile.rows
    before = Share(refused, refused + answered)
    return quality.rejections(rejected, part.profile.rows, before if before.of else None)


def _repeats(
    selecting: Selection, selected: Selected, part: Part, predictions: Predictions
) -> Iterator[Finding]:
    """Rows are looked at for this; only of a single window, and only so many."""
    if not selecting.single or not part.profile.rows:
        return
    start = part.start - (part.end - part.start)
    number = selected.version.version
    now, before = (
        repeated(predictions, selecting.uuid, number, span)
        for span in ((part.start, part.end), (start, part.start))
    )
    if now.of:
        yield quality.repeats(now, before if before.of else None)


def _earlier(selecting: Selection, selected: Selected, at: int) -> list[int]:
    """Rows of windows of the same length and time of day before one, whatever version answered them."""
    part = selected.parts[at]
    if not selecting.single:
        every = selecting.asked.every
        step = max(1, DAY // every)
        places = range(at - step, -1, -step)
        return [selected.parts[place].profile.rows for place in places][:_EARLIER]
    length = part.end - part.start
    step = -(-length // DAY) * DAY
    born = int(datetime.fromisoformat(selecting.created_at).timestamp())
    starts = [part.start - step * back for back in range(1, _EARLIER * DAY // step + 1)]
    return [_rows(selecting, start, start + length) for start in starts if start >= born]


def _rows(selecting: Selection, start: int, end: int) -> int:
    whole = Span(start, end, end - start)
    return sum(
        profile.rows
        for version, role in selecting.read.counted(selecting.uuid, start, end)
        if role in SHOWN_ROLES
        for _, profile in selecting.read.read(selecting.uuid, version, role, whole)
    )
