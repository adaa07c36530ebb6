"""Rows mixed of one row and background rows, as frames that a worker takes (pure)."""

from collections.abc import Sequence

import msgspec
import numpy as np

from konan.monitoring.explanation.shapley import Bools, Floats, Integers
from konan.packaging.golden import Row
from konan.records.schema import Feature
from konan.worker.frames import PREDICT, Frame


class Mixture:
    """A row and background rows.

    Args:
        features: the model's inputs in its order.
        row: the row.
        background: at least one row.

    Attributes:
        differs: (b, d) where the row differs from each background row; missing values are all alike.
    """

    def __init__(self, features: Sequence[Feature], row: Row, background: Sequence[Row]) -> None:
        texts = [at for at, one in enumerate(features) if one.type in {"string", "datetime"}]
        self._texts = np.array(texts, np.int64)
        self._numeric = np.array([at for at in range(len(features)) if at not in set(texts)], np.int64)
        self._numbers = _numbers([row], self._numeric)[0]
        self._others = _numbers(background, self._numeric)
        self._words = _words([row], self._texts)
        self._other_words = _words(background, self._texts)
        self.differs: Bools = np.zeros((len(background), len(features)), bool)
        same = (self._others == self._numbers) | (np.isnan(self._others) & np.isnan(self._numbers))
        self.differs[:, self._numeric] = ~same
        self.differs[:, self._texts] = self._other_words != self._words

    def frame(self, rows: Integers, has: Bools) -> Frame:
        """A frame of mixed rows.

        Args:
            rows: (n,) which background row each is mixed of.
            has: (n, d) the inputs that have the row's value.
        """
        numbers = np.where(has[:, self._numeric], self._numbers, self._others[rows])
        texts = b""
        if len(self._texts):
            words = np.where(has[:, self._texts], self._words, self._other_words[rows])
            texts = b"[" + b",".join(b"[" + b",".join(cells) + b"]" for cells in words.tolist()) + b"]"
        return Frame(PREDICT, len(rows), np.ascontiguousarray(numbers).tobytes(), texts)


def _numbers(rows: Sequence[Row], places: Integers) -> Floats:
    cells = [[np.nan if row[at] is None else float(row[at]) for at in places] for row in rows]
    return np.array(cells, np.float64).reshape(len(rows), len(places))


def _words(rows: Sequence[Row], places: Integers) -> "np.ndarray[tuple[int, ...], np.dtype[np.object_]]":
    """Cells of text as JSON."""
    found = np.empty((len(rows), len(places)), object)
    for at, row in enumerate(rows):
        found[at] = [msgspec.json.encode(row[place]) for place in places]
    return found
