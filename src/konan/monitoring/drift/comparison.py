"""Drift of a window: how each column compares with the reference, and one verdict for the model (pure).

Significance and effect are always told apart, and a verdict of drift needs both. Twenty columns are not
twenty tests: what each p-value is worth as evidence (an e-value) is averaged into one verdict, which is wrong
in at most a share ``alpha`` of quiet windows however the columns depend on each other, and e-BH names the
columns. A window that is looked at once is judged so; watching without end is the work of detectors
(`konan.monitoring.evidence.detectors`).

Sources: e-values averaged, Vovk and Wang (2021); e-BH with weights, Wang and Ramdas (2022);
cells that moved, Haberman (1973), "The analysis of residuals in cross-classified tables"; rows that hang
together count for fewer, Rao and Scott (1981), "The analysis of categorical data from complex sample
surveys".
"""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from konan.monitoring.drift import statistics
from konan.monitoring.drift.distributions import Counts, rows_as_one
from konan.monitoring.drift.faults import Fault, Held, faults
from konan.monitoring.drift.pairs import Relations, relations
from konan.monitoring.drift.proportions import Proportion, portion
from konan.monitoring.drift.statistics import Measure
from konan.monitoring.evidence.bets import calibrated, e_bh, mixed
from konan.monitoring.profiles.cells import Cells
from konan.monitoring.profiles.profile import LABEL, SCORE, VALUE, Layout, Profile
from konan.monitoring.reports.quality import Share
from konan.records.monitoring import MovedCell, Verdict

_MOST_MOVED = 5
_ANSWERS = {LABEL, VALUE, SCORE}
_NOTABLE = 3.0


class Limits(NamedTuple):
    """From where on drift is told.

    Attributes:
        alpha: share of quiet windows that may be told as drift, in (0, 1).
        psi: least noise-corrected population stability index that matters.
        share: least change of the share of missing, unseen, invalid or out-of-range values that matters.
        correlation: least change of a correlation that matters.
    """

    alpha: float = 0.01
    psi: float = 0.1
    share: float = 0.02
    correlation: float = 0.3


USUAL = Limits()


class ColumnDrift(NamedTuple):
    """How one column of a window compares with the reference.

    Attributes:
        column: its name.
        verdict: ``drift`` is both certain and large enough to matter; for one of many columns it is certain
            only if it is among the guilty.
        p_value: chance of what was seen where nothing changed; None if there was nothing to test.
        evidence: natural logarithm of the e-value that this is worth.
        effect: population stability index, less noise, of the values that the reference knows; 0.1 is often
            called small and 0.25 large.
        floor: the index that noise alone reaches in one of a thousand windows with so many rows.
        rows: values in the window.
        usual_rows: values in the reference.
        measures: all statistics of the values that the reference knows.
        portions: shares of the others: missing, unseen, invalid, below, above.
        moved: cells that changed more than noise does, the largest change first.
        matters: whether effect or a share is large enough.
    """

    column: str
    verdict: Verdict
    p_value: float | None
    evidence: float
    effect: float
    floor: float
    rows: int
    usual_rows: int
    measures: tuple[Measure, ...] = ()
    portions: tuple[Proportion, ...] = ()
    moved: tuple[MovedCell, ...] = ()
    matters: bool = False


class Drift(NamedTuple):
    """The drift of a window.

    Attributes:
        verdict: one for the model.
        rows: of the window.
        usual_rows: of the reference.
        evidence: natural logarithm of the e-value averaged over columns, and pairs of them as one more.
        threshold: evidence from which there is drift; ``log(1 / alpha)``.
        guilty: names of columns that e-BH rejects, the strongest first.
        columns: the strongest evidence first.
        relations: how pairs of inputs changed.
        faults: what is wrong with inputs and truths; what a model answers follows from these.
    """

    verdict: Verdict
    rows: int
    usual_rows: int
    evidence: float
    threshold: float
    guilty: tuple[str, ...]
    columns: tuple[ColumnDrift, ...]
    relations: Relations
    faults: tuple[Fault, ...]


