"""What one window says to an alarm on performance (pure): whether answers are wrong more often than usual.

Of a classifier the shares of wrong answers are watched: of all answers, of those with a class (precision),
and of those whose truth is a class (recall). What is usual comes from the reference where that has valid
answers, else from the first labelled live rows. Of a regressor it is the share of errors that are larger than
all but a tenth of those of the first labelled live rows. A window is looked at once, with the truths that are
there by then.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from konan.monitoring.alarms.rules import Learning, Memory, verdict_look
from konan.monitoring.alarms.states import Look
from konan.monitoring.alarms.windows import Window
from konan.monitoring.drift.distributions import rows_as_one
from konan.monitoring.estimation.estimator import HIT, TRUE, Estimator
from konan.monitoring.evidence import shares
from konan.monitoring.evidence.shares import Stream
from konan.monitoring.performance.grids import RESIDUALS
from konan.monitoring.performance.summary import ClassSummary, Summary, ValueSummary
from konan.monitoring.profiles.profile import LABEL
from konan.monitoring.profiles.sparse import Ints
from konan.monitoring.reference.reference import ERROR, Reference
from konan.records.alarms import AlarmRule

LEARN = 500
"""So many labelled rows tell what is usual where no reference does."""

LARGE = 0.1
"""Share of the learnt errors that count as large."""

_LEARNT = "learnt"
_FEW = 0.5
_NONE = "The answers are neither classes nor one number."
_WRONG = "wrong"


class Performance:
    """Watches the shares of wrong answers, or of large errors.

    Args:
        rule: of the alarm.
        reference: of the version; None while there is none.
    """

    def __init__(self, rule: AlarmRule, reference: Reference | None) -> None:
        self._rule = rule
        lags = reference.autocorrelation.get(ERROR, ()) if reference is not None else ()
        self._block = rows_as_one(lags)
        self._usual = dict(_usual_of(reference)) if reference is not None else {}

    def look(self, memory: Memory, seen: Window) -> Look:
        """What is known after one more window."""
        summary = seen.summary
        if summary is None or summary.usable < self._rule.rows:
            return Look(memory=dict(memory))
        if isinstance(summary, ClassSummary):
            return self._of_classes(memory, summary)
        if isinstance(summary, ValueSummary):
            return self._of_values(memory, summary)
        return Learning(_NONE).look(memory, seen)

    def _of_classes(self, memory: Memory, summary: ClassSummary) -> Look:
        usual: Mapping[str, tuple[int, int]] = self._usual
        kept: dict[str, tuple[float, ...]] = {}
        if not usual:
            wrong, rows = memory.get(_LEARNT, (0.0, 0.0))
            if rows < LEARN:
                return _learning((wrong + summary.usable - summary.right, rows + summary.usable))
            usual, kept = {"accuracy": (int(wrong), int(rows))}, {_LEARNT: (wrong, rows)}
        streams = [
            Stream(name, _WRONG, hits, rows, *usual[name], block=self._block)
            for name, (hits, rows) in _wrong_of(summary)
            if name in usual and rows and self._watches(name)
        ]
        return self._judged(memory, summary, streams, kept)

    def _of_values(self, memory: Memory, summary: ValueSummary) -> Look:
        learnt = memory.get(_LEARNT, ())
        if len(learnt) != 3:
            cells = _cells(learnt) + summary.counts("residuals")
            if cells.sum() < LEARN:
                filled = np.flatnonzero(cells)
                pairs = np.stack([filled, cells[filled]], axis=1).ravel()
                return _learning(tuple(map(float, pairs)), int(cells.sum()))
            bar = _bar(cells)
            learnt = (float(bar), float(_large(cells, bar)), float(cells.sum()))
            return Look(memory={_LEARNT: learnt}, learning="It has just learnt how large errors usually are.")
        bar, usual, rows = map(int, learnt)
        what = f"larger than {_edge(bar):.3g}"
        hits = _large(summary.counts("residuals"), bar)
        stream = Stream("error", what, hits, summary.usable, usual, rows, block=self._block)
        return self._judged(memory, summary, [stream], {_LEARNT: learnt})

    def _judged(
        self,
        memory: Memory,
        summary: Summary,
        streams: Sequence[Stream],
        kept: dict[str, tuple[float, ...]],
    ) -> Look:
        verdict = shares.watched(streams, memory, self._rule.effect / 2)
        verdict = verdict._replace(memory=verdict.memory | kept)
        doubts: tuple[str, ...] = ()
        if summary.share < _FEW:
            doubts = (f"Only {shares.percent(summary.share)} of the window's rows have a truth.",)
        cause = "concept" if self._usual else ""
        return verdict_look(self._rule, summary.usable, verdict, 0.0, doubts, cause)

    def _watches(self, name: str) -> bool:
        return not self._rule.columns or name in self._rule.columns


def _usual_of(reference: Reference) -> Iterator[tuple[str, tuple[int, int]]]:
    """Of a valid reference of a classifier: wrong rows and all rows of each share."""
    estimator, answers = reference.estimator, reference.answers
    if estimator is None or answers is None or not estimator.classes:
        return
    rows, usual = estimator.rows, dict(zip(estimator.quantities, estimator.usual, strict=True))
    yield "accuracy", (round((1 - usual["hit"]) * rows), rows)
    said = _said(reference, estimator)
    for name in estimator.classes:
        if HIT + name in usual and TRUE + name in usual:
            hit, true = (round(usual[kind + name] * rows) for kind in (HIT, TRUE))
            yield f"recall {name}", (max(true - hit, 0), true)
            if said.get(name):
                answered = max(round(said[name] * rows), hit)
                yield f"precision {name}", (answered - hit, answered)


def _said(reference: Reference, estimator: Estimator) -> dict[str, float]:
    """Share of the reference's rows that were answered with each class."""
    answers = reference.answers
    if answers is None or LABEL not in answers.layout.positions:
        return {}
    at = answers.layout.positions[LABEL]
    counts = answers.profile.counts[at]
    shares_of = dict(
        zip(answers.layout.columns[at].labels, (counts / max(counts.sum(), 1)).tolist(), strict=True)
    )
    return {name: shares_of[name] for name in estimator.classes if name in shares_of}


