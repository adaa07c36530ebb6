"""Slices of the given rows are counted as all rows are, where they have rows enough."""

import numpy as np
import pyarrow as pa

from konan.monitoring.profiles.profile import Profile
from konan.monitoring.reference import given_rows
from konan.monitoring.reference.reference import Reference, inputs_of
from konan.monitoring.reference.segments import FEWEST, SegmentPart, segments_of
from konan.records.schema import Feature, Output, Schema

SCHEMA = Schema(
    features=(Feature(name="x", type="number"), Feature(name="city", type="string")),
    output=Output(kind="regressor"),
    segments=("city", "open", "who"),
    extra=("open", "who"),
    extra_privacy={"who": "hash"},
)


def found(sizes: dict[str | None, int]) -> tuple[Reference, pa.Table]:
    draw = np.random.default_rng(1)
    cities = [city for city, size in sizes.items() for _ in range(size)]
    given = pa.table(
        {
            "x": draw.normal(size=len(cities)),
            "city": pa.array(cities, pa.string()),
            "open": [True] * len(cities),
            "who": ["p1"] * len(cities),
        }
    )
    rows = given_rows.inputs(given, SCHEMA)
    part = inputs_of(SCHEMA, rows, "data")
    return Reference(inputs=part, segments=segments_of(part.layout, given, rows, SCHEMA)), rows


def test_slices_with_rows_enough_are_counted_as_their_rows_are() -> None:
    reference, rows = found({"Bern": 700, "Rome": FEWEST - 1, None: 600})
    told = {(one.column, one.value): one.profile.rows for one in reference.segments}
    assert told == {("city", "Bern"): 700, ("city", None): 600, ("open", "true"): 1300 + FEWEST - 1}
    bern = reference.of_segment("city", "Bern")
    assert bern is not None
    assert reference.inputs is not None
    assert bern == Profile.of(reference.inputs.layout, rows.slice(0, 700))
    assert reference.of_segment("city", "Rome") is None


def test_what_the_log_has_hashed_tells_nothing() -> None:
    reference, _ = found({"Bern": 700})
    assert "who" not in {one.column for one in reference.segments}


def test_it_is_kept_with_the_reference() -> None:
    reference, _ = found({"Bern": 700})
    again = Reference.from_bytes(reference.to_bytes())
    assert again.segments == reference.segments
    assert isinstance(again.segments[0], SegmentPart)