def column_drift(
    cells: Cells,
    reference: Counts,
    current: Counts,
    *,
    limits: Limits = USUAL,
    correlations: Sequence[float] = (),
) -> ColumnDrift:
    """How one column compares with the reference.

    Args:
        cells: of the column.
        reference: rows per cell.
        current: rows per cell of the window.
        limits: from where on it is drift.
        correlations: autocorrelation of its rows at the lags from 1.

    >>> from konan.monitoring.profiles.cells import NumericCells
    >>> cells = NumericCells("features.x", (0.0, 1.0, 2.0, 3.0))
    >>> before = np.array([0, 0, 0, 1000, 1000, 1000, 0])
    >>> found = column_drift(cells, before, np.array([90, 0, 0, 300, 300, 300, 10]))
    >>> found.verdict, found.effect, [(one.what, one.current) for one in found.portions if one.effect > 0.02]
    ('drift', 0.0, [('missing', 0.09)])
    """
    rows, usual_rows = int(current.sum()), int(reference.sum())
    if not rows or not usual_rows:
        return ColumnDrift(cells.name, "no rows", None, 0.0, 0.0, 0.0, rows, usual_rows)
    thinned = rows_as_one(correlations)
    one, two = reference / thinned, current / thinned
    measures = _measures(cells, one, two)
    portions = _portions(cells, reference, current, thinned)
    p_value = _p_value(statistics.chi2(one, two, ordered=cells.ordered, least=statistics.ENOUGH), portions)
    index = measures[0]
    large = index.effect >= limits.psi or any(_large(part, limits) for part in portions)
    return ColumnDrift(
        cells.name,
        "drift" if large and p_value is not None and p_value < limits.alpha else _silent(index.floor, limits),
        p_value,
        calibrated(p_value) if p_value is not None else 0.0,
        index.effect,
        index.floor,
        rows,
        usual_rows,
        measures,
        portions,
        _moved(cells, one, two),
        large,
    )


def drift(
    reference: Profile,
    current: Profile,
    layout: Layout,
    *,
    limits: Limits = USUAL,
    weights: Mapping[str, float] | None = None,
    correlated: Mapping[str, Sequence[float]] | None = None,
) -> Drift:
    """How a window compares with the reference.

    Args:
        reference: its profile.
        current: profile of the window.
        layout: of both.
        limits: from where on it is drift.
        weights: importance of columns, fixed beforehand; 1 where left out. One with 0 is not looked at.
        correlated: autocorrelation of the rows of columns at the lags from 1.
    """
    known, given = correlated or {}, weights or {}
    held = {
        cells.name: (cells, before, now)
        for cells, before, now in zip(layout.columns, reference.counts, current.counts, strict=True)
        if given.get(cells.name, 1.0) > 0
    }
    columns = [
        column_drift(*one, limits=limits, correlations=known.get(name, ())) for name, one in held.items()
    ]
    related = relations(reference, current, layout, known)
    guilty, evidence = _judged(columns, related, limits, given)
    columns = [_told(column, guilty, limits) for column in columns]
    drifted = [column for column in columns if column.verdict == "drift"]
    given_ones = [column for column in drifted if column.column not in _ANSWERS]
    broken = faults(
        {one.column: Held(*held[one.column], _large_ones(one, limits)) for one in given_ones},
        related,
        limits.alpha,
    )
    threshold = -math.log(limits.alpha)
    matters = bool(drifted) or _loud(related, limits)
    return Drift(
        _of_all(columns, drifted=evidence >= threshold and matters),
        current.rows,
        reference.rows,
        evidence,
        threshold,
        guilty,
        tuple(sorted(columns, key=lambda column: -column.evidence)),
        related,
        broken,
    )


