"""What one window says to an alarm on drift (pure): detectors for certainty, distances for the effect."""

import math
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from konan.monitoring.alarms.budget import threshold
from konan.monitoring.alarms.rules import Memory, doubts_of, watched_columns
from konan.monitoring.alarms.states import Look
from konan.monitoring.alarms.windows import Window
from konan.monitoring.drift.comparison import ColumnDrift, Drift, Limits, drift
from konan.monitoring.drift.distributions import rows_as_one
from konan.monitoring.drift.triage import triage
from konan.monitoring.evidence.bets import e_bh, mixed
from konan.monitoring.evidence.detectors import Evidence
from konan.monitoring.evidence.shares import ALPHA, percent
from konan.monitoring.evidence.shifts import Shifts
from konan.monitoring.profiles.cells import NumericCells
from konan.monitoring.profiles.profile import Profile
from konan.monitoring.reference.reference import Reference
from konan.records.alarms import AlarmRule, ColumnGrounds, Grounds
from konan.records.monitoring import MovedCell

_NOTHING = 1e-6
_MOST = 20
_MOST_NAMED = 3
_LN10 = math.log(10)
_LOOKS = "looks"


class Drifts:
    """Watches whether inputs and answers move away from the reference.

    Each column has a detector (`konan.monitoring.evidence.shifts`); their average is the model's verdict,
    and e-BH
    names columns. The effect is the largest of the named columns: the noise-corrected population stability
    index, or the change of a share of missing, unseen, invalid or out-of-range values, of which 0.02 weighs
    as 0.1 of the index.

    Args:
        rule: of the alarm.
        reference: of the version.
    """

    def __init__(self, rule: AlarmRule, reference: Reference) -> None:
        self._rule = rule
        self._reference = reference
        self._names = watched_columns(rule, reference)
        self._doubts = doubts_of(reference, self._names)
        self._limits = Limits(psi=max(rule.effect, 1e-6))
        self._shifts = {name: self._shifts_of(name) for name in self._names}

    def look(self, memory: Memory, seen: Window) -> Look:
        """What is known after one more window."""
        profile = seen.profile
        if profile is None or profile.rows < self._rule.rows:
            return Look(memory=dict(memory))
        looks = int(memory.get(_LOOKS, (0.0,))[0])
        after = {name: self._after(name, memory, looks, profile) for name in self._names}
        logs = [after[name].log_evidence for name in self._names]
        guilty = [self._names[at] for at in e_bh(logs, ALPHA)]
        now = self._drift(profile)
        day = now if seen.day is None or seen.day == profile else self._drift(seen.day)
        grounds = self._grounds(after, guilty, now, day)
        cause = triage(now if now.verdict == "drift" else day, limits=self._limits)
        what = (cause.reason or self._named(after, guilty)) if guilty else ""
        kept = {_LOOKS: (looks + 1.0,)} | {
            name: one.masses for name, one in after.items() if max(one.masses) > _NOTHING
        }
        return Look(replace(grounds, cause=cause.kind if guilty else ""), kept, what=what)

    def _grounds(
        self, after: Mapping[str, Evidence], guilty: Sequence[str], now: Drift, day: Drift
    ) -> Grounds:
        meant = guilty or self._names
        columns = {one.column: one for one in now.columns}
        effects = {name: _effect(columns[name], self._limits) for name in self._names}
        of_day = [_effect(one, self._limits) for one in day.columns if one.column in meant]
        worst = max(meant, key=lambda name: effects[name])
        order = sorted(self._names, key=lambda name: (-after[name].log_evidence, -effects[name]))
        return Grounds(
            rows=now.rows,
            evidence=round(mixed([one.log_evidence for one in after.values()]) / _LN10, 6),
            threshold=round(threshold(self._rule), 6),
            effect=round(max(effects[worst], *of_day), 6),
            floor=round(columns[worst].floor, 6),
            now=round(effects[worst], 6),
            columns=tuple(
                ColumnGrounds(
                    column=name,
                    evidence=round(after[name].log_evidence / _LN10, 6),
                    effect=round(effects[name], 6),
                    guilty=name in guilty,
                    moved=tuple(_moved(one) for one in columns[name].moved),
                )
                for name in order[:_MOST]
            ),
            doubts=self._doubts,
        )

    def _after(self, name: str, memory: Memory, looks: int, profile: Profile) -> Evidence:
        shifts = self._shifts[name]
        begin = shifts.begin()
        before = Evidence(memory.get(name, begin.masses), looks)
        return shifts.look(before, profile.counts[self._reference.layout.positions[name]])

    def _drift(self, profile: Profile) -> Drift:
        reference = self._reference
        return drift(
            reference.profile,
            profile,
            reference.layout,
            weights={cells.name: float(cells.name in self._names) for cells in reference.layout.columns},
            limits=self._limits,
            correlated=reference.autocorrelation,
        )

    def _shifts_of(self, name: str) -> Shifts:
        layout, lags = self._reference.layout, self._reference.autocorrelation.get(name)
        at = layout.positions[name]
        cells = layout.columns[at]
        return Shifts(
            self._reference.profile.counts[at],
            cells.labels,
            order=range(2, len(cells.labels)) if isinstance(cells, NumericCells) else (),
            block=rows_as_one(lags or ()),
        )

    def _named(self, after: Mapping[str, Evidence], guilty: Sequence[str]) -> str:
        """What the guilty columns have bet on and won, when no single window shows it."""
        told = [
            f"{name}: {self._shifts[name].strongest(after[name], 1)[0].what}"
            for name in guilty[:_MOST_NAMED]
            if self._shifts[name].strongest(after[name], 1)
        ]
        return f"Small changes add up ({'; '.join(told)})." if told else ""


def _effect(column: ColumnDrift, limits: Limits) -> float:
    """The index where it is above its noise, or the changed share that weighs more."""
    headline = column.measures[0] if column.measures else None
    index = column.effect if headline is not None and headline.value > column.floor else 0.0
    parts = [one.effect for one in column.portions if one.p_value < limits.alpha]
    return max([index, *(part * limits.psi / limits.share for part in parts)])


def _moved(cell: MovedCell) -> str:
    return f"{cell.cell}: {percent(cell.current)}, usually {percent(cell.usual)}"
