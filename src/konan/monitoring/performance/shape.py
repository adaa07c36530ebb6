"""What is counted of a version's answers, and at which positions of a summary the counts stand (pure)."""

from functools import cached_property
from typing import Literal, NamedTuple, Self

import msgspec

from konan.monitoring.performance.grids import BINS, DELAYS, RESIDUALS, SCORES
from konan.monitoring.performance.sums import PLACES
from konan.records.schema import Output, class_text

MOST_CURVES = 10
"""Classes up to which each has a grid of scores of its own; with more of them there are none."""

FORM = 1
"""Of the positions; it changes with them."""

_SUMS = (
    "error",
    "absolute",
    "square",
    "fourth",
    "truth",
    "truth_2",
    "truth_3",
    "truth_4",
    "square_truth",
    "square_truth_2",
    "relative",
    "relative_2",
)


class Section(NamedTuple):
    """Positions of a summary that belong together.

    Attributes:
        start: the first.
        size: how many.
    """

    start: int
    size: int


class Shape(msgspec.Struct, frozen=True, dict=True):
    """What is counted of answers.

    Attributes:
        kind: ``classifier``, ``regressor`` (one number) or ``other``.
        classes: of a classifier, as texts, in the order of its probabilities; may be unknown.
        probabilities: whether it gives them.
        form: of the positions; summaries of another one do not add.
    """

    kind: Literal["classifier", "regressor", "other"]
    classes: tuple[str, ...] = ()
    probabilities: bool = False
    form: int = FORM

    @classmethod
    def of(cls, output: Output | None) -> Self:
        """Of a version that answers so; None is not known.

        >>> Shape.of(Output(kind="classifier", classes=(0, 1), probabilities=True)).classes
        ('0', '1')
        """
        if output is None or (output.kind == "regressor" and output.values != 1):
            return cls("other")
        classes = tuple(map(class_text, output.classes))
        return cls(output.kind, classes, output.probabilities and len(classes) > 1)

    @property
    def curves(self) -> tuple[int, ...]:
        """The classes that have a grid of scores: the second of two, each of some more."""
        if not self.probabilities or len(self.classes) > MOST_CURVES:
            return ()
        return (1,) if len(self.classes) == 2 else tuple(range(len(self.classes)))

    @cached_property
    def sections(self) -> dict[str, Section]:
        """Where what is counted stands, by its name; what is in ``single…`` stands below 0."""
        sizes = {"rows": 1, "labelled": 1, "unusable": 1, "delays": len(DELAYS) + 1}
        if self.kind == "classifier":
            sizes |= self._of_classes()
        elif self.kind == "regressor":
            sizes |= {"residuals": len(RESIDUALS) + 1, "relatives": 1, **dict.fromkeys(_SUMS, PLACES)}
        found, start = dict[str, Section](), 0
        for name, size in sizes.items():
            found[name] = Section(start, size)
            start += size
        singles = len(RESIDUALS) + 1 if self.kind == "regressor" else len(self.curves) * (len(SCORES) + 1)
        found["singles"] = Section(-singles, singles)
        return found

    @property
    def sums(self) -> tuple[int, int]:
        """First of the positions without those of grids of scores, and one behind the last: few numbers."""
        sections = self.sections
        grids = sections.get("negatives")
        return 0, grids.start if grids else max(one.start + one.size for one in sections.values())

    def _of_classes(self) -> dict[str, int]:
        count, curves = len(self.classes), len(self.curves)
        sizes = {"right": 1, "confusion": count * count}
        if self.probabilities:
            sums = ("log_loss", "log_loss_2", "brier", "brier_2")
            bins = {"bin_rows": BINS, "bin_hits": BINS, "bin_scores": BINS * PLACES}
            grid = curves * (len(SCORES) + 1)
            sizes |= {
                "scored": 1,
                **dict.fromkeys(sums, PLACES),
                **bins,
                "negatives": grid,
                "positives": grid,
            }
        return sizes
