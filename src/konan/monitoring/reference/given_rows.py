"""Rows given at deploy and reference predictions, under the names that layouts give columns.

`konan.monitoring.profiles.log_rows` does the same for rows of the log.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
import pyarrow as pa

from konan.groundtruth.targets import target_of
from konan.monitoring.profiles.profile import FEATURES, LABEL, SCORE, TARGET, VALUE
from konan.records.schema import FeatureType, Output, Schema, class_text

_TYPES: dict[FeatureType, pa.DataType] = {
    "number": pa.float64(),
    "integer": pa.float64(),
    "boolean": pa.bool_(),
    "string": pa.string(),
}
"""Columns of inputs that an estimator looks at."""


class Answered(msgspec.Struct, frozen=True, gc=False):
    """A reference prediction.

    Attributes:
        target: the true value.
        output: what the model answered.
        inputs: what it was given, by name, where answers alone tell too little of its errors.
    """

    target: Any
    output: Any
    inputs: dict[str, Any] = {}


def inputs(rows: pa.Table, schema: Schema) -> pa.Table:
    """The inputs among the columns of rows; one that the log shall not have is left out.

    Args:
        rows: with a column for each input, named as the input.
        schema: of the version.
    """
    names = [one.name for one in schema.features if one.privacy != "drop" and one.name in rows.column_names]
    return rows.select(names).rename_columns([FEATURES + name for name in names])


def answers(lines: Iterable[Answered], schema: Schema) -> pa.Table:
    """What was answered, and the truth, null where there is none; with the inputs that lines have.

    Args:
        lines: in their order.
        schema: of the version.

    >>> two = Output(kind="classifier", classes=(False, True), probabilities=True)
    >>> line = Answered(True, {"label": False, "probabilities": {"false": 0.75, "true": 0.25}})
    >>> answers([line], Schema(features=(), output=two)).to_pylist()
    [{'output.label': 'false', 'output.score': 0.25, 'target': 'true'}]
    """
    output, lines = schema.output, list(lines)
    classified = output.kind == "classifier"
    kinds = {LABEL: pa.string(), SCORE: pa.float64(), TARGET: pa.string()}
    if not classified:
        kinds = {VALUE: pa.float64(), TARGET: pa.float64()}
    told = _label if classified else _value
    cells = [told(line, output) for line in lines]
    columns = {name: pa.array([row[name] for row in cells], kind) for name, kind in kinds.items()}
    if classified and not output.probabilities:
        del columns[SCORE]
    there = set[str]().union(*(line.inputs for line in lines))
    for one in schema.features:
        if one.name in there and one.type in _TYPES:
            values = [_input(line.inputs.get(one.name), one.type) for line in lines]
            columns[FEATURES + one.name] = pa.array(values, _TYPES[one.type])
    return pa.table(columns)


def _input(value: Any, kind: FeatureType) -> Any:
    """A value as its column holds it; None if it is of another type."""
    if value is None or kind == "string":
        return None if value is None else class_text(value)
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    return float(value) if isinstance(value, int | float) else None


def _label(line: Answered, output: Output) -> dict[str, Any]:
    label = class_text(line.output["label"])
    shares = line.output.get("probabilities") or {}
    scored = class_text(output.classes[1]) if len(output.classes) == 2 else label
    return {LABEL: label, SCORE: shares.get(scored), TARGET: _truth(line.target, output)}


def _value(line: Answered, output: Output) -> dict[str, Any]:
    return {VALUE: line.output["value"], TARGET: _truth(line.target, output)}


def _truth(sent: Any, output: Output) -> str | float | None:
    try:
        target = target_of(sent, output)
    except ValueError:  # the truth of such a row says nothing
        return None
    return target.label if output.kind == "classifier" else target.value
