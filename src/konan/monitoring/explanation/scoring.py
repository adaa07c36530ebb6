"""The numbers in an answer that can be explained (pure)."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from konan.errors import Invalid, OutputInvalid
from konan.monitoring.explanation.shapley import Floats
from konan.packaging.golden import outputs
from konan.records.schema import Output, class_text
from konan.worker.frames import Frame


class Scores:
    """What of an answer is explained.

    Args:
        output: what the version answers.
        example: one answer; it says which numbers there are where only the model knows.

    Attributes:
        names: of the numbers: classes as text, ``value``, ``value.0`` and on, or the model's own names.

    >>> Scores(Output(kind="classifier", classes=("no", "yes"), probabilities=True), {"label": "no"}).names
    ('no', 'yes')
    >>> Scores(Output(kind="other"), {"risk": 0.5, "band": "low"}).names
    ('risk',)

    Raises:
        Invalid: there is no number in the answer.
    """

    def __init__(self, output: Output, example: Any) -> None:
        self._output = output
        self.names = _names(output, example)
        if not self.names:
            raise Invalid("The version answers no numbers, so there is nothing to explain by shares of them.")

    def answered(self, answer: Frame) -> Floats:
        """(n, names): the numbers in what the model answered.

        Raises:
            OutputInvalid: it answered something else.
        """
        return np.array([self.of(one) for one in outputs(answer, self._output)], np.float64)

    def of(self, one: Any) -> list[float]:
        """The numbers in one output; of a classifier without probabilities 1 for its label, else 0.

        Raises:
            OutputInvalid: they are not there.
        """
        try:
            found = _numbers(self._output, one, self.names)
        except (KeyError, TypeError, ValueError):
            raise OutputInvalid("The model answered no numbers where it had answered some.") from None
        if len(found) != len(self.names) or not all(map(math.isfinite, found)):
            raise OutputInvalid("The model answered no numbers where it had answered some.")
        return found

    def place(self, wanted: str | None, one: Any) -> int:
        """Which of the names is meant; of a classifier the answered label unless one is named.

        Raises:
            Invalid: there is none of that name, or several and none is named.
        """
        if wanted is None and self._output.kind == "classifier":
            wanted = class_text(one["label"])
        if wanted is None and len(self.names) == 1:
            return 0
        if wanted not in self.names:
            known = ", ".join(self.names[:10])
            raise Invalid("There is no such output to explain.", hint=f"Name one of: {known}.")
        return self.names.index(wanted)


def _names(output: Output, example: Any) -> tuple[str, ...]:
    if output.kind == "classifier":
        return tuple(class_text(one) for one in output.classes)
    if output.kind == "regressor":
        many = output.values
        return ("value",) if many == 1 else tuple(f"value.{at}" for at in range(many))
    if isinstance(example, Mapping):
        return tuple(str(name) for name, value in example.items() if _is_number(value))
    return ("output",) if _is_number(example) else ()


def _numbers(output: Output, one: Any, names: tuple[str, ...]) -> list[float]:
    if output.kind == "classifier":
        if output.probabilities:
            return [float(one["probabilities"][name]) for name in names]
        return [float(class_text(one["label"]) == name) for name in names]
    if output.kind == "regressor":
        value = one["value"]
        return [float(cell) for cell in (value if isinstance(value, list) else [value])]
    return [float(one[name]) for name in names] if isinstance(one, Mapping) else [float(one)]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
