"""Rules on the quality of what a deployment is sent (pure): counts in, findings out.

A share is a problem only if it is both more than chance, by an interval at a level that allows for all that
is looked at together, and large enough to matter (`LEAST`). Intervals of differences: Newcombe (1998),
"Interval estimation for the difference between independent proportions", method 10, on Wilson's (1927)
interval of one. They take rows to be independent; many rows of one cause (one client's bad hour) look more
certain than they are.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, median
from typing import TYPE_CHECKING, NamedTuple

from konan.records.monitoring import Finding, QualityKind, QualityState

if TYPE_CHECKING:
    from konan.monitoring.profiles.cells import Cells

LEVEL = 0.001
"""Chance that any of the shares looked at together is called changed where none is."""

LEAST = 0.01
"""A share that changed by less than one row in a hundred is no problem, however certain it is."""

WIDEST = 0.1
"""Half an interval wider than this says nothing: too few rows."""

NEVER = 1e-6
"""What would be as rare as this if a feature still varied as it did is called constant."""

_EARLIER = 5
_SPREADS = 6.0
_OF_NORMAL = 1.4826
_ORDER: dict[QualityState, int] = {"problem": 0, "notice": 1, "too few rows": 2, "learning": 3, "ok": 4}


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many rows."""

    count: int
    of: int

    @property
    def value(self) -> float:
        """As a fraction; 0 of no rows."""
        return self.count / self.of if self.of else 0.0


class Counts(NamedTuple):
    """What one column of some rows holds.

    Attributes:
        rows: how many rows there are.
        missing: rows without a value.
        invalid: infinite numbers, and values of a wrong type.
        unseen: categories that the reference does not know.
        outside: numbers below the smallest or above the largest of the reference.
        cells: rows in each cell with values that the reference knows.
    """

    rows: int
    missing: int = 0
    invalid: int = 0
    unseen: int = 0
    outside: int = 0
    cells: tuple[int, ...] = ()


def counts_of(cells: "Cells", counts: Sequence[int]) -> Counts:
    """What a column holds, from its counts in a profile.

    >>> from konan.monitoring.profiles.cells import CategoryCells
    >>> counts_of(CategoryCells("features.city", ("Bern", "Rome")), [5, 3, 0, 1, 2])
    Counts(rows=11, missing=2, invalid=0, unseen=1, outside=0, cells=(5, 3, 0))
    """
    special = {name: int(counts[at]) for name, at in cells.special.items()}
    return Counts(
        rows=int(sum(counts)),
        missing=special.get("missing", 0),
        invalid=special.get("invalid", 0),
        unseen=special.get("unseen", 0),
        outside=special.get("below", 0) + special.get("above", 0),
        cells=tuple(int(counts[at]) for at in cells.inner),
    )


def difference(current: Share, usual: Share, level: float) -> tuple[float, float]:
    """An interval of the difference of two shares.

    Args:
        current: one.
        usual: the other, independent of it.
        level: chance that the interval misses the difference, in (0, 1).

    Returns:
        Both ends of ``current - usual``, in [-1, 1].

    Newcombe's example (his table II, method 10):

    >>> [round(end, 4) for end in difference(Share(56, 70), Share(48, 80), 0.05)]
    [0.0524, 0.3339]
    """
    z = NormalDist().inv_cdf(1 - level / 2)
    (low, high), (usual_low, usual_high) = _wilson(current, z), _wilson(usual, z)
    middle = current.value - usual.value
    return (
        max(-1.0, middle - math.hypot(current.value - low, usual_high - usual.value)),
        min(1.0, middle + math.hypot(high - current.value, usual.value - usual_low)),
    )


