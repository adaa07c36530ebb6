"""What the slices of the given rows had in them, so that a slice is compared with itself.

A slice differs from all rows always; beside the reference of all rows it would seem to drift from the first
day. So the inputs of each slice with rows enough are counted at registration too, with the same cells.
"""

from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from konan.monitoring.profiles.profile import Layout, Profile
from konan.monitoring.profiles.segments import named
from konan.records.private import treatments
from konan.records.schema import Schema

if TYPE_CHECKING:
    import pyarrow as pa

FEWEST = 500
"""A slice with fewer given rows has no reference of its own."""

MOST = 50
"""Most slices of a segment column that have one: the largest."""


class SegmentPart(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The inputs of the given rows of one slice.

    Attributes:
        column: the segment column.
        value: as text; null stands for rows without one.
        counts: their profile as bytes, with the cells of the inputs of all rows.
    """

    column: str
    value: str | None
    counts: bytes

    @cached_property
    def profile(self) -> Profile:
        """What was counted."""
        return Profile.from_bytes(self.counts)


def segments_of(
    layout: Layout, given: "pa.Table", inputs: "pa.Table", schema: Schema
) -> tuple[SegmentPart, ...]:
    """The slices of given rows that have rows enough.

    A segment column whose values the log has in another form, hashed or not at all, has none.

    Args:
        layout: of the inputs.
        given: the rows, with the segment columns as they were given.
        inputs: the same rows under the names of layouts.
        schema: of the version.
    """
    private = treatments(schema)
    found = list[SegmentPart]()
    for column in schema.segments:
        if column in given.column_names and column not in private:
            found += _of_column(column, layout, given, inputs)
    return tuple(found)


def _of_column(column: str, layout: Layout, given: "pa.Table", inputs: "pa.Table") -> list[SegmentPart]:
    import pyarrow as pa
    import pyarrow.compute as pc

    coded = pc.dictionary_encode(given[column].combine_chunks(), null_encoding="encode")
    counts = pc.value_counts(coded.indices)
    sizes = sorted(zip(counts.field("counts").to_pylist(), counts.field("values").to_pylist(), strict=True))
    cells = coded.dictionary.to_pylist()
    found = []
    for size, code in sizes[: -MOST - 1 : -1]:
        if size < FEWEST:
            break
        rows = inputs.filter(pc.equal(coded.indices, pa.scalar(code, coded.indices.type)))
        value = None if cells[code] is None else named(cells[code])
        profile = Profile.of(layout, rows)
        found.append(SegmentPart(column=column, value=value, counts=profile.to_bytes()))
    return found
