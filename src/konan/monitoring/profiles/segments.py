"""The values of segment columns that have profiles of their own: few, and never one that was passed over.

The first values that are seen get in, the more frequent of a part first. When there is no room left, later
ones count as `OTHER`, and no new value gets in as long as anything counts as that: so a value's profile has
all rows with it, and `OTHER` all the rest.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from konan import clock
from konan.monitoring.profiles.cells import OTHER
from konan.records.private import text_of

MOST = 32
"""Values of a column with profiles of their own."""

_LONGEST = 200


@dataclass(slots=True)
class Segments:
    """What is known of the segment columns of one deployment.

    Attributes:
        known: the values that have got in, by column.
        full: columns of which some values count as `OTHER`.
    """

    known: dict[str, set[str]] = field(default_factory=dict)
    full: set[str] = field(default_factory=set)

    def learn(self, pairs: Iterable[tuple[str, str | None]]) -> None:
        """Take in which columns and values have profiles."""
        for column, value in pairs:
            if value == OTHER:
                self.full.add(column)
            elif value is not None:
                self.known.setdefault(column, set()).add(value)

    def coded(self, column: str, cells: pa.ChunkedArray) -> tuple[list[str | None], npt.NDArray[np.int64]]:
        """The segment of each row, as its place in a list of values; None stands for rows without one.

        >>> values, places = Segments().coded("city", pa.chunked_array([["Bern", None, "Rome", "Rome"]]))
        >>> values, places.tolist()
        (['Bern', 'Rome', None], [0, 2, 1, 1])
        """
        coded = pc.dictionary_encode(cells.combine_chunks())
        names = list(map(named, coded.dictionary.to_pylist()))
        at = pc.fill_null(coded.indices, len(names)).to_numpy(zero_copy_only=False)
        known = self._admitted(column, names, np.bincount(at, minlength=len(names) + 1))
        shown = [*(name if name in known else OTHER for name in names), None]
        places = {value: place for place, value in enumerate(dict.fromkeys(shown))}
        return list(places), np.array([places[one] for one in shown], np.int64)[at]

    def _admitted(self, column: str, names: list[str], counts: npt.NDArray[np.int64]) -> set[str]:
        """The known values of a column, with those of some that get in."""
        known = self.known.setdefault(column, set())
        for place in np.argsort(-counts[:-1], kind="stable").tolist():
            if column not in self.full and names[place] not in known and len(names[place]) <= _LONGEST:
                if len(known) < MOST:
                    known.add(names[place])
                else:
                    self.full.add(column)
        return known


def named(cell: object) -> str:
    """What a value is called as a segment; one that is called as `OTHER` is quoted.

    >>> named("Bern"), named(3.0), named(True), named("other")
    ('Bern', '3', 'true', '"other"')
    """
    text = clock.rfc3339(cell) if isinstance(cell, datetime) else text_of(cell)
    return f'"{text}"' if text == OTHER else text