def compared(kind: QualityKind, column: str, current: Share, usual: Share, level: float) -> Finding:
    """A share beside what it usually is.

    >>> found = compared("missing", "features.income", Share(600, 1000), Share(3, 5000), 0.001)
    >>> found.state, round(found.low, 2), round(found.high, 2)
    ('problem', 0.55, 0.65)
    >>> compared("missing", "features.income", Share(1, 1000), Share(3, 5000), 0.001).state
    'ok'
    """
    low, high = difference(current, usual, level)
    middle = current.value - usual.value
    state: QualityState = "ok"
    if not current.of or not usual.of:
        state = "too few rows"
    elif low > 0:
        state = "problem" if middle >= LEAST else "notice"
    elif high < 0 and -middle >= LEAST:
        state = "notice"
    elif (high - low) / 2 > WIDEST:
        state = "too few rows"
    return Finding(
        kind=kind,
        column=column,
        state=state,
        current=current.value,
        usual=usual.value,
        low=low,
        high=high,
        detail=f"{_percent(current.value)} of {current.of:,} {_NOUNS.get(kind, 'rows')}{_WORDS[kind]}, "
        f"usually {_percent(usual.value)}.",
    )


def columns(usual: Mapping[str, Counts], current: Mapping[str, Counts]) -> list[Finding]:
    """What is missing, unseen, invalid and out of range in each column that both have."""
    kinds: tuple[tuple[QualityKind, str], ...] = (
        ("missing", "missing"),
        ("unseen", "unseen"),
        ("invalid", "invalid"),
        ("out of range", "outside"),
    )
    names = [name for name in current if name in usual]
    level = LEVEL / max(1, len(names) * len(kinds))
    return [
        compared(
            kind,
            name,
            Share(getattr(current[name], field), current[name].rows),
            Share(getattr(usual[name], field), usual[name].rows),
            level,
        )
        for name in names
        for kind, field in kinds
        if getattr(current[name], field) or getattr(usual[name], field)
    ]


def stuck(column: str, usual: Counts, windows: Sequence[tuple[str, Counts]]) -> Finding | None:
    """Whether a feature does not vary in some windows (constant), or no more in the last ones (stale).

    It has all its values in one cell. If it still varied as the reference does, the chance of that is the
    cell's share to the power of the number of values; it is found where this is below `NEVER`. A feature that
    the reference knows in one cell only is meant to be so.

    Args:
        column: its name.
        usual: what the reference has.
        windows: start (RFC 3339) and counts of consecutive windows, oldest first.

    >>> two, one = Counts(8, cells=(5, 3)), Counts(40, cells=(40, 0))
    >>> stuck("features.x", Counts(100, cells=(50, 50)), [("09:00", two), ("10:00", one)]).detail
    'It does not vary any more since 10:00 (40 rows).'
    >>> stuck("features.x", Counts(100, cells=(100, 0)), [("10:00", one)]) is None
    True
    """
    cells = len(usual.cells)
    filled = [(at, one.cells) for at, one in windows if sum(one.cells)]
    if sum(count > 0 for count in usual.cells) < 2 or not filled:
        return None
    cell = next((index for index in range(cells) if filled[-1][1][index]), 0)
    run = 0
    for _, counts in reversed(filled):
        if counts[cell] != sum(counts):
            break
        run += 1
    rows = sum(counts[cell] for _, counts in filled[len(filled) - run :])
    share = (usual.cells[cell] + 0.5) / (sum(usual.cells) + 1)
    if not run or rows * math.log(share) > math.log(NEVER):
        return None
    stale = run < len(filled)
    since = f" any more since {filled[-run][0]}" if stale else ""
    return Finding(
        kind="stale" if stale else "constant",
        column=column,
        state="problem",
        current=1.0,
        usual=share,
        low=None,
        high=None,
        detail=f"It does not vary{since} ({rows:,} rows).",
    )


def rejections(rejected: int, answered: int, before: Share | None) -> Finding:
    """The share of requests that were refused.

    Args:
        rejected: requests that were refused.
        answered: requests that were answered.
        before: refused ones of all in the time before; None if nobody knows.

    >>> rejections(30, 70, Share(1, 100)).state
    'problem'
    """
    share = Share(rejected, rejected + answered)
    return _against("rejected", share, before)


