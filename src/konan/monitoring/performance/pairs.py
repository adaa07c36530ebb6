"""Answers beside their truths, prepared once and counted by one grouping of the rows after another (pure)."""

from typing import Self

import numpy as np
import numpy.typing as npt

from konan.monitoring.performance.grids import (
    DELAYS,
    RESIDUALS,
    SCORES,
    as_int,
    bins_of,
    cells_of,
)
from konan.monitoring.performance.shape import Section, Shape
from konan.monitoring.performance.sums import LARGEST, product
from konan.monitoring.performance.tally import Tally
from konan.monitoring.profiles.sparse import Ints, Sparse

Floats = npt.NDArray[np.float64]

_EPSILON = float(np.finfo(np.float64).eps)


class Pairs:
    """Rows whose truth is known.

    Args:
        shape: of their version.
        rows: how many they are.
        delays: seconds from the answer to the first truth of each, ``(rows,)``; None where nobody knows.
    """

    def __init__(self, shape: Shape, rows: int, delays: Floats | None = None) -> None:
        self.shape = shape
        self.rows = rows
        self._codes: list[tuple[Section, Ints, Ints | None]] = []
        self._sums: list[tuple[Section, Floats, Ints, Ints | None]] = []
        self._singles: list[tuple[Section, Ints, Ints, Ints]] = []
        self._count("labelled", np.zeros(rows, np.int64))
        if delays is not None:
            self._count("delays", cells_of(DELAYS, delays))

    @classmethod
    def of_classes(
        cls,
        shape: Shape,
        truths: Ints,
        labels: Ints,
        probabilities: Floats | None = None,
        delays: Floats | None = None,
    ) -> Self:
        """Of answered labels.

        Args:
            shape: of a classifier.
            truths: the place of each row's truth among the classes, ``(n,)``; -1 if it is none of them.
            labels: likewise of the answered label.
            probabilities: of each class, ``(n, k)``; a row that is not in [0, 1] throughout has none.
            delays: as of `Pairs`.
        """
        pairs = cls(shape, truths.size, delays)
        size = len(shape.classes)
        usable = np.flatnonzero((truths >= 0) & (labels >= 0))
        pairs._leave_out(usable)
        pairs._count("confusion", (truths * size + labels)[usable], usable)
        pairs._count(
            "right",
            np.zeros(int((truths == labels)[usable].sum()), np.int64),
            usable[(truths == labels)[usable]],
        )
        if probabilities is not None and shape.probabilities:
            pairs._score(truths, labels, probabilities, usable)
        return pairs

    @classmethod
    def of_texts(
        cls,
        shape: Shape,
        right: npt.NDArray[np.bool_],
        known: npt.NDArray[np.bool_],
        delays: Floats | None = None,
    ) -> Self:
        """Of labels whose classes nobody knows: only whether they were right is counted.

        Args:
            shape: of a classifier without classes.
            right: whether each was right, ``(n,)``.
            known: whether there is a label and a truth, ``(n,)``.
            delays: as of `Pairs`.
        """
        pairs = cls(shape, right.size, delays)
        pairs._leave_out(np.flatnonzero(known))
        hits = np.flatnonzero(known & right)
        pairs._count("right", np.zeros(hits.size, np.int64), hits)
        return pairs

    @classmethod
    def of_values(cls, shape: Shape, truths: Floats, values: Floats, delays: Floats | None = None) -> Self:
        """Of answered numbers.

        Args:
            shape: of a regressor.
            truths: ``(n,)``; NaN where there is none.
            values: what was answered, ``(n,)``, likewise.
            delays: as of `Pairs`.
        """
        pairs = cls(shape, truths.size, delays)
        with np.errstate(invalid="ignore"):
            usable = np.flatnonzero((np.abs(truths) < LARGEST) & (np.abs(values) < LARGEST))
        pairs._leave_out(usable)
        pairs._errors(truths[usable], values[usable], usable)
        return pairs

    def counted(self, groups: Ints, count: int) -> list[Sparse]:
        """The numbers of each group.

        Args:
            groups: the group of each row, in ``[0, count)``, ``(rows,)``.
            count: number of groups.
        """
        tally = Tally(groups, count)
        for section, codes, rows in self._codes:
            tally.add(section, codes, rows=rows)
        for section, terms, some, places in self._sums:
            tally.sum(section, terms, some, places)
        for section, codes, values, some in self._singles:
            tally.remember(section, codes, values, some)
        return tally.numbers()

    def _leave_out(self, usable: Ints) -> None:
        left = np.setdiff1d(np.arange(self.rows), usable, assume_unique=True)
        self._count("unusable", np.zeros(left.size, np.int64), left)

    def _count(self, name: str, codes: Ints, rows: Ints | None = None) -> None:
        self._codes.append((self.shape.sections[name], codes, rows))

    def _sum(self, name: str, values: Floats, rows: Ints, codes: Ints | None = None) -> None:
        self._sums.append((self.shape.sections[name], values, rows, codes))

    def _score(self, truths: Ints, labels: Ints, probabilities: Floats, usable: Ints) -> None:
        """Count the probabilities of the rows that have them."""
        there = probabilities[usable]
        with np.errstate(invalid="ignore"):
            good = ((there >= 0) & (there <= 1)).all(axis=1)
        rows, scores = usable[good], there[good]
        truth, label, at = truths[rows], labels[rows], np.arange(rows.size)
        self._count("scored", np.zeros(rows.size, np.int64), rows)
        loss = -np.log(np.clip(scores[at, truth], _EPSILON, 1 - _EPSILON))
        actual = np.zeros_like(scores)
        actual[at, truth] = 1.0
        two = scores.shape[1] == 2
        far = (
            np.ascontiguousarray(scores[:, 1] - actual[:, 1]) ** 2
            if two
            else ((scores - actual) ** 2).sum(axis=1)
        )
        for name, values in (("log_loss", loss), ("brier", far)):
            self._sum(name, values, rows)
            self._sum(f"{name}_2", values**2, rows)
        shown, hit = (scores[:, 1], truth == 1) if two else (scores[at, label], truth == label)
        bins = bins_of(shown)
        self._count("bin_rows", bins, rows)
        self._count("bin_hits", bins[hit], rows[hit])
        self._sum("bin_scores", np.ascontiguousarray(shown), rows, bins)
        if self.shape.curves:
            self._grids(scores[:, self.shape.curves], actual[:, self.shape.curves] > 0, rows)

    def _grids(self, scores: Floats, positive: npt.NDArray[np.bool_], rows: Ints) -> None:
        """Count the scores of each class that has a grid, those of its own rows apart."""
        count = scores.shape[1]
        codes = cells_of(SCORES, scores.ravel()) + np.tile(np.arange(count) * (len(SCORES) + 1), rows.size)
        several, own = np.repeat(rows, count), positive.ravel()
        self._count("positives", codes[own], several[own])
        self._count("negatives", codes[~own], several[~own])
        self._singles.append((self.shape.sections["singles"], codes, as_int(scores.ravel()), several))

    def _errors(self, truths: Floats, values: Floats, rows: Ints) -> None:
        """Count errors (answer minus truth), and the sums from which intervals follow."""
        error = values - truths
        cells = cells_of(RESIDUALS, error)
        self._count("residuals", cells, rows)
        self._singles.append((self.shape.sections["singles"], cells, as_int(error), rows))
        square, truth_2 = product(error, error), product(truths, truths)
        self._sum("error", error, rows)
        self._sum("absolute", np.abs(error), rows)
        self._sum("truth", truths, rows)
        for name, left, right in (
            ("square", square, None),
            ("fourth", square, square),
            ("truth_2", truth_2, None),
            ("truth_3", truth_2, (truths, np.zeros_like(truths))),
            ("truth_4", truth_2, truth_2),
            ("square_truth", square, (truths, np.zeros_like(truths))),
            ("square_truth_2", square, truth_2),
        ):
            for part in left if right is None else _times(left, right):
                self._sum(name, part, rows)
        there = truths != 0
        relative = np.abs(error[there]) / np.abs(truths[there])
        usable = relative < LARGEST
        relative, rows = relative[usable], rows[there][usable]
        self._count("relatives", np.zeros(rows.size, np.int64), rows)
        self._sum("relative", relative, rows)
        self._sum("relative_2", relative**2, rows)


def _times(left: tuple[Floats, Floats], right: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """A product of numbers in two parts, in two parts."""
    high, low = product(left[0], right[0])
    return high, low + (left[0] * right[1] + left[1] * right[0])
