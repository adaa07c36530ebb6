"""Whether an estimate may be believed: what truths said of the newest rows that have one (pure).

An estimate that supposes old relations cannot see that they changed. So of every window it is kept by how
much it was off on the rows whose truth came, like beside like. It is contradicted when the newest of these
are certainly off by more than matters, or when windows are off one way and the other by more than chance.
Before truths come there is one more sign: values that the reference never had, of which nothing was learnt.

Sources: how far a mean is drawn to 0 where it may be chance, James & Stein, "Estimation with quadratic loss"
(1961), here with twice the deviation; variance between windows, DerSimonian & Laird, "Meta-analysis in
clinical trials" (1986); the height that chance reaches, Wilson & Hilferty, "The distribution of chi-square"
(1931).
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from konan.monitoring.estimation.correction import NOTHING, Known, Realised
from konan.monitoring.profiles.profile import FEATURES, SCORE, VALUE, Layout, Profile

ENOUGH = 300
"""The newest so many independent rows with a truth are asked."""

MOST_WINDOWS = 30
SHARE = 0.03
"""By so much a share, as accuracy, may be off."""

PART = 0.10
"""By such a part of its usual value another metric may be off, as an error."""

UNKNOWN = 0.10
"""So large a share of values that the reference never had is too much."""

CERTAIN = 3.29
"""Standard deviations that chance reaches in one of a thousand windows."""

SHARES = frozenset({"accuracy", "precision", "recall", "f1", "auc"})


class Check(NamedTuple):
    """By how much an estimate was off on the labelled rows of a window.

    Attributes:
        difference: the metric by the truths less its estimate, of the same rows.
        variance: of that difference by chance.
        rows: that count, after taking together those that hang together.
    """

    difference: float
    variance: float
    rows: float


class Trust(NamedTuple):
    """Whether an estimate may be believed.

    Attributes:
        trustworthy: false where truths contradict it, or where nothing was learnt of such rows.
        why: a sentence.
    """

    trustworthy: bool
    why: str


def tolerance(metric: str, usual: float) -> float:
    """By how much an estimate of a metric may be off.

    >>> tolerance("accuracy", 0.9), round(tolerance("mae", 20.0), 3)
    (0.03, 2.0)
    """
    return SHARE if metric in SHARES else PART * abs(usual)


def check(realised: Realised, noise: float, rows_as_one: float, rows: int) -> Check | None:
    """How an estimate did on labelled rows; None where they are too few to say anything.

    Errors of neighbouring rows hang together, those of a part of the rows less the smaller it is: a tenth of
    the rows of a window are hardly neighbours.

    Args:
        realised: by their truths.
        noise: variance of one row, as it was expected, for rows that hang together.
        rows_as_one: so many neighbours say as much as one.
        rows: of the window, with and without a truth.
    """
    together = 1 + (rows_as_one - 1) * min(realised.rows / rows, 1.0)
    count = realised.rows / together
    variance = max(noise, realised.noise) / rows_as_one / count
    return Check(realised.value - realised.expected, variance, count) if count >= 1 else None


def judged(checks: Sequence[Check], allowed: float, strangers: Sequence[str] = ()) -> Trust:
    """Whether an estimate may be believed.

    Args:
        checks: of windows up to this one, oldest first.
        allowed: by how much it may be off.
        strangers: columns with many values that the reference never had.

    >>> off = Check(-0.345, 0.0007, 336)
    >>> judged([off], 0.03).why
    'Not trustworthy here: truths of the newest rows are off from it by -0.345.'
    >>> judged([Check(0.001, 0.0001, 2000)], 0.03).why
    'Truths of the newest rows agree: they are off from it by +0.001.'
    >>> judged([], 0.03).why
    'No truths have come yet that could contradict it.'
    """
    newest = _newest(checks)
    if not newest:
        return _unchecked(strangers)
    mean, deviation = _mean(newest)
    against = _against(mean, deviation, between(newest), allowed)
    if against:
        return Trust(trustworthy=False, why=f"Not trustworthy here: {against}.")
    if abs(mean) + 1.96 * deviation <= 2 * allowed:
        return Trust(
            trustworthy=True, why=f"Truths of the newest rows agree: they are off from it by {mean:+.3g}."
        )
    if strangers:
        return _unchecked(strangers)
    return Trust(trustworthy=True, why="Truths do not contradict it, but are few yet.")


def earlier(checks: Sequence[Check]) -> Known:
    """What windows before say of the next one: an estimate that was off may be off by as much once more.

    Args:
        checks: of these windows, oldest first.

    >>> found = earlier([Check(-0.3, 0.0004, 400), Check(-0.32, 0.0004, 400)])
    >>> round(found.offset, 2), round(found.error, 3)
    (-0.31, 0.307)
    >>> earlier([Check(0.01, 0.0004, 400)])
    Known(offset=0.0, error=0.0)
    """
    newest = _newest(checks)
    if not newest:
        return NOTHING
    mean, deviation = _mean(newest)
    offset = mean * max(0.0, 1 - 4 * (deviation / mean) ** 2) if mean else 0.0
    left = between([one._replace(difference=one.difference - offset) for one in newest])
    return Known(offset, math.hypot(left, offset))


def _mean(checks: Sequence[Check]) -> tuple[float, float]:
    """By how much an estimate was off on average, and the standard deviation of that."""
    total = sum(one.rows for one in checks)
    mean = sum(one.difference * one.rows for one in checks) / total
    return mean, math.sqrt(sum(one.variance * one.rows**2 for one in checks)) / total


def _against(mean: float, deviation: float, error: float, allowed: float) -> str:
    """What truths say against an estimate, if they do."""
    if abs(mean) - CERTAIN * deviation > allowed:
        return f"truths of the newest rows are off from it by {mean:+.3g}"
    if error > allowed:
        return f"it errs by about {error:.2g} from window to window, as truths say"
    return ""


def between(checks: Sequence[Check]) -> float:
    """Standard deviation of the errors of windows beyond chance, 0 unless it is certain.

    >>> round(between([Check(0.1, 1e-4, 100), Check(-0.1, 1e-4, 100)] * 3), 2)
    0.1
    >>> between([Check(0.01, 1e-4, 100), Check(-0.01, 1e-4, 100)])
    0.0
    """
    count = len(checks)
    if count < 2 or any(one.variance <= 0 for one in checks):
        return 0.0
    statistic = sum(one.difference**2 / one.variance for one in checks)
    part = 2 / (9 * count)
    if statistic < count * (1 - part + CERTAIN * math.sqrt(part)) ** 3:
        return 0.0
    weight = sum(1 / one.variance for one in checks)
    return math.sqrt(max(statistic - count, 0.0) / weight)


def strangers(layout: Layout, usual: Profile, now: Profile) -> list[str]:
    """Inputs, scores and values of which many rows have a value that the reference never had, the most first.

    Args:
        layout: of both.
        usual: of the reference.
        now: of a window.
    """
    found: list[tuple[float, str]] = []
    for cells, before, counts in zip(layout.columns, usual.counts, now.counts, strict=True):
        rows, was = int(counts.sum()), int(before.sum())
        if rows and was and (cells.name.startswith(FEATURES) or cells.name in {SCORE, VALUE}):
            special = list(cells.special.values())
            more = float(counts[special].sum() / rows - before[special].sum() / was)
            if more > UNKNOWN:
                found.append((more, cells.name))
    return [name for _, name in sorted(found, reverse=True)]


def _newest(checks: Iterable[Check]) -> list[Check]:
    found: list[Check] = []
    rows = 0.0
    for one in reversed(list(checks)[-MOST_WINDOWS:]):
        if rows >= ENOUGH and len(found) > 1:
            break
        found.append(one)
        rows += one.rows
    return found


def _unchecked(strangers: Sequence[str]) -> Trust:
    if not strangers:
        return Trust(trustworthy=True, why="No truths have come yet that could contradict it.")
    named = ", ".join(one.removeprefix(FEATURES) for one in strangers[:3])
    why = f"Not trustworthy here: many rows have values that the reference never had ({named})."
    return Trust(trustworthy=False, why=why)
