"""Answers of the prediction log beside their truths, as they are counted; with Arrow, for the log has it."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from konan.monitoring.performance.pairs import Pairs
from konan.monitoring.performance.shape import Shape
from konan.records.schema import Schema

Floats = npt.NDArray[np.float64]


class LoggedAnswers:
    """How the answers of one version are seen.

    Args:
        schema: of the version; None if nobody knows it, then only the number of truths is counted.

    Attributes:
        shape: what is counted.
        needed: names of the log's columns that hold it.
    """

    def __init__(self, schema: Schema | None) -> None:
        self.shape = Shape.of(None if schema is None else schema.output)
        self.needed: tuple[str, ...] = _NEEDED[self.shape.kind]
        self._scored = bool(self.shape.probabilities)
        if self._scored:
            self.needed = (*self.needed, "output")
            self._outputs = _decoder(self.shape.classes)

    def pairs(self, rows: pa.Table, truths: pa.Table, delays: Floats) -> Pairs:
        """Rows and their truths.

        Args:
            rows: with the columns `needed`.
            truths: ``label`` and ``value`` of each row's truth.
            delays: seconds from each answer to its first truth, ``(n,)``.
        """
        if self.shape.kind == "regressor":
            return Pairs.of_values(self.shape, _numbers(truths["value"]), _numbers(rows["value"]), delays)
        if self.shape.kind == "other":
            return Pairs(self.shape, rows.num_rows, delays)
        if not self.shape.classes:
            known = pc.and_(pc.is_valid(rows["label"]), pc.is_valid(truths["label"]))
            right = pc.fill_null(pc.equal(rows["label"], truths["label"]), fill_value=False)
            return Pairs.of_texts(self.shape, _flags(right), _flags(known), delays)
        classes = pa.array(self.shape.classes, pa.string())
        truth, label = (_codes(column, classes) for column in (truths["label"], rows["label"]))
        scores = self._probabilities(rows["output"]) if self._scored else None
        return Pairs.of_classes(self.shape, truth, label, scores, delays)

    def _probabilities(self, outputs: pa.ChunkedArray) -> Floats:
        """Of each class, ``(n, k)``; NaN where an answer has none."""
        texts = outputs.to_pylist()
        try:
            found = self._outputs.decode("[" + ",".join(text or "{}" for text in texts) + "]")
        except msgspec.DecodeError:
            found = [self._one(text) for text in texts]
        cells = [self._cells(one.probabilities) for one in found]
        return np.array(cells, np.float64).reshape(len(texts), len(self.shape.classes))

    def _cells(self, shares: Any) -> tuple[float | None, ...]:
        if shares is None:
            return (None,) * len(self.shape.classes)
        if isinstance(shares, dict):
            return tuple(map(shares.get, self.shape.classes))
        return msgspec.structs.astuple(shares)

    def _one(self, text: str | None) -> Any:
        try:
            return self._outputs.decode(f"[{text}]")[0]
        except msgspec.DecodeError:  # a model that answers something else than objects
            return self._outputs.decode("[{}]")[0]


_ESCAPED = re.compile(r'["\\\x00-\x1f]')
_NEEDED: dict[str, tuple[str, ...]] = {"classifier": ("label",), "regressor": ("value",), "other": ()}


def _decoder(classes: Sequence[str]) -> "msgspec.json.Decoder[list[Any]]":
    """Reads answers with a probability for each of some classes.

    The inner structure is made anew for them: ``c0: float | None = None`` for the first, and so on. It is a
    dictionary, which is slower, where a name has to be escaped in JSON.
    """
    shares: Any = dict[str, float | None]
    if not _ESCAPED.search("".join(classes)):
        names = {f"c{at}": one for at, one in enumerate(classes)}
        slots = [(name, float | None, None) for name in names]
        shares = msgspec.defstruct("Shares", slots, rename=names, gc=False)
    fields: list[tuple[str, Any, Any]] = [("probabilities", shares | None, None)]
    return msgspec.json.Decoder(list[msgspec.defstruct("Answer", fields, gc=False)])  # type: ignore[misc] # made above


def _numbers(column: pa.ChunkedArray) -> Floats:
    found: Floats = pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False)
    return found


def _flags(column: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = column.to_numpy(zero_copy_only=False)
    return found


def _codes(column: pa.ChunkedArray, classes: pa.Array) -> npt.NDArray[np.int64]:
    at = pc.fill_null(pc.index_in(column, value_set=classes), -1)
    found: npt.NDArray[np.int64] = at.to_numpy(zero_copy_only=False).astype(np.int64)
    return found
