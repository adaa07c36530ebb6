"""Estimates of consecutive windows, each corrected by its truths and judged by those up to it (pure)."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from konan.monitoring.drift.distributions import rows_as_one
from konan.monitoring.estimation.correction import WIDTH, Estimated, Known, Realised, corrected
from konan.monitoring.estimation.estimator import Estimator
from konan.monitoring.estimation.metrics import Expected, Name, expected_each
from konan.monitoring.estimation.trust import (
    SHARES,
    Check,
    Trust,
    check,
    earlier,
    judged,
    strangers,
    tolerance,
)
from konan.monitoring.profiles.profile import Profile
from konan.monitoring.reference.reference import ERROR, Reference
from konan.records.performance import Estimate, MetricValue

BEFORE = 14
"""So many windows before the first are worth reading: their truths tell whether estimates may be believed."""

_SOURCES = {
    "holdout": "a holdout",
    "cross-fitted": "cross-fitted answers",
    "live": "the first labelled live rows",
}


_HEADLINES = frozenset({("accuracy", ""), ("mae", "")})


class Observed(NamedTuple):
    """What is known of a window.

    Attributes:
        profile: of all its rows.
        labelled: of those whose truth is known; None takes them for a fair part of all.
        metrics: by their truths.
        truths: how many have a truth.
    """

    profile: Profile
    labelled: Profile | None = None
    metrics: Sequence[MetricValue] = ()
    truths: int = 0


def estimates(
    reference: Reference, windows: Sequence[Observed], positive: str = "", *, headline: bool = False
) -> list[dict[Name, Estimate]]:
    """The estimates of windows, by metric and what it is about.

    Args:
        reference: of the version; without a valid one nothing is estimated.
        windows: oldest first, counted with the reference's cells; up to `BEFORE` of them may lie before those
            that were asked for.
        positive: the class that precision, recall and F1 without a name are of; else the second of two.
        headline: whether only accuracy or mean absolute error is wanted, as of very many windows.
    """
    estimator, answers = reference.estimator, reference.answers
    if estimator is None or answers is None or answers.source not in _SOURCES:
        return [{} for _ in windows]
    basis = f"{estimator.method} on {_SOURCES[answers.source]}"
    layout = reference.layout
    profiles = [
        one.profile if one.profile.layout == layout.digest else Profile.empty(layout) for one in windows
    ]
    whole = expected_each(estimator, layout, profiles)
    labelled = expected_each(
        estimator, layout, [one.labelled or own for one, own in zip(windows, profiles, strict=True)]
    )
    judge = _Judge(estimator, rows_as_one(reference.autocorrelation.get(ERROR, ())))
    found = []
    for one, profile, told, like in zip(windows, profiles, whole, labelled, strict=True):
        realised = _realised(one, told, like, judge.together)
        names = [name for name in told if name in _HEADLINES or not headline]
        known = {name: judge.earlier(name) for name in names}
        judge.learn(like, realised, profile.rows)
        unknown = strangers(layout, reference.profile, profile) if told else []
        each = {}
        for name in names:
            most = 1.0 if name[0] in SHARES else math.inf
            value = corrected(told[name], profile.rows, realised.get(name), known[name], most)
            words = basis + (f", corrected by {one.truths:,} truths" if name in realised else "")
            each[name] = _estimate(value, judge.of(name, unknown), words)
        found.append(each | dict(_named(each, estimator, positive)))
    return found


def _named(
    each: Mapping[Name, Estimate], estimator: Estimator, positive: str
) -> Iterator[tuple[Name, Estimate]]:
    """Metrics that have a second name: those of the positive class, and micro averages."""
    one = positive or (estimator.classes[1] if len(estimator.classes) == 2 else "")
    for name in ("precision", "recall", "f1"):
        if one and (name, one) in each:
            yield (name, ""), each[name, one]
        if (name, "macro") in each:
            yield (name, "micro"), each["accuracy", ""]


class _Judge:
    """Remembers by how much estimates were off.

    Args:
        estimator: makes them.
        together: so many errors of neighbouring rows say as much as one, in the reference.

    Attributes:
        together: the same of what the estimator leaves, if that is more.
    """

    def __init__(self, estimator: Estimator, together: float) -> None:
        self.together = max(estimator.rows_as_one, together)
        self._checks: dict[Name, list[Check]] = {}
        at = estimator.positions
        usual = {
            "mae": estimator.usual[at["abs"]] if "abs" in at else 0.0,
            "rmse": math.sqrt(estimator.usual[at["square"]]) if "square" in at else 0.0,
        }
        self._usual = usual | {
            name: estimator.usual[at[name]] for name in ("log_loss", "brier") if name in at
        }

    def learn(self, like: Mapping[Name, Expected], realised: Mapping[Name, Realised], rows: int) -> None:
        """Take in what truths of a window say."""
        for name, one in realised.items():
            found = check(one, like[name].noise, self.together, rows)
            if found is not None:
                self._checks.setdefault(name, []).append(found)

    def of(self, name: Name, unknown: Sequence[str]) -> Trust:
        """Whether the estimate of a metric may be believed: neither it nor the headline is contradicted."""
        own = self._judged(name, unknown)
        if name in _HEADLINES or not own.trustworthy:
            return own
        head = self._judged(("mae" if name[0] == "rmse" else "accuracy", ""), unknown)
        return own if head.trustworthy else head

    def earlier(self, name: Name) -> Known:
        """What windows that were learnt say of the next one."""
        return earlier(self._checks.get(name, ()))

    def _judged(self, name: Name, unknown: Sequence[str]) -> Trust:
        return judged(self._checks.get(name, ()), tolerance(name[0], self._usual.get(name[0], 0.0)), unknown)


def _realised(
    window: Observed, whole: Mapping[Name, Expected], like: Mapping[Name, Expected], together: float
) -> dict[Name, Realised]:
    """What truths of a window say, beside the estimate of the same rows."""
    found = {}
    for one in window.metrics if window.truths else ():
        name = one.name, one.of
        if one.value is not None and name in whole and name in like:
            half = (one.high - one.low) / 2 if one.low is not None and one.high is not None else 0.0
            noise = (half / WIDTH) ** 2 * window.truths * together
            found[name] = Realised(one.value, like[name].value, window.truths, noise)
    return found


def _estimate(found: Estimated, trust: Trust, words: str) -> Estimate:
    return Estimate(
        value=found.value,
        low=found.low,
        high=found.high,
        trustworthy=trust.trustworthy,
        why=f"{trust.why} ({words}.)",
    )
