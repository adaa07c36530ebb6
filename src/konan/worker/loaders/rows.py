"""The blocks of a ``PRED`` frame as what models take: an array, a data frame or dictionaries."""

import importlib
import json
import math
from typing import Dict, List, NamedTuple

from . import Foreign

NUMERIC = ("number", "integer", "boolean")
"""Feature types that travel in the numeric block; the others travel in the text block."""


class Column(NamedTuple):
    """One feature.

    Attributes:
        name: as the model knows it.
        type: ``number``, ``integer``, ``boolean``, ``string`` or ``datetime``.
        dtype: numpy or pandas dtype of the column.
    """

    name: str
    type: str
    dtype: str


class Layout:
    """Where each feature is in the blocks.

    Attributes:
        columns: the features in the model's order.
        names: their names.
        width: how many travel in the numeric block.
        numeric: whether all do.
        plain: whether, besides, each is a column of float64.
    """

    def __init__(self, features: "List[List[str]]") -> None:
        self.columns = [Column(*feature) for feature in features]
        self.names = [column.name for column in self.columns]
        self.width = sum(column.type in NUMERIC for column in self.columns)
        self.numeric = self.width == len(self.columns)
        self.plain = self.numeric and all(column.dtype == "float64" for column in self.columns)

    def array(self, rows: int, numbers: bytes, texts: bytes) -> Foreign:
        """The rows as an array, ``(rows, features)``: float64, or object when there are texts.

        Args:
            rows: how many.
            numbers: the numeric block.
            texts: the text block.
        """
        numpy = importlib.import_module("numpy")
        block = numpy.frombuffer(numbers).reshape(rows, self.width)
        if self.numeric:
            return block.copy()  # some estimators want to be able to write
        table = numpy.empty((rows, len(self.columns)), dtype=object)
        for place, (column, values) in enumerate(zip(self.columns, self._parts(block, texts))):
            kept = _present_texts(values) if column.type not in NUMERIC else values
            table[:, place] = kept
        return table

    def frame(self, rows: int, numbers: bytes, texts: bytes) -> Foreign:
        """The rows as a pandas data frame whose columns have the dtypes that the model was fitted on.

        A column of integers or booleans with nulls stays float64 (NaN) or becomes object, as pandas
        itself has it.

        Args:
            rows: how many.
            numbers: the numeric block.
            texts: the text block.
        """
        numpy, pandas = importlib.import_module("numpy"), importlib.import_module("pandas")
        block = numpy.frombuffer(numbers).reshape(rows, self.width)
        if self.plain:
            return pandas.DataFrame(block.copy(), columns=self.names)
        columns = {}
        for column, values in zip(self.columns, self._parts(block, texts)):
            cast = _numeric if column.type in NUMERIC else _textual
            columns[column.name] = cast(column, values)
        return pandas.DataFrame(columns, columns=self.names)

    def records(self, rows: int, numbers: bytes, texts: bytes) -> "List[Dict[str, object]]":
        """The rows as dictionaries of float, int, bool, str or None.

        Args:
            rows: how many.
            numbers: the numeric block.
            texts: the text block.
        """
        flat = memoryview(numbers).cast("d").tolist() if numbers else []
        lists = json.loads(texts.decode()) if texts else [[]] * rows
        found = []
        for row in range(rows):
            left, right = iter(flat[row * self.width : (row + 1) * self.width]), iter(lists[row])
            found.append(
                {
                    column.name: _value(column.type, next(left)) if column.type in NUMERIC else next(right)
                    for column in self.columns
                }
            )
        return found

    def _parts(self, block: Foreign, texts: bytes) -> "List[Foreign]":
        lists = json.loads(texts.decode()) if texts else []
        parts, number, text = [], 0, 0
        for column in self.columns:
            if column.type in NUMERIC:
                parts.append(block[:, number])
                number += 1
            else:
                parts.append([row[text] for row in lists])
                text += 1
        return parts


def _value(kind: str, value: float) -> object:
    if math.isnan(value):
        return None
    if kind == "number":
        return value
    return bool(value) if kind == "boolean" else int(value)


def _present_texts(values: "List[Foreign]") -> "List[Foreign]":
    return [float("nan") if value is None else value for value in values]


def _numeric(column: Column, values: Foreign) -> Foreign:
    if column.dtype.startswith("float"):
        return values.astype(column.dtype)
    if column.dtype[:1].isupper() or column.dtype == "boolean":  # pandas' own types know null
        return importlib.import_module("pandas").Series(values.copy()).astype(column.dtype)
    exact = _exact(column, values)
    if column.dtype == "category":
        return importlib.import_module("pandas").Series(exact).astype("category")
    return exact


def _exact(column: Column, values: Foreign) -> Foreign:
    numpy = importlib.import_module("numpy")
    if column.type == "number":
        return values.copy()
    if numpy.isnan(values).any():
        if column.type == "integer":
            return values.copy()
        return numpy.array([_value("boolean", value) for value in values], dtype=object)
    if column.dtype.startswith(("int", "uint", "bool")):
        return values.astype(column.dtype)
    return values.astype("bool" if column.type == "boolean" else "int64")


def _textual(column: Column, values: "List[Foreign]") -> Foreign:
    pandas = importlib.import_module("pandas")
    if column.dtype.startswith("datetime64"):
        times = pandas.Series(pandas.to_datetime(values, utc=True))
        naive = times if "," in column.dtype else times.dt.tz_localize(None)
        return naive.astype(column.dtype)
    series = pandas.Series(_present_texts(values), dtype="object")
    return series.astype(column.dtype) if column.dtype in ("category", "str", "string") else series
