"""Tells the drift of selected windows as records."""

import math

import numpy as np
from msgspec.structs import replace

from konan.monitoring.drift.comparison import ColumnDrift, Drift, drift
from konan.monitoring.drift.distributions import rows_as_one
from konan.monitoring.drift.proportions import Proportion
from konan.monitoring.drift.triage import Joint, triage
from konan.monitoring.performance.shape import Shape
from konan.monitoring.performance.windows import PerformanceWindows
from konan.monitoring.profiles.profile import FEATURES
from konan.monitoring.profiles.windows import Span
from konan.monitoring.reference.reference import ERROR, Reference
from konan.monitoring.reports.query import rfc3339
from konan.monitoring.reports.selection import Part, Selected, Selection
from konan.predictions.filters import SHOWN_ROLES
from konan.records.monitoring import DriftedColumn, DriftWindow, SeasonDrift, Segment, ShareChange, Verdict

_LEAST = -99.0
_NOTABLE = 2.0
_NAMED = 3


class Told:
    """Makes the records.

    Args:
        selecting: which windows.
        summaries: of answers beside truths.
        complete: whether all rows are counted.
    """

    def __init__(self, selecting: Selection, summaries: PerformanceWindows, *, complete: bool) -> None:
        self._selecting = selecting
        self._summaries = summaries
        self._doubts = () if complete else ("Not all rows are counted yet; ask again in a while.",)

    def windows(self) -> tuple[DriftWindow, ...]:
        """The drift of all windows that were selected and have rows."""
        return tuple(
            self._window(selected, part)
            for selected in self._selecting
            for part in selected.parts
            if part.profile.rows or self._selecting.single
        )

    def _window(self, selected: Selected, part: Part) -> DriftWindow:
        reference = selected.reference
        found = _compared(reference, part, selected.segment) if reference is not None else None
        if reference is None or found is None:
            return _unknown(selected, part, self._doubts)
        slices = self._slices(selected, part, reference) if found.verdict == "drift" else {}
        season, beside = self._season(selected, part, reference)
        joint = self._joint(selected, part, reference)
        cause = triage(found, joint=joint, segments=slices, season=beside)
        window = selected.window(part)
        own = FEATURES + selected.segment.column if selected.segment else ""
        return DriftWindow(
            version=window.version,
            segment=window.segment,
            since=window.since,
            until=window.until,
            rows=window.rows,
            verdict=found.verdict,
            evidence=_power(found.evidence),
            threshold=_power(found.threshold),
            guilty=found.guilty,
            cause=cause.kind,
            reason=cause.reason,
            reference=_source(reference),
            segments=cause.segments,
            season=season,
            doubts=(*self._doubts, *_of_slice(reference, selected.segment), *_doubts(reference)),
            columns=tuple(_column(one) for one in found.columns if one.column != own),
        )

    def _slices(self, selected: Selected, part: Part, reference: Reference) -> dict[str, Drift]:
        """The drift of each slice of a window, to tell whether only some of them drift."""
        schema = selected.version.schema
        if not self._selecting.single or selected.segment is not None or not (schema and schema.segments):
            return {}
        found: dict[str, Drift] = {}
        for segment, one in self._selecting.slices(selected.version.version, part.start, part.end):
            compared = _compared(reference, one, segment)
            if compared is not None:
                found[f"{segment.column}={'(none)' if segment.value is None else segment.value}"] = compared
        return found

    def _season(
        self, selected: Selected, part: Part, reference: Reference
    ) -> tuple[SeasonDrift | None, Drift | None]:
        """The same window beside live rows of the season before."""
        season = self._selecting.asked.season
        if not season:
            return None, None
        span = part.start - season, part.end - season
        number, length = selected.version.version, part.end - part.start
        (before,) = self._selecting.profiles(number, selected.segment, span, length)
        own, layout = before.profile, reference.layout
        verdict: Verdict = "learning" if own.rows else "no rows"
        told = SeasonDrift(since=rfc3339(span[0]), until=rfc3339(span[1]), rows=own.rows, verdict=verdict)
        if not own.rows or own.layout != layout.digest:
            return told, None
        found = drift(own, part.profile, layout, correlated=reference.autocorrelation)
        return replace(told, verdict=found.verdict, evidence=_power(found.evidence)), found

    def _joint(self, selected: Selected, part: Part, reference: Reference) -> Joint | None:
        """Scores and truths of a window, as far as they have come, beside those of the reference."""
        joint, schema = reference.joint, selected.version.schema
        if joint is None or schema is None:
            return None
        segment = (selected.segment.column, selected.segment.value) if selected.segment else None
        span, shape = Span(part.start, part.end, part.end - part.start), Shape.of(schema.output)
        current = np.zeros_like(joint.matrix)
        for role in SHOWN_ROLES:
            number = selected.version.version
            for _, summary in self._summaries.read(self._selecting.uuid, number, role, span, shape, segment):
                counted = joint.of(summary)
                current += 0 if counted is None else counted
        if not current.any():
            return None
        thinned = rows_as_one(reference.autocorrelation.get(ERROR, ()))
        return Joint(joint.matrix / thinned, current / thinned)