def repeats(share: Share, before: Share | None) -> Finding:
    """The share of rows that are the same, in all features, as an earlier one among those looked at."""
    return _against("repeated", share, before)


def volume(rows: int, earlier: Sequence[int]) -> Finding:
    """Whether there are about as many rows as in windows of the same length and time of day before.

    Usual is the median of those, give or take six of their spreads (the median absolute deviation as a
    standard deviation, at least that of a Poisson count). It is a rule of thumb without a guarantee.

    Args:
        rows: of the window.
        earlier: rows of the windows before it.

    >>> volume(0, [90, 110, 100, 95, 105]).state, volume(100, [90, 110, 100, 95, 105]).state
    ('problem', 'ok')
    >>> volume(7, []).state
    'learning'
    """
    if len(earlier) < _EARLIER:
        detail = f"{rows:,} rows; what is usual is not known yet."
        return _volume("learning", rows, (None, None, None), detail)
    middle = median(earlier)
    deviation = _OF_NORMAL * median(abs(count - middle) for count in earlier)
    spread = _SPREADS * max(deviation, math.sqrt(middle), 1.0)
    low, high = max(0.0, middle - spread), middle + spread
    silent = rows == 0 and min(earlier) > 0 and sum(earlier) >= _EARLIER * 3
    state: QualityState = "problem" if silent or not low <= rows <= high else "ok"
    detail = f"{rows:,} rows, usually {low:,.0f} to {high:,.0f}."
    return _volume(state, rows, (middle, low, high), detail)


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings, the worst first."""
    return tuple(sorted(findings, key=lambda found: (_ORDER[found.state], found.column, found.kind)))


def worst(findings: Iterable[Finding]) -> QualityState:
    """The worst state; of nothing ``ok``.

    >>> worst([volume(7, [])]), worst([])
    ('ok', 'ok')
    """
    told = [found.state for found in findings if found.state in {"problem", "notice"}]
    return min(told, key=_ORDER.__getitem__, default="ok")


_NOUNS: dict[QualityKind, str] = {"rejected": "answered rows and refused requests"}
_WORDS: dict[QualityKind, str] = {
    "missing": " have no value",
    "unseen": " have a category that the reference does not know",
    "invalid": " have no finite number, or a value of another type",
    "out of range": " lie outside of what the reference has",
    "rejected": " are refusals",
    "repeated": " repeat an earlier row",
}


def _against(kind: QualityKind, share: Share, before: Share | None) -> Finding:
    if before is not None and before.of:
        return compared(kind, "", share, before, LEVEL)
    detail = f"{_percent(share.value)} of {share.of:,} {_NOUNS.get(kind, 'rows')}{_WORDS[kind]}."
    return Finding(
        kind=kind,
        column="",
        state="learning",
        current=share.value,
        usual=None,
        low=None,
        high=None,
        detail=detail,
    )


def _volume(
    state: QualityState, rows: int, usual: tuple[float | None, float | None, float | None], detail: str
) -> Finding:
    middle, low, high = usual
    return Finding(
        kind="volume",
        column="",
        state=state,
        current=float(rows),
        usual=middle,
        low=low,
        high=high,
        detail=detail,
    )


def _wilson(share: Share, z: float) -> tuple[float, float]:
    if not share.of:
        return 0.0, 1.0
    middle = share.value + z * z / (2 * share.of)
    half = z * math.sqrt(share.value * (1 - share.value) / share.of + (z / (2 * share.of)) ** 2)
    whole = 1 + z * z / share.of
    return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)


def _percent(share: float) -> str:
    """A share for people.

    >>> _percent(0.5), _percent(0.0004), _percent(0)
    ('50 %', '0.04 %', '0 %')
    """
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.4g} %"
