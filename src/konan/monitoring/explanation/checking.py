"""Rows that somebody sent or the log has, checked by the schema as a prediction's are."""

import math
from array import array
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from konan.errors import Invalid
from konan.packaging.golden import Row
from konan.records.schema import Schema
from konan.serving.validation import Parsed, Validator

MOST = 1000
_DEPTH = 64


class Checked:
    """Checks rows of inputs.

    Args:
        schema: of the version; its extra columns are not inputs, and need not be there.
    """

    def __init__(self, schema: Schema) -> None:
        self._features = schema.features
        inputs = replace(schema, extra=(), key="", subject="", segments=(), extra_privacy={})
        self._validator = Validator(inputs, rows=MOST, depth=_DEPTH)
        self._names = {feature.name for feature in schema.features}
        self._extra = set(schema.extra)

    def rows(self, given: Any) -> list[Row]:
        """Cells in the order of the features.

        Args:
            given: one row, or a list of them.

        Raises:
            RowsInvalid: they do not fit; ``faults`` says where.
            BodyTooLarge: they are too many.

        >>> from konan.records.schema import Feature
        >>> two = Schema(features=(Feature(name="city", type="string"), Feature(name="x", type="number")))
        >>> Checked(two).rows([{"x": 1, "city": "Bern"}, {"x": None, "city": None}])
        [('Bern', 1.0), (None, None)]
        """
        single = isinstance(given, Mapping)
        plain = self._inputs(given) if single else [self._inputs(row) for row in given]
        return self._cells(self._validator.parse(msgspec.json.encode(plain)))

    def fitting(self, given: Iterable[Mapping[str, Any]]) -> list[Row]:
        """Cells of those rows that fit."""
        found: list[Row] = []
        for row in given:
            try:
                found += self.rows(row)
            except Invalid:  # what the log has of it is not what came
                continue
        return found

    def _inputs(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {name: cell for name, cell in row.items() if name not in self._extra or name in self._names}

    def _cells(self, parsed: Parsed) -> list[Row]:
        numbers = iter(array("d", parsed.numbers))
        texts = msgspec.json.decode(parsed.texts) if parsed.texts else [[]] * parsed.rows
        found = []
        for row in texts:
            words = iter(row)
            found.append(
                tuple(
                    next(words) if feature.type in {"string", "datetime"} else _value(next(numbers))
                    for feature in self._features
                )
            )
        return found


def _value(number: float) -> float | None:
    return None if math.isnan(number) else number