def _wrong_of(summary: ClassSummary) -> Iterator[tuple[str, tuple[int, int]]]:
    """Wrong rows and all rows of each share of a window."""
    yield "accuracy", (summary.usable - summary.right, summary.usable)
    confusion = summary.confusion
    for at, name in enumerate(summary.shape.classes):
        hit = int(confusion[at, at])
        true, answered = int(confusion[at].sum()), int(confusion[:, at].sum())
        yield f"recall {name}", (true - hit, true)
        yield f"precision {name}", (answered - hit, answered)


def _learning(learnt: tuple[float, ...], rows: int | None = None) -> Look:
    known = int(learnt[1]) if rows is None else rows
    why = f"It learns how good answers usually are: {known:,} of {LEARN} labelled rows."
    return Look(memory={_LEARNT: learnt}, learning=why)


def _cells(learnt: Sequence[float]) -> Ints:
    """Counts by cell of errors, from pairs of a cell and a count."""
    found = np.zeros(len(RESIDUALS) + 1, np.int64)
    pairs = np.array(learnt, np.int64).reshape(-1, 2)
    found[pairs[:, 0]] = pairs[:, 1]
    return found


def _bar(cells: Ints) -> int:
    """The edge on the positive side such that at most a share of `LARGE` of the errors lies beyond it."""
    middle = len(RESIDUALS) // 2
    each = cells[::-1][: middle + 1] + cells[: middle + 1]
    beyond = np.cumsum(each)
    fits = np.flatnonzero(beyond <= LARGE * cells.sum())
    return len(RESIDUALS) - 1 - int(fits[-1]) if len(fits) else len(RESIDUALS) - 1


def _large(cells: Ints, bar: int) -> int:
    """Errors beyond an edge, on either side."""
    tail = len(RESIDUALS) - bar
    return int(cells[-tail:].sum() + cells[:tail].sum())


def _edge(bar: int) -> float:
    return float(RESIDUALS[bar])
