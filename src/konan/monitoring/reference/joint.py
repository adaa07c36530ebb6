"""Scores and truths together: what tells a change of inputs from one of what they mean (pure).

The reference keeps how many of its rows had a score in each stratum and each truth; the same strata of live
rows come from the summaries of performance, which have scores on a fine grid for each truth. A classifier
without scores of two classes has its answers in their place.
"""

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import numpy.typing as npt

from konan.monitoring.performance.grids import SCORES, cells_of
from konan.monitoring.performance.summary import ClassSummary, Summary
from konan.monitoring.profiles.cells import numbers
from konan.monitoring.profiles.profile import LABEL, SCORE, TARGET
from konan.records.schema import Output, class_text

if TYPE_CHECKING:
    import pyarrow as pa

Counts = npt.NDArray[np.int64]
STRATA = 10
FEWEST = 200
"""With fewer rows that have their truth there are none."""

_MOST_CLASSES = 32


class JointCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of the reference by score and truth.

    Attributes:
        classes: of the truths, as texts.
        ends: last cell of the grid of scores in each stratum but the last; empty where strata are answers.
        counts: (strata, classes) rows.
    """

    classes: tuple[str, ...]
    ends: tuple[int, ...] = ()
    counts: tuple[tuple[int, ...], ...]

    @property
    def matrix(self) -> Counts:
        """The counts, ``(strata, classes) int64``."""
        return np.array(self.counts, np.int64)

    def of(self, summary: Summary) -> Counts | None:
        """The same of live rows; None where they are of other answers.

        Args:
            summary: of the rows.
        """
        if not isinstance(summary, ClassSummary) or summary.shape.classes != self.classes:
            return None
        if not self.ends:
            return summary.confusion.T
        if summary.shape.curves != (1,):
            return None
        grids = np.stack([summary.counts("negatives"), summary.counts("positives")], axis=1)
        return np.add.reduceat(grids, [0, *(end + 1 for end in self.ends)], axis=0)


def joint_of(rows: "pa.Table", output: Output) -> JointCounts | None:
    """What reference rows say; None where they are too few, or of answers that have no classes.

    Args:
        rows: with what was answered, and `TARGET`.
        output: of the version.
    """
    classes = tuple(map(class_text, output.classes))
    there = {LABEL, TARGET} <= set(rows.column_names)
    if output.kind != "classifier" or not 2 <= len(classes) <= _MOST_CLASSES or not there:
        return None
    truths = _codes(rows, TARGET, classes)
    if len(classes) == 2 and output.probabilities and SCORE in rows.column_names:
        scores = numbers(rows[SCORE])[0]
        usable = (truths >= 0) & (scores >= 0) & (scores <= 1)
        return _scored(scores[usable], truths[usable], classes)
    answers = _codes(rows, LABEL, classes)
    usable = (truths >= 0) & (answers >= 0)
    if usable.sum() < FEWEST:
        return None
    return _made(answers[usable], truths[usable], classes, ())


def _scored(scores: npt.NDArray[np.float64], truths: Counts, classes: tuple[str, ...]) -> JointCounts | None:
    if len(scores) < FEWEST:
        return None
    cells = cells_of(SCORES, scores)
    places = np.sort(cells)[[len(cells) * at // STRATA for at in range(1, STRATA)]]
    ends = tuple(int(end) for end in np.unique(places) if end < cells.max())
    if not ends:
        return None
    return _made(np.searchsorted(ends, cells), truths, classes, ends)


def _made(strata: Counts, truths: Counts, classes: tuple[str, ...], ends: tuple[int, ...]) -> JointCounts:
    width, height = len(classes), len(ends) + 1 if ends else len(classes)
    counts = np.bincount(strata * width + truths, minlength=height * width).reshape(height, width)
    return JointCounts(classes=classes, ends=ends, counts=tuple(map(tuple, counts.tolist())))


def _codes(rows: "pa.Table", name: str, classes: tuple[str, ...]) -> Counts:
    """The place of each value among the classes; -1 if it is none of them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    at = pc.fill_null(pc.index_in(rows[name], value_set=pa.array(classes, pa.string())), -1)
    found: Counts = at.to_numpy(zero_copy_only=False).astype(np.int64)
    return found
