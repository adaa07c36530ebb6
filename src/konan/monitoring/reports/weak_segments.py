"""Finds slices in which a model is certainly worse than on all other rows (pure).

Each slice is compared with the rest, which is the whole less the slice, exactly. Many slices are looked at,
and some of many look bad by chance: so every interval is made at a level of 5 % divided by their number
(Bonferroni), and all of them hold at once with a probability of 95 %, however the slices overlap. That is
for one look; who asks every hour sees a false one now and then.
"""

import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist
from typing import NamedTuple

from konan.monitoring.performance.calibration import variance_of
from konan.monitoring.performance.summary import ClassSummary, Summary, ValueSummary
from konan.monitoring.performance.sums import SCALE
from konan.monitoring.reports.quality import Share, difference
from konan.records.monitoring import Segment
from konan.records.performance import WeakSegment

LEVEL = 0.05
"""Chance that any slice is called weak where none is."""

LEAST_ROWS = 30
"""Slices with fewer labelled rows are not compared."""

LEAST_SHARE = 0.01
"""An accuracy that is lower by less does not matter."""

LEAST_PART = 0.05
"""An error that is larger by less than this part of the others' does not matter."""


class Loss(NamedTuple):
    """How much some rows lose.

    Attributes:
        rows: how many.
        mean: of one row.
        variance: of one row.
        wrong: how many are wrong, where rows are right or wrong; else None.
    """

    rows: int
    mean: float
    variance: float
    wrong: int | None = None


class Slice(NamedTuple):
    """A slice and what it loses, with the rest.

    Attributes:
        where: in words.
        segment: that reports can be asked for; None if it is none.
        own: of the slice.
        rest: of the other rows.
    """

    where: str
    segment: Segment | None
    own: Loss
    rest: Loss


def weak(slices: Iterable[Slice], metric: str) -> tuple[tuple[WeakSegment, ...], int]:
    """The slices that are certainly worse.

    Args:
        slices: to compare.
        metric: by which: ``accuracy`` where rows are right or wrong, else the name of a mean error.

    Returns:
        Those that are, the worst first, and how many were compared.

    >>> def told(wrong, rows):
    ...     return Loss(rows, wrong / rows, 0.0, wrong)
    >>> bad = Slice("city = Bern", None, told(80, 200), told(100, 1000))
    >>> fine = Slice("city = Rome", None, told(20, 200), told(160, 1000))
    >>> found, looked = weak([bad, fine], "accuracy")
    >>> [(one.where, one.value, round(one.low, 2)) for one in found], looked
    ([('city = Bern', 0.6, 0.22)], 2)
    """
    large = [one for one in slices if min(one.own.rows, one.rest.rows) >= LEAST_ROWS]
    level = LEVEL / max(len(large), 1)
    found = [told for one in large if (told := _told(one, metric, level)) is not None]
    return tuple(sorted(found, key=lambda one: -one.low)), len(large)


def slices_of(whole: Summary, parts: Sequence[tuple[Segment, Summary]]) -> list[Slice]:
    """Slices from their summaries and that of all rows; none of answers that have no loss."""
    everything = loss_of(whole)
    if everything is None:
        return []
    found = []
    for segment, part in parts:
        own, rest = loss_of(part), _less(whole, part)
        if own is not None and rest is not None:
            value = "(none)" if segment.value is None else segment.value
            found.append(Slice(f"{segment.column} = {value}", segment, own, rest))
    return found


def loss_of(summary: Summary) -> Loss | None:
    """What the labelled rows of a summary lose: wrong answers, or absolute errors; None of other answers."""
    if isinstance(summary, ClassSummary):
        return _of_wrong(summary.usable - summary.right, summary.usable)
    if isinstance(summary, ValueSummary):
        return _of_errors(summary.total("absolute"), summary.total("square"), summary.usable)
    return None


def _less(whole: Summary, part: Summary) -> Loss | None:
    if isinstance(whole, ClassSummary) and isinstance(part, ClassSummary):
        rows = whole.usable - part.usable
        return _of_wrong(rows - (whole.right - part.right), rows)
    first, second = (whole.total(name) - part.total(name) for name in ("absolute", "square"))
    return _of_errors(first, second, whole.usable - part.usable)


def _of_wrong(wrong: int, rows: int) -> Loss:
    share = wrong / rows if rows else 0.0
    return Loss(rows, share, share * (1 - share), wrong)


def _of_errors(first: int, second: int, rows: int) -> Loss:
    mean = first / (rows << SCALE) if rows else 0.0
    return Loss(rows, mean, variance_of(first, second, rows) if rows else 0.0)


def _told(one: Slice, metric: str, level: float) -> WeakSegment | None:
    own, rest = one.own, one.rest
    worse = own.mean - rest.mean
    if own.wrong is not None and rest.wrong is not None:
        low, high = difference(Share(own.wrong, own.rows), Share(rest.wrong, rest.rows), level)
        least, values = LEAST_SHARE, (1 - own.mean, 1 - rest.mean)
    else:
        half = NormalDist().inv_cdf(1 - level / 2) * math.sqrt(
            own.variance / own.rows + rest.variance / rest.rows
        )
        low, high = worse - half, worse + half
        least, values = LEAST_PART * rest.mean, (own.mean, rest.mean)
    if low <= 0 or worse < least:
        return None
    return WeakSegment(
        where=one.where,
        segment=one.segment,
        metric=metric,
        value=values[0],
        rest=values[1],
        low=low,
        high=high,
        rows=own.rows,
        rest_rows=rest.rows,
    )
