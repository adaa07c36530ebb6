"""What one window says to an alarm of each kind (pure): the same for live windows and in a replay."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np

from konan.monitoring.alarms.budget import threshold
from konan.monitoring.alarms.states import USUAL, Look
from konan.monitoring.alarms.windows import Window
from konan.monitoring.drift.distributions import rows_as_one
from konan.monitoring.evidence import shares
from konan.monitoring.evidence.bets import upper_limit
from konan.monitoring.evidence.dependence import assumptions, block_of
from konan.monitoring.evidence.shares import Stream, Verdict, percent
from konan.monitoring.profiles.cells import Cells, Counts
from konan.monitoring.profiles.profile import TARGET, Profile
from konan.monitoring.reference.reference import Reference
from konan.records.alarms import AlarmRule, Grounds

Memory = Mapping[str, tuple[float, ...]]
CONSTANT = 0.95
"""A column that has a larger share of its values in one cell than this, and than usual, hardly varies."""

_LEARN_REQUESTS = 500
_LEARN_WINDOWS = 24
_LEARN_DAYS = 7
_DAY = 86_400
_NO_REFERENCE = "There is no valid reference yet: it comes with data given at deploy, or with labelled rows."


class Judge(Protocol):
    """Looks at one window after another for one alarm."""

    def look(self, memory: Memory, seen: Window) -> Look:
        """What is known after one more window.

        Args:
            memory: of the detectors before it.
            seen: the window.
        """
        ...


def judge(rule: AlarmRule, reference: Reference | None) -> Judge:
    """The judge of a rule.

    Args:
        rule: of the alarm.
        reference: of the version that is watched; None while there is none.
    """
    if rule.kind in {"errors", "volume"}:
        return Errors(rule) if rule.kind == "errors" else Volume(rule)
    if rule.kind == "performance":
        from konan.monitoring.alarms.performance_rule import Performance

        return Performance(rule, reference)
    if reference is None or not watched_columns(rule, reference):
        return Learning(_NO_REFERENCE)
    if rule.kind == "data-fault":
        return DataFaults(rule, reference)
    from konan.monitoring.alarms.drift_rule import Drifts

    return Drifts(rule, reference)


def watched_columns(rule: AlarmRule, reference: Reference) -> tuple[str, ...]:
    """Names of the columns that a rule watches and that the reference knows.

    Truths come late, and would change windows that were looked at; they are watched with performance.
    """
    wanted = set(rule.columns)
    return tuple(
        cells.name
        for cells in reference.layout.columns
        if cells.name != TARGET and (not wanted or cells.name in wanted)
    )


def doubts_of(reference: Reference, columns: Sequence[str]) -> tuple[str, ...]:
    """What makes the evidence of some columns doubtful, in words."""
    found = dict[str, None]()
    for name in columns:
        lags = reference.autocorrelation.get(name)
        rows = int(reference.profile.counts[reference.layout.positions[name]].sum())
        block = block_of(lags) if lags else 1
        for doubt in assumptions(rows=rows, correlations=lags or (), block=block):
            found[doubt.message] = None
    return tuple(found)


class Learning:
    """Nothing can be said.

    Args:
        why: in a sentence.
    """

    def __init__(self, why: str) -> None:
        self._why = why

    def look(self, memory: Memory, _: Window) -> Look:
        """That nothing can be said."""
        return Look(memory=dict(memory), learning=self._why)


class DataFaults:
    """Watches missing, unseen, invalid and out-of-range values, and columns that do not vary.

    Args:
        rule: of the alarm.
        reference: of the version.
    """

    def __init__(self, rule: AlarmRule, reference: Reference) -> None:
        self._rule = rule
        self._reference = reference
        self._names = watched_columns(rule, reference)
        self._doubts = doubts_of(reference, self._names)

    def look(self, memory: Memory, seen: Window) -> Look:
        """What is known after one more window."""
        if seen.profile is None or seen.profile.rows < self._rule.rows:
            return Look(memory=dict(memory))
        streams = list(self._streams(seen.profile))
        verdict = shares.watched(streams, memory, self._rule.effect / 2)
        of_day = _worst(list(self._streams(seen.day))) if seen.day is not None else 0.0
        return verdict_look(self._rule, seen.profile.rows, verdict, of_day, self._doubts, cause="data fault")

    def _streams(self, profile: Profile) -> Iterator[Stream]:
        layout, usual = self._reference.layout, self._reference.profile.counts
        for name in self._names:
            at = layout.positions[name]
            lags = self._reference.autocorrelation.get(name)
            yield from _of_column(layout.columns[at], usual[at], profile.counts[at], rows_as_one(lags or ()))


def _of_column(cells: Cells, usual: Counts, now: Counts, block: float) -> Iterator[Stream]:
    rows, usual_rows = int(now.sum()), int(usual.sum())
    for what, at in cells.special.items():
        yield Stream(cells.name, what, int(now[at]), rows, int(usual[at]), usual_rows, block=block)
    inner = list(cells.inner)
    if len(inner) > 1:
        for at in inner:
            what = f"only {cells.labels[at]}"
            yield Stream(cells.name, what, int(now[at]), rows, int(usual[at]), usual_rows, CONSTANT, block)


class Errors:
    """Watches the share of requests that were refused, or whose model failed; it learns what is usual.

    Args:
        rule: of the alarm.
    """

    def __init__(self, rule: AlarmRule) -> None:
        self._rule = rule

    def look(self, memory: Memory, seen: Window) -> Look:
        """What is known after one more window."""
        requests = seen.answered + seen.refused
        refused, usual, windows, *more = memory.get(USUAL + "requests", (0.0, 0.0, 0.0))
        squares = more[0] if more else 0.0
        if usual < _LEARN_REQUESTS or windows < _LEARN_WINDOWS:
            squares += seen.refused**2 / max(requests, 1)
            learnt = (refused + seen.refused, usual + requests, windows + 1, squares)
            return Look(memory={USUAL + "requests": learnt}, learning=_learning(learnt))
        if requests < self._rule.rows:
            return Look(memory=dict(memory))
        block = _requests_as_one(refused, usual, windows, squares)
        stream = Stream(
            "requests", "without an answer", seen.refused, requests, int(refused), int(usual), block=block
        )
        verdict = shares.watched([stream], memory, self._rule.effect / 2)
        learnt = (refused, usual, windows, squares)
        kept = verdict._replace(memory={**verdict.memory, USUAL + "requests": learnt})
        return verdict_look(self._rule, requests, kept, 0.0)


def _requests_as_one(refused: float, requests: float, windows: float, squares: float) -> float:
    """How many requests say as much as one, as failures come in bursts: the design effect of the windows.

    Source: Kish (1965), *Survey Sampling*: the chi-square of windows over its degrees of freedom.

    >>> round(_requests_as_one(20.0, 1000.0, 2.0, 20.0**2 / 500), 2)  # all in one of two windows of 500
    20.41
    """
    share = refused / max(requests, 1.0)
    if windows < 2 or not 0 < share < 1:
        return 1.0
    return max((squares - refused * share) / (share * (1 - share)) / (windows - 1), 1.0)


def _learning(learnt: tuple[float, ...]) -> str:
    _, requests, windows, _ = learnt
    return (
        f"It learns how many requests usually fail: {requests:,.0f} of {_LEARN_REQUESTS} requests, "
        f"{windows:.0f} of {_LEARN_WINDOWS} windows."
    )


class Volume:
    """Watches for windows without any prediction; it learns at which times of the day there are some.

    Args:
        rule: of the alarm.
    """

    def __init__(self, rule: AlarmRule) -> None:
        self._rule = rule
        self._slots = max(_DAY // rule.window, 1)
        self._needed = _LEARN_DAYS * self._slots

    def look(self, memory: Memory, seen: Window) -> Look:
        """What is known after one more window."""
        slots = memory.get(USUAL + "silent", (0.0,) * (2 * self._slots))
        slot = seen.start // self._rule.window % self._slots
        silent, windows = np.array(slots[: self._slots]), np.array(slots[self._slots :])
        if windows.sum() < self._needed:
            silent[slot] += not seen.answered
            windows[slot] += 1
            if windows.sum() == 1 and not seen.answered:  # before the first prediction nothing is learnt
                return Look(memory=dict(memory), learning="It waits for the first prediction.")
            learnt = (*silent.tolist(), *windows.tolist())
            why = f"It learns when predictions usually come: {windows.sum():.0f} of {self._needed} windows."
            return Look(memory={USUAL + "silent": learnt}, learning=why)
        alike = silent == 0 if silent[slot] == 0 else np.arange(self._slots) == slot
        usual, of = int(silent[alike].sum()), int(windows[alike].sum())
        stream = Stream("predictions", "none", int(not seen.answered), 1, usual, of)
        verdict = shares.watched([stream], memory, self._rule.effect / 2 if usual else 0.0)
        kept = verdict._replace(memory={**verdict.memory, USUAL + "silent": slots})
        effect = stream.effect if not seen.answered else 0.0
        grounds = Grounds(
            rows=seen.answered,
            evidence=round(kept.evidence, 6),
            threshold=round(threshold(self._rule), 6),
            effect=round(effect, 6),
            now=round(effect, 6),
            columns=kept.columns,
        )
        usually = float(upper_limit(usual / max(of, 1), of, shares.CHANCE))
        what = f"No predictions come; at this time at most {percent(usually)} of the windows have none."
        return Look(grounds=grounds, memory=kept.memory, what=what if not seen.answered else "")


def _worst(streams: Sequence[Stream]) -> float:
    return max((stream.certain for stream in streams), default=0.0)


def verdict_look(
    rule: AlarmRule,
    rows: int,
    verdict: Verdict,
    of_day: float,
    doubts: tuple[str, ...] = (),
    cause: str = "",
) -> Look:
    """What a verdict on shares says to an alarm.

    Args:
        rule: of the alarm.
        rows: of the window.
        verdict: on all shares.
        of_day: the largest effect over the day that ends with the window.
        doubts: what may not hold.
        cause: of what is guilty.
    """
    worst = verdict.worst
    now = worst.certain if worst is not None else 0.0
    grounds = Grounds(
        rows=rows,
        evidence=round(verdict.evidence, 6),
        threshold=round(threshold(rule), 6),
        effect=round(max(now, of_day), 6),
        floor=round(worst.floor if worst is not None else 0.0, 6),
        now=round(now, 6),
        cause=cause if any(column.guilty for column in verdict.columns) else "",
        columns=verdict.columns,
        doubts=doubts,
    )
    guilty = dict.fromkeys(column.column for column in verdict.columns if column.guilty)
    what = ""
    if worst is not None and math.isfinite(verdict.evidence):
        more = len(guilty) - (worst.column in guilty)
        also = f", and {more} more {'column' if more == 1 else 'columns'}" if more else ""
        what = f"{worst.column} {shares.sentence(worst)}{also}."
    return Look(grounds=grounds, memory=verdict.memory, what=what)
