"""What kind of change a drift is: a fault of the data, other inputs, other truths, or another meaning (pure).

The kinds ask for different answers. A data fault is mended at its source; other inputs (covariate) and other
truths (label) may be lived with; what inputs mean has changed (concept) needs a new model. With truths,
the last three are told apart by what stayed the same: truths at equal scores stay under a change of inputs,
scores at equal truths under a change of truths, neither when the concept changed.

Sources: the four tests, Polo, Izbicki, Lacerda, Ibieta-Jimenez and Vicente (2022), "A unified framework for
dataset shift diagnostics" (DetectShift, arXiv 2205.08340), with scores in the place of inputs; stratified
two-sample test, Cochran (1954), "Some methods for strengthening the common chi-square tests".
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from konan.monitoring.drift.comparison import USUAL, ColumnDrift, Drift, Limits
from konan.monitoring.drift.distributions import Counts, chi2_survival
from konan.monitoring.drift.statistics import ENOUGH, Measure, chi2, merged, total_variation
from konan.monitoring.evidence.bets import e_bh
from konan.monitoring.profiles.profile import FEATURES, TARGET

Kind = Literal["", "data fault", "covariate", "label", "concept"]

LEAST = 0.05
"""If a smaller share of truths moved at equal scores, or of scores at equal truths, nothing changed."""

_MOST_NAMED = 3


class Joint(NamedTuple):
    """Scores and truths together, of both samples.

    Attributes:
        reference: (scores, truths) rows per cell of the score and class of the truth. Instead of the truth it
            may be whether the answer was wrong.
        current: likewise.
    """

    reference: Counts
    current: Counts


class Cause(NamedTuple):
    """What a drift is.

    Attributes:
        kind: empty while there is no drift, or while it comes back every year.
        reason: in a sentence or a few.
        columns: names of the columns that show it.
        segments: the slices that show it; empty for all of the rows.
        seasonal: whether there is none beside the same season before.
    """

    kind: Kind
    reason: str
    columns: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    seasonal: bool = False


def triage(
    found: Drift,
    *,
    joint: Joint | None = None,
    segments: Mapping[str, Drift] | None = None,
    season: Drift | None = None,
    limits: Limits = USUAL,
) -> Cause:
    """What kind of change a drift is.

    Args:
        found: the drift of a window beside its reference.
        joint: scores and truths, where these have arrived.
        segments: the drift of slices of the same window, by how they are told, as ``city=Bern``.
        season: the drift of the same window beside a second reference, as the same weeks of last year.
        limits: the chance of telling a change where there is none.
    """
    slices = _guilty_segments(segments or {}, limits)
    moved = _conditional(joint, limits.alpha) if joint is not None else None
    if found.verdict != "drift" and slices:
        found = (segments or {})[slices[0]]
    if found.verdict != "drift":
        return _told(moved, slices) if moved == "concept" else _quiet(found)
    if season is not None and season.verdict == "stable":
        reason = f"{_names(found.guilty)} moved, but not beside the same season before."
        return Cause("", reason, found.guilty, slices, seasonal=True)
    cause = _fault(found) if found.faults else _shift(found, moved)
    return cause._replace(reason=cause.reason + _where(slices), segments=slices)


def at_equal(reference: Counts, current: Counts) -> Measure:
    """Whether the columns of two tables are distributed alike in each of their rows.

    Args:
        reference: (strata, cells) rows.
        current: likewise.

    Returns:
        Sum of the chi-squares of all strata; its effect is the total variation less noise, averaged over the
        rows of the window.

    Half of the rows of each stratum changed sides:

    >>> import numpy as np
    >>> found = at_equal(np.array([[90, 10], [10, 90]]), np.array([[40, 60], [60, 40]]))
    >>> round(found.value, 1), found.p_value < 1e-20, round(found.effect, 2)
    (109.9, True, 0.5)
    """
    value, freedom, moved = 0.0, 0, 0.0
    for before, after in zip(reference, current, strict=True):
        one, two = merged(before, after, ENOUGH, ordered=True)
        if len(one) < 2 or not before.sum() or not after.sum():
            continue
        value += chi2(one, two, least=0).value
        freedom += len(one) - 1
        moved += total_variation(before, after).effect * float(after.sum())
    rows = float(current.sum())
    p_value = chi2_survival(value, freedom) if freedom else None
    return Measure("at_equal", value, p_value, moved / rows if rows else 0.0, 0.0)


def _conditional(joint: Joint, alpha: float) -> Kind | None:
    """The kind of shift by what stayed the same; None where that does not tell."""
    truths = _changed(at_equal(joint.reference, joint.current), alpha)
    scores = _changed(at_equal(joint.reference.T, joint.current.T), alpha)
    if truths and scores:
        return "concept"
    if truths:
        return "label"
    return "covariate" if scores else None


def _changed(found: Measure, alpha: float) -> bool:
    return found.p_value is not None and found.p_value < alpha and found.effect >= LEAST


def _guilty_segments(segments: Mapping[str, Drift], limits: Limits) -> tuple[str, ...]:
    """The slices that drift, the strongest first, if others do not."""
    counted = {name: one for name, one in segments.items() if one.verdict in {"stable", "drift"}}
    names = list(counted)
    rejected = e_bh([one.evidence for one in counted.values()], limits.alpha)
    drifted = tuple(names[at] for at in rejected if counted[names[at]].verdict == "drift")
    return drifted if len(drifted) < len(names) else ()


def _quiet(found: Drift) -> Cause:
    if found.verdict == "stable" and found.guilty:
        sizes = _sizes([column for column in found.columns if column.column in found.guilty])
        return Cause("", f"Moved for certain, but by too little to matter: {sizes}.", found.guilty)
    if found.verdict == "stable":
        return Cause("", "Nothing moved by more than noise does.")
    if found.verdict == "too few rows":
        return Cause("", f"{found.rows:,} rows are too few to tell drift from noise.")
    return Cause("", "There are no rows to compare.")


def _fault(found: Drift) -> Cause:
    names = dict.fromkeys(name for fault in found.faults for name in fault.columns)
    told = [fault.told for fault in found.faults[:_MOST_NAMED]]
    more = len(found.faults) - len(told)
    if more > 0:
        told.append(f"{more} more of the kind.")
    return Cause("data fault", " ".join(told), tuple(names))


def _shift(found: Drift, moved: Kind | None) -> Cause:
    guilty = [column for column in found.columns if column.verdict == "drift"]
    inputs = [column for column in guilty if column.column.startswith(FEATURES)]
    outputs = [column for column in guilty if column.column not in {TARGET, *(one.column for one in inputs)}]
    truths = [column for column in guilty if column.column == TARGET]
    names = tuple(column.column for column in guilty)
    if moved:
        return _told(moved, ())._replace(columns=names)
    if inputs:
        also = " The truths moved too." if truths else ""
        return Cause("covariate", f"The inputs changed: {_sizes(inputs)}.{also}", names)
    if truths:
        told = f"The truths changed ({_sizes(truths)}) while no input did by enough to matter."
        return Cause("label", told, names)
    if outputs:
        told = f"The answers changed ({_sizes(outputs)}) while no single input did by enough to matter."
        return Cause("covariate", told, names)
    pairs = [change.columns for change in found.relations.changes[:_MOST_NAMED]]
    told = "; ".join(" and ".join(pair) for pair in pairs)
    return Cause("covariate", f"Inputs go together otherwise: {told}.", tuple(dict.fromkeys(sum(pairs, ()))))


def _told(moved: Kind, segments: tuple[str, ...]) -> Cause:
    reasons: dict[str, str] = {
        "concept": "Equal scores now mean other truths: what the inputs say about them has changed.",
        "label": "The truths are distributed otherwise, while rows of equal truth have the scores they had.",
        "covariate": "The inputs changed, while equal scores still mean the same truths.",
    }
    return Cause(moved, reasons[moved] + _where(segments), (), segments)


def _where(segments: Sequence[str]) -> str:
    return f" Only in {_names(segments)}." if segments else ""


def _sizes(columns: Sequence[ColumnDrift]) -> str:
    told = [f"{column.column} ({_size(column)})" for column in columns[:_MOST_NAMED]]
    more = len(columns) - len(told)
    return ", ".join(told) + (f" and {more} more" if more > 0 else "")


def _size(column: ColumnDrift) -> str:
    part = max(column.portions, key=lambda one: one.effect, default=None)
    if part is not None and part.effect > column.effect:
        return f"{part.what} {100 * part.usual:.2g} % before, {100 * part.current:.2g} % now"
    return f"PSI {column.effect:.2g} beyond noise"


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
