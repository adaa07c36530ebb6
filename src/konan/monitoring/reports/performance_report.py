"""Tells the performance of windows as records: metrics, estimates beside them, their worth, weak segments."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from konan.monitoring.performance import calibration, metrics
from konan.monitoring.performance.metrics import Settings
from konan.monitoring.performance.shape import Shape
from konan.monitoring.performance.summary import ClassSummary, Summary
from konan.monitoring.performance.windows import PerformanceWindows, Wanted, delay_of, state_of
from konan.monitoring.profiles.days import Key
from konan.monitoring.profiles.profile import Profile
from konan.monitoring.profiles.windows import Span
from konan.monitoring.reports import weak_segments, worth
from konan.monitoring.reports.estimates import BEFORE, Observed, estimates
from konan.monitoring.reports.query import DAY
from konan.monitoring.reports.selection import Part, Selected, Selection
from konan.predictions.filters import SHOWN_ROLES
from konan.records.deployments import Version
from konan.records.measures import Decision
from konan.records.monitoring import Segment
from konan.records.performance import Estimate, MetricValue, PerformanceWindow

METRICS = frozenset(
    {
        "accuracy",
        "precision",
        "recall",
        "f1",
        "auc",
        "log_loss",
        "brier",
        "calibration_error",
        "mae",
        "rmse",
        "r2",
        "mape",
        "bias",
        "residual_quantile",
    }
)
"""Names of all metrics that Konan has."""

_LEARNT = 30 * DAY
"""Delays of truths are learnt from so many days."""

_FEW = 40
"""Windows up to which confusion matrices are told of each."""


class Told(NamedTuple):
    """A window, and where its rows are.

    Attributes:
        window: as it is told.
        version: that answered.
        part: start and end.
    """

    window: PerformanceWindow
    version: Version
    part: Part


class PerformanceOf:
    """The performance of what was asked for.

    Args:
        selecting: which windows.
        read: the summaries.
        decision: of the deployment; None if nothing is declared.
        now: the present, seconds since 1970-01-01 UTC.
    """

    def __init__(
        self, selecting: Selection, read: PerformanceWindows, decision: Decision | None, now: float
    ) -> None:
        self._selecting = selecting
        self._read = read
        self._decision = decision
        self._settings = Settings(positive=decision.positive if decision else "")
        self._now = now
        self._due = float(decision.labels_within) if decision and decision.labels_within else None
        self._delays: dict[int, float | None] = {}
        self.headline = ""

    def windows(self) -> Iterator[Told]:
        """Every window with rows, by version and segment, oldest first; of a single one also without."""
        for selected in self._selecting:
            yield from self._of(selected)

    def _of(self, selected: Selected) -> Iterator[Told]:
        shape = Shape.of(selected.version.schema.output if selected.version.schema else None)
        self.headline = self.headline or metrics.headline_of(shape)
        settings = self._fit(shape)
        summaries, delay, slices = self._summed(selected, shape)
        told = [metrics.metrics(one, settings) if one.rows else () for one in summaries]
        expected = self._estimates(selected, shape, summaries, told, settings)
        for part, summary, values, beside in zip(selected.parts, summaries, told, expected, strict=True):
            if summary.rows or self._selecting.single:
                window = selected.window(part)
                made = PerformanceWindow(
                    version=window.version,
                    segment=window.segment,
                    since=window.since,
                    until=window.until,
                    rows=summary.rows,
                    state=state_of(summary, part.end, self._now, delay),
                    labelled=summary.labelled,
                    share=summary.share,
                    metrics=tuple(_beside(values, beside)),
                    decision=worth.worth(summary, self._decision, settings) if self._decision else None,
                    doubts=_doubts(summary),
                )
                yield Told(self._more(made, selected, summary, slices), selected.version, part)

    def summaries(self, version: int, shape: Shape, segment: Segment | None, span: Span) -> list[Summary]:
        """The summaries of consecutive windows; of live and canary answers together."""
        wanted = Wanted(_keys(version, segment), span)
        return self._read.together(self._selecting.uuid, [wanted], shape)[0]

    def _summed(
        self, selected: Selected, shape: Shape
    ) -> tuple[list[Summary], float | None, list[tuple[Segment, Summary]]]:
        """The summaries of the windows, how late truths are, and slices of a single window, read at once."""
        asked, number = self._selecting.asked, selected.version.version
        span = Span(asked.start, asked.end, asked.every)
        learnt = Span(max(asked.end - _LEARNT, 0) // DAY * DAY, asked.end, _LEARNT + DAY)
        segments = list(self._slices(selected.version)) if selected.segment is None else []
        parts = [Wanted(_keys(number, one), span, shape.sums) for one in segments]
        wanted = [Wanted(_keys(number, selected.segment), span), *parts]
        if self._due is None and number not in self._delays:
            wanted.append(Wanted(_keys(number, None), learnt, shape.sums))
        found = self._read.together(self._selecting.uuid, wanted, shape)
        if len(found) > 1 + len(parts):
            self._delays[number] = delay_of(found.pop(), shape)
        delay = self._delays[number] if self._due is None else self._due
        slices = [(one, each[0]) for one, each in zip(segments, found[1:], strict=True)]
        return found[0], delay, [(one, each) for one, each in slices if each.labelled]

    def _fit(self, shape: Shape) -> Settings:
        """The settings, without a positive class that a version does not have."""
        known = self._settings.positive in shape.classes
        return self._settings if known else self._settings._replace(positive="")

    def _more(
        self,
        made: PerformanceWindow,
        selected: Selected,
        summary: Summary,
        slices: Sequence[tuple[Segment, Summary]],
    ) -> PerformanceWindow:
        """What only few windows have."""
        asked = self._selecting.asked
        if (asked.end - asked.start) // asked.every <= _FEW:
            made = replace(made, confusion=metrics.confusion(summary) if summary.labelled else None)
        if not self._selecting.single:
            return made
        if isinstance(summary, ClassSummary):
            made = replace(made, calibration=calibration.curve(summary))
        if selected.segment is None and summary.labelled:
            found = weak_segments.slices_of(summary, slices)
            weak, looked = weak_segments.weak(found, metrics.headline_of(summary.shape))
            made = replace(made, weak=weak, looked=looked)
        return made

    def _slices(self, version: Version) -> Iterator[Segment]:
        """Every value of a segment column of a version that has one window."""
        declared = version.schema.segments if version.schema else ()
        if not self._selecting.single or not declared:
            return
        asked = self._selecting.asked
        known = self._selecting.read.segments(self._selecting.uuid, asked.start, asked.end)
        for column in declared:
            yield from (Segment(column=column, value=value) for value in known.get(column, ()))

    def _estimates(
        self,
        selected: Selected,
        shape: Shape,
        summaries: Sequence[Summary],
        told: Sequence[tuple[MetricValue, ...]],
        settings: Settings,
    ) -> Sequence[dict[tuple[str, str], Estimate]]:
        """What metrics are believed to be, by windows before these too."""
        reference, asked = selected.reference, self._selecting.asked
        if reference is None or reference.estimator is None:
            return [{} for _ in summaries]
        number, segment = selected.version.version, selected.segment
        start = max(asked.start - BEFORE * asked.every, 0)
        parts: list[Part] = []
        if start < asked.start:
            parts = self._selecting.profiles(number, segment, (start, asked.start), asked.every)
        span = Span(start, asked.start, asked.every)
        before = self.summaries(number, shape, segment, span) if parts else []
        labelled: list[Profile] | list[None] = [None] * (len(before) + len(summaries))
        if segment is None:
            labelled = self._selecting.labelled(number, (start, asked.end), asked.every)
        values = [metrics.metrics(one, settings) if one.rows else () for one in before]
        observed = [
            Observed(part.profile, known, several, one.usable)
            for part, known, several, one in zip(
                (*parts, *selected.parts), labelled, (*values, *told), (*before, *summaries), strict=True
            )
        ]
        found = estimates(reference, observed, settings.positive, headline=not self._selecting.single)
        return found[len(before) :]


def _keys(version: int, segment: Segment | None) -> tuple[Key, ...]:
    """The rows that callers were answered."""
    column, value = (segment.column, segment.value) if segment else ("", None)
    return tuple(Key(version, role, column, value) for role in SHOWN_ROLES)


def _beside(values: Sequence[MetricValue], beside: dict[tuple[str, str], Estimate]) -> Iterator[MetricValue]:
    """Metrics with their estimates; also those that have only an estimate."""
    left = dict(beside)
    for one in values:
        yield replace(one, estimate=left.pop((one.name, one.of), None))
    for (name, of), estimate in left.items():
        yield MetricValue(name=name, of=of, value=None, estimate=estimate, note="No truth is known yet.")


def _doubts(summary: Summary) -> tuple[str, ...]:
    left_out = summary.labelled - summary.usable
    if not left_out:
        return ()
    return (f"{left_out:,} labelled rows are left out: their answer and truth cannot be compared.",)