def _compared(reference: Reference, part: Part, segment: Segment | None) -> Drift | None:
    """None if the rows were counted with other cells, as before the version had this reference.

    A slice differs in the column that it is cut by, so that one counts nothing; beside a reference of its own
    inputs, its answers count nothing either, for that has none.
    """
    layout = reference.layout
    if part.profile.layout != layout.digest:
        return None
    usual, weights = reference.profile, dict[str, float]()
    if segment is not None:
        weights[FEATURES + segment.column] = 0.0
        own = reference.of_segment(segment.column, segment.value)
        if own is not None:
            usual = own
            weights |= {name: 0.0 for name in layout.positions if not name.startswith(FEATURES)}
    return drift(usual, part.profile, layout, weights=weights, correlated=reference.autocorrelation)


def _unknown(selected: Selected, part: Part, doubts: tuple[str, ...]) -> DriftWindow:
    window = selected.window(part)
    verdict: Verdict = "learning" if window.rows else "no rows"
    reason = "There are no rows to compare."
    if window.rows:
        reason = "There is nothing to compare with yet: no rows were given at deploy, or they are being read."
    return DriftWindow(
        version=window.version,
        segment=window.segment,
        since=window.since,
        until=window.until,
        rows=window.rows,
        verdict=verdict,
        reason=reason,
        doubts=doubts,
    )


def _column(found: ColumnDrift) -> DriftedColumn:
    return DriftedColumn(
        column=found.column,
        verdict=found.verdict,
        p_value=found.p_value,
        evidence=_power(found.evidence),
        effect=found.effect,
        floor=found.floor,
        rows=found.rows,
        usual_rows=found.usual_rows,
        measures={measure.name: measure.value for measure in found.measures},
        moved=found.moved,
        shares=tuple(_share(one) for one in found.portions if one.rows or one.usual),
    )


def _share(portion: Proportion) -> ShareChange:
    return ShareChange(
        what=portion.what,
        current=portion.current,
        usual=portion.usual,
        low=portion.low,
        high=portion.high,
    )


def _source(reference: Reference) -> str:
    parts = (reference.inputs, reference.answers)
    return ", ".join(dict.fromkeys(part.source for part in parts if part is not None))


def _of_slice(reference: Reference, segment: Segment | None) -> list[str]:
    if segment is None:
        return []
    if reference.of_segment(segment.column, segment.value) is not None:
        return ["A slice is compared with the inputs of its own rows in the reference; its answers are not."]
    return ["A slice is compared with the reference of all rows, from which it may have differed always."]


def _doubts(reference: Reference) -> list[str]:
    """What the numbers rest on that may not hold."""
    found = []
    if reference.learning:
        found.append("There is no reference for what the model answers yet; only its inputs are compared.")
    known = set(reference.layout.positions)
    thinned = {
        name: rows_as_one(series) for name, series in reference.autocorrelation.items() if name in known
    }
    slow = sorted((name for name in thinned if thinned[name] >= _NOTABLE), key=lambda name: -thinned[name])
    if slow:
        told = ", ".join(f"{name.removeprefix('features.')} ({thinned[name]:.0f})" for name in slow[:_NAMED])
        more = f" and {len(slow) - _NAMED} more" if len(slow) > _NAMED else ""
        found.append(
            f"Rows of the reference hang together; so many of a column count as one row: {told}{more}."
        )
    return found


def _power(log: float) -> float:
    """A natural logarithm as one to the base of 10; never infinite, because JSON has no infinity."""
    return max(_LEAST, log / math.log(10))
