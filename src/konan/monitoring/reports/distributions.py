"""Tells how the values of each column are spread, in the reference and in a window."""

from collections.abc import Iterator

from konan.monitoring.profiles.cells import Cells, Counts
from konan.monitoring.reference.reference import Reference
from konan.monitoring.reports.selection import Part, Selection
from konan.records.distributions import CellShares, ColumnDistribution


def distributions(selecting: Selection) -> tuple[ColumnDistribution, ...]:
    """The columns of the first version and slice that was asked for, in its only or first window.

    Args:
        selecting: which.

    Returns:
        None of rows that were counted with other cells than the reference has.
    """
    for selected in selecting:
        if selected.reference is not None and selected.parts:
            return tuple(_columns(selected.reference, selected.parts[0]))
    return ()


def _columns(reference: Reference, part: Part) -> Iterator[ColumnDistribution]:
    if part.profile.layout != reference.layout.digest:
        return
    usual, current = reference.profile.counts, part.profile.counts
    for cells, before, now in zip(reference.layout.columns, usual, current, strict=True):
        yield _column(cells, before, now)


def _column(cells: Cells, usual: Counts, current: Counts) -> ColumnDistribution:
    special = set(cells.special.values())
    before, now = int(usual.sum()), int(current.sum())
    shown = [at for at in range(len(cells.labels)) if at not in special or usual[at] or current[at]]
    return ColumnDistribution(
        column=cells.name,
        ordered=cells.ordered,
        rows=now,
        usual_rows=before,
        cells=tuple(
            CellShares(
                cell=cells.labels[at],
                usual=int(usual[at]) / before if before else 0.0,
                current=int(current[at]) / now if now else 0.0,
                special=at in special,
            )
            for at in shown
        ),
    )
