"""What a metric's program is given: rows with their truth as columns of numpy (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows whose truth is known, each column in the same order.

    Attributes:
        truth: what was true: texts of classes, numbers, or what was sent as JSON, by the kind of model.
        answer: what was answered, likewise.
        probabilities: of each class by its text, ``(n,) float64`` each; empty if the model gives none.
        features: by name: ``float64`` with NaN for missing numbers, else objects with None for what is
            missing; declared columns too.

    >>> rows = Rows(np.array([1.0, 2.0]), np.array([1.5, 2.0]), {}, {"size": np.array([10.0, 20.0])})
    >>> len(rows), float(abs(rows.truth - rows.answer).mean()), rows.where(rows.features["size"] > 15).truth
    (2, 0.25, array([2.]))
    """

    truth: Column
    answer: Column
    probabilities: Mapping[str, npt.NDArray[np.float64]]
    features: Mapping[str, Column]

    def __len__(self) -> int:
        return len(self.truth)

    def where(self, wanted: Column) -> "Rows":
        """Some of the rows: those where a column of booleans says so, or at those places.

        Args:
            wanted: ``(n,) bool``, or whole numbers.
        """
        return replace(
            self,
            truth=self.truth[wanted],
            answer=self.answer[wanted],
            probabilities={name: one[wanted] for name, one in self.probabilities.items()},
            features={name: one[wanted] for name, one in self.features.items()},
        )
