"""Tells how sound the truths of a version's rows are, from profiles, summaries and the newest truths."""

from collections.abc import Iterator
from pathlib import Path

from konan.monitoring.labels import checks
from konan.monitoring.labels.coverage import Counted, coverage, findings
from konan.monitoring.labels.delays import Cohort, arrived
from konan.monitoring.labels.truth_rows import Truths, truths_of
from konan.monitoring.performance.shape import Shape
from konan.monitoring.performance.summary import Summary, delay_within, merged_summaries
from konan.monitoring.performance.windows import PerformanceWindows
from konan.monitoring.profiles.profile import LABEL, TARGET, Layout, Profile
from konan.monitoring.profiles.windows import Span
from konan.monitoring.reports.performance_report import PerformanceOf
from konan.monitoring.reports.quality import Share
from konan.monitoring.reports.query import HOUR, rfc3339
from konan.monitoring.reports.selection import Selected, Selection
from konan.records.labels import LabelFinding, LabelReport, LabelState
from konan.records.monitoring import Segment

_COHORTS = 200
_EXACT_NUMBERS = 0.25
"""So large a share of numbers may be answered exactly, as of a model that answers whole numbers."""


class LabelsOf:
    """The truths of what was asked for.

    Args:
        selecting: which rows; one window.
        directory: where the logs are.
        now: the present, seconds since 1970-01-01 UTC.
    """

    def __init__(self, selecting: Selection, directory: Path, now: float) -> None:
        self._selecting = selecting
        self._directory = directory
        self._now = now
        self._performance = PerformanceOf(selecting, PerformanceWindows(directory), None, now)

    def report(self, name: str, selected: Selected) -> LabelReport:
        """How sound they are.

        Args:
            name: of the deployment.
            selected: of the version.
        """
        asked, version = self._selecting.asked, selected.version
        shape = Shape.of(version.schema.output if version.schema else None)
        every = -(-(asked.end - asked.start) // HOUR // _COHORTS) * HOUR
        span = Span(asked.start, asked.end, max(every, HOUR))
        parts = self._performance.summaries(version.version, shape, None, span)
        whole = merged_summaries(shape, parts)
        slices = list(self._slices(selected, shape))
        covered = coverage(slices, whole.rows, whole.labelled)
        truths = truths_of(self._directory, self._selecting.uuid, version.version, (asked.start, asked.end))
        found = checks.ordered(
            [*findings(covered, whole.share), *self._checked(selected), *_of_truths(truths, selected)]
        )
        return LabelReport(
            deployment=name,
            version=version.version,
            since=rfc3339(asked.start),
            until=rfc3339(asked.end),
            state=_state(whole, found),
            rows=whole.rows,
            labelled=whole.labelled,
            share=whole.share,
            delays=arrived(list(self._cohorts(span, parts))),
            median_delay=delay_within(whole.delays, 0.5),
            slowest_delay=delay_within(whole.delays, 0.95),
            coverage=covered,
            findings=found,
        )

    def _cohorts(self, span: Span, parts: list[Summary]) -> Iterator[Cohort]:
        for at, one in enumerate(parts):
            end = min(span.start + (at + 1) * span.every, span.end)
            yield Cohort(one.rows, max(self._now - end, 0.0), one.delays)

    def _slices(self, selected: Selected, shape: Shape) -> Iterator[Counted]:
        """Every value of a segment column that has rows."""
        asked, schema = self._selecting.asked, selected.version.schema
        known = self._selecting.read.segments(self._selecting.uuid, asked.start, asked.end)
        span = Span(asked.start, asked.end, asked.end - asked.start)
        for column in schema.segments if schema else ():
            for value in known.get(column, ()):
                segment = Segment(column=column, value=value)
                (one,) = self._performance.summaries(selected.version.version, shape, segment, span)
                yield Counted(segment, one.rows, one.labelled)

    def _checked(self, selected: Selected) -> Iterator[LabelFinding]:
        """What profiles tell of truths."""
        asked, number = self._selecting.asked, selected.version.version
        span = (asked.start, asked.end)
        whole, layout = selected.parts[0].profile, self._selecting.read.layout(self._selecting.uuid, number)
        (labelled,) = self._selecting.labelled(number, span, asked.end - asked.start)
        yield from checks.selection(layout, whole, labelled)
        schema = selected.version.schema
        if schema is not None and schema.output.kind == "classifier":
            yield from checks.one_sided(_classes(layout, whole, LABEL), _classes(layout, labelled, LABEL))
        reference = selected.reference
        if reference is not None and reference.layout.digest == layout.digest and not reference.learning:
            usual = reference.profile
            yield from checks.unknown(layout, usual, whole)
            if schema is not None and schema.output.kind == "classifier":
                yield from checks.single_class(
                    _classes(layout, whole, TARGET), _classes(layout, usual, TARGET)
                )


def _of_truths(truths: Truths, selected: Selected) -> Iterator[LabelFinding]:
    """What the truths themselves tell."""
    yield from checks.senders(truths.senders)
    yield from checks.revised(truths.changed, truths.rows)
    yield from checks.copied(truths.exact, truths.rows, _expected(selected))


def _expected(selected: Selected) -> Share | None:
    """How often an answer is exactly the truth."""
    estimator = selected.reference.estimator if selected.reference else None
    if estimator is None:
        return None
    share = estimator.usual[estimator.positions["hit"]] if estimator.classes else _EXACT_NUMBERS
    return Share(round(share * estimator.rows), estimator.rows)


def _classes(layout: Layout, profile: Profile, column: str) -> dict[str, int]:
    """Rows by the class that a column has, without those of no class."""
    if column not in layout.positions:
        return {}
    at = layout.positions[column]
    cells, counts = layout.columns[at], profile.counts[at].tolist()
    special = set(cells.special.values())
    return {name: counts[place] for place, name in enumerate(cells.labels) if place not in special}


def _state(whole: Summary, found: tuple[LabelFinding, ...]) -> LabelState:
    if not whole.rows and not whole.labelled:
        return "no rows"
    if not whole.labelled:
        return "no labels"
    return found[0].state if found else "ok"
