"""Rows of the prediction log as monitoring counts them: columns under the names that layouts give them."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from konan.monitoring.profiles.profile import FEATURES, LABEL, SCORE, VALUE, Layout
from konan.predictions.columns import TYPES, columns
from konan.records.schema import Schema, class_text

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_TIME = 13
"""The first characters of an id hold its time: twelve hexadecimal digits and a hyphen."""


class _Output(msgspec.Struct, gc=False):
    probabilities: dict[str, float] | None = None


_outputs = msgspec.json.Decoder(list[_Output])


class Logged:
    """How the rows of one version are seen.

    Args:
        layout: what is counted of them.
        schema: of the version; None if nobody knows it, then nothing but their number is counted.

    Attributes:
        needed: names of the log's columns that hold what is counted.
        segments: the log's column of each segment column.
    """

    def __init__(self, layout: Layout, schema: Schema | None) -> None:
        self._physical = _physical(schema)
        self._positive = _positive(schema)
        features = (name.removeprefix(FEATURES) for name in layout.positions if name.startswith(FEATURES))
        self._features = [name for name in features if name in self._physical]
        wanted = set(layout.positions)
        self._label, self._value, self._score = LABEL in wanted, VALUE in wanted, SCORE in wanted
        found = {self._physical[name] for name in self._features}
        self.needed = found | set(self._plain())
        named = schema.segments if schema is not None else ()
        self.segments = {name: self._physical[name] for name in named if name in self._physical}

    def __call__(self, rows: pa.Table) -> pa.Table:
        """Rows under the names of the layout.

        Args:
            rows: with those of the columns `needed` that their file has; others are empty.
        """
        found = {FEATURES + name: _column(rows, self._physical[name]) for name in self._features}
        if self._label:
            found[LABEL] = rows["label"]
        if self._value:
            found[VALUE] = rows["value"]
        if self._score:
            found[SCORE] = self._scores(rows)
        return pa.table(found) if found else pa.table({"id": rows["id"]})

    def _plain(self) -> Iterable[str]:
        if self._label:
            yield "label"
        if self._value:
            yield "value"
        if self._score:
            yield "output" if self._positive else "probability"

    def _scores(self, rows: pa.Table) -> pa.Array | pa.ChunkedArray:
        """As the model gave them; one minus the other probability is not always the same number."""
        if not self._positive:
            return rows["probability"]
        texts = rows["output"].to_pylist()
        try:
            found = _outputs.decode("[" + ",".join(texts) + "]")
        except msgspec.ValidationError:
            return pa.nulls(len(texts), pa.float64())
        return pa.array([(one.probabilities or {}).get(self._positive) for one in found], pa.float64())


def hours_of(ids: pa.ChunkedArray, day: int) -> npt.NDArray[np.int64]:
    """The hour of the day at which each prediction was made, as its id tells.

    >>> hours_of(pa.chunked_array([["019ab4a9-8585-7000-8000-000000000000"]]), 20416).tolist()
    [7]
    """
    hours: npt.NDArray[np.int64] = (milliseconds_of(ids) - day * _DAY_MS) // _HOUR_MS
    return hours


def milliseconds_of(ids: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """When each prediction was made, as its id tells, in milliseconds since 1970-01-01 UTC.

    >>> milliseconds_of(pa.chunked_array([["019ab4a9-8585-7000-8000-000000000000"]])).tolist()
    [1763967600005]
    """
    times = pc.utf8_slice_codeunits(ids, 0, _TIME).combine_chunks()
    letters = np.frombuffer(times.buffers()[2], np.uint8, len(times) * _TIME)
    digits = np.delete(letters.reshape(-1, _TIME), 8, axis=1).astype(np.int64)
    digits -= np.where(digits >= ord("a"), ord("a") - 10, ord("0"))
    found: npt.NDArray[np.int64] = digits @ (16 ** np.arange(11, -1, -1, dtype=np.int64))
    return found


def _physical(schema: Schema | None) -> dict[str, str]:
    return {} if schema is None else {column.name: column.physical for column in columns(schema)}


def _positive(schema: Schema | None) -> str:
    """The class whose probability is the score; empty where it is that of the label."""
    classes: Sequence[Any] = schema.output.classes if schema is not None else ()
    return class_text(classes[1]) if len(classes) == 2 else ""


def _column(rows: pa.Table, physical: str) -> pa.Array | pa.ChunkedArray:
    if physical in rows.column_names:
        return rows[physical]
    return pa.nulls(rows.num_rows, TYPES[physical[0]])