def _measures(cells: Cells, one: Counts, two: Counts) -> tuple[Measure, ...]:
    """The index first; distances along the order also see values out of range."""
    inner = slice(cells.inner.start, cells.inner.stop)
    p, q = one[inner], two[inner]
    found = [
        statistics.psi(p, q, ordered=cells.ordered),
        statistics.chi2(p, q, ordered=cells.ordered),
        statistics.g(p, q, ordered=cells.ordered),
        statistics.jensen_shannon(p, q, ordered=cells.ordered),
        statistics.hellinger(p, q, ordered=cells.ordered),
        statistics.total_variation(p, q),
    ]
    if cells.ordered:
        found += [statistics.ks(one[2:], two[2:]), statistics.wasserstein(one[2:], two[2:])]
    return tuple(found)


def _portions(cells: Cells, reference: Counts, current: Counts, thinned: float) -> tuple[Proportion, ...]:
    before, now = int(reference.sum()), int(current.sum())
    return tuple(
        portion(what, Share(int(reference[at]), before), Share(int(current[at]), now), thinned)
        for what, at in cells.special.items()
    )


def _large(part: Proportion, limits: Limits) -> bool:
    return part.effect >= limits.share and part.p_value < limits.alpha


def _p_value(together: Measure, portions: Sequence[Proportion]) -> float | None:
    """Of all cells at once and of each unusual one alone, with the smallest paying for all (Bonferroni)."""
    parts = [part.p_value for part in portions if part.rows or part.usual]
    tested = parts if together.p_value is None else [together.p_value, *parts]
    return min(1.0, len(tested) * min(tested)) if tested else None


def _silent(floor: float, limits: Limits) -> Verdict:
    return "too few rows" if floor > limits.psi else "stable"


def _moved(cells: Cells, one: Counts, two: Counts) -> tuple[MovedCell, ...]:
    n, m = one.sum(), two.sum()
    p, q = one / n, two / m
    pooled = (one + two) / (n + m)
    spread = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    away = np.abs(q - p)
    order = [int(at) for at in np.argsort(-away, kind="stable") if away[at] > _NOTABLE * spread[at]]
    return tuple(
        MovedCell(cell=cells.labels[at], current=float(q[at]), usual=float(p[at]))
        for at in order[:_MOST_MOVED]
    )


def _judged(
    columns: Sequence[ColumnDrift], related: Relations, limits: Limits, weights: Mapping[str, float]
) -> tuple[tuple[str, ...], float]:
    """The guilty columns, and the evidence of all together."""
    tested = [column for column in columns if column.p_value is not None]
    logs = [column.evidence for column in tested]
    given = [weights.get(column.column, 1.0) for column in tested]
    if related.pairs:
        logs.append(related.evidence)
        given.append(sum(given) / len(given) if given else 1.0)
    if not logs:
        return (), 0.0
    mean = sum(given) / len(given)
    raised = [log + math.log(weight / mean) for log, weight in zip(logs, given, strict=True)]
    guilty = tuple(tested[at].column for at in e_bh(raised, limits.alpha) if at < len(tested))
    return guilty, mixed(raised)


def _told(column: ColumnDrift, guilty: Collection[str], limits: Limits) -> ColumnDrift:
    """A column as one of many: alone it may seem to drift by chance."""
    if column.verdict == "no rows":
        return column
    certain = column.column in guilty and column.matters
    return column._replace(verdict="drift" if certain else _silent(column.floor, limits))


def _large_ones(column: ColumnDrift, limits: Limits) -> tuple[Proportion, ...]:
    return tuple(part for part in column.portions if _large(part, limits))


def _loud(related: Relations, limits: Limits) -> bool:
    return any(
        change.effect >= limits.correlation and change.p_value * related.pairs < limits.alpha
        for change in related.changes
    )


def _of_all(columns: Sequence[ColumnDrift], *, drifted: bool) -> Verdict:
    counted = [column.verdict for column in columns if column.verdict != "no rows"]
    if not counted:
        return "no rows"
    if drifted:
        return "drift"
    return "too few rows" if 2 * counted.count("too few rows") > len(counted) else "stable"
