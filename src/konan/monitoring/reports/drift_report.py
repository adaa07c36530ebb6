"""Tells the drift of selected windows as records."""

import math

from konan.monitoring.drift.comparison import ColumnDrift, Drift, drift
from konan.monitoring.drift.distributions import rows_as_one
from konan.monitoring.drift.proportions import Proportion
from konan.monitoring.drift.triage import triage
from konan.monitoring.profiles.profile import FEATURES
from konan.monitoring.reference.reference import Reference
from konan.monitoring.reports.selection import Part, Selected, Selection
from konan.records.monitoring import DriftedColumn, DriftWindow, Segment, ShareChange, Verdict

_LEAST = -99.0
_NOTABLE = 2.0
_NAMED = 3


def windows(selecting: Selection, *, complete: bool) -> tuple[DriftWindow, ...]:
    """The drift of all windows that were selected and have rows.

    Args:
        selecting: which.
        complete: whether all rows are counted.
    """
    doubts = () if complete else ("Not all rows are counted yet; ask again in a while.",)
    return tuple(
        _window(selecting, selected, part, doubts)
        for selected in selecting
        for part in selected.parts
        if part.profile.rows or selecting.single
    )


def _window(selecting: Selection, selected: Selected, part: Part, doubts: tuple[str, ...]) -> DriftWindow:
    reference = selected.reference
    found = _compared(reference, part, selected.segment) if reference is not None else None
    if reference is None or found is None:
        return _unknown(selected, part, doubts)
    slices = _slices(selecting, selected, part, reference) if found.verdict == "drift" else {}
    cause = triage(found, segments=slices)
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
        doubts=(*doubts, *_of_slice(selected.segment), *_doubts(reference)),
        columns=tuple(_column(one) for one in found.columns if one.column != own),
    )


def _compared(reference: Reference, part: Part, segment: Segment | None) -> Drift | None:
    """None if the rows were counted with other cells, as before the version had this reference.

    A slice differs in the column that it is cut by, so that one counts nothing.
    """
    layout = reference.layout
    if part.profile.layout != layout.digest:
        return None
    own = {FEATURES + segment.column: 0.0} if segment else {}
    return drift(reference.profile, part.profile, layout, weights=own, correlated=reference.autocorrelation)


def _slices(selecting: Selection, selected: Selected, part: Part, reference: Reference) -> dict[str, Drift]:
    """The drift of each slice of a window, to tell whether only some of them drift."""
    schema = selected.version.schema
    if not selecting.single or selected.segment is not None or schema is None or not schema.segments:
        return {}
    found: dict[str, Drift] = {}
    for segment, one in selecting.slices(selected.version.version, part.start, part.end):
        compared = _compared(reference, one, segment)
        if compared is not None:
            found[f"{segment.column}={'(none)' if segment.value is None else segment.value}"] = compared
    return found


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


def _of_slice(segment: Segment | None) -> list[str]:
    if segment is None:
        return []
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
