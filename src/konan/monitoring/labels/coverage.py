"""Which slices get their truths less often than the others (pure).

Of each slice the share of labelled rows is compared with that of all other rows, by Newcombe's interval
(1998) at a level of 5 % divided by the number of slices, so that all intervals hold at once.
"""

from collections.abc import Sequence
from typing import NamedTuple

from konan.monitoring.reports.quality import Share, difference
from konan.records.labels import LabelCoverage, LabelFinding
from konan.records.monitoring import Segment

LEVEL = 0.05
"""Chance that any of the intervals misses its difference."""

LEAST = 0.05
"""A share that is lower by less does not matter."""


class Counted(NamedTuple):
    """A slice: how many rows it has, and how many of them are labelled."""

    segment: Segment
    rows: int
    labelled: int


def coverage(slices: Sequence[Counted], rows: int, labelled: int) -> tuple[LabelCoverage, ...]:
    """How much of each slice is labelled, the least first.

    Args:
        slices: of any columns.
        rows: of the whole.
        labelled: of the whole.

    >>> bern, rome = (Segment(column="city", value=one) for one in ("Bern", "Rome"))
    >>> found = coverage([Counted(bern, 1000, 100), Counted(rome, 1000, 500)], 2000, 600)
    >>> [(one.segment.value, one.share, one.state) for one in found]
    [('Bern', 0.1, 'problem'), ('Rome', 0.5, 'ok')]
    """
    compared = [one for one in slices if one.rows]
    found = []
    for one in compared:
        rest = Share(labelled - one.labelled, rows - one.rows)
        own = Share(one.labelled, one.rows)
        low, high = difference(own, rest, LEVEL / len(compared)) if rest.of else (-1.0, 1.0)
        found.append(
            LabelCoverage(
                segment=one.segment,
                rows=one.rows,
                labelled=one.labelled,
                share=own.value,
                low=low,
                high=high,
                state="problem" if high < 0 and own.value - rest.value <= -LEAST else "ok",
            )
        )
    return tuple(sorted(found, key=lambda one: (one.share, one.segment.column, one.segment.value or "")))


def findings(covered: Sequence[LabelCoverage], share: float) -> list[LabelFinding]:
    """What is wrong with it, in words.

    Args:
        covered: the slices.
        share: of the whole.
    """
    return [
        LabelFinding(
            kind="coverage",
            state="problem",
            about=one.segment.column,
            current=one.share,
            usual=share,
            detail=f"Of {one.segment.column} = {_told(one.segment.value)} {_percent(one.share)} of "
            f"{one.rows:,} rows are labelled, of all rows {_percent(share)}.",
        )
        for one in covered
        if one.state == "problem"
    ]


def _told(value: str | None) -> str:
    return "(none)" if value is None else value


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.3g} %"
