"""What owners declare private, and what registration shows of such columns."""

from collections.abc import Mapping

import pytest

from konan.errors import DataInvalid, Invalid
from konan.packaging.private import declared, private_schema, stated
from konan.records.private import treatments
from konan.records.schema import Constraint, Feature, Learned, Privacy, Schema

SEEN = Learned(categories=("Anna", "Ben"), distinct=2, missing=0.5)
SCHEMA = Schema(
    features=(
        Feature(name="who", type="string", learned=SEEN),
        Feature(name="sum", type="number", nullable=False, learned=Learned(minimum=3.0, maximum=9.0)),
        Feature(name="old", type="integer", nullable=False, declared=Constraint(minimum=18.0)),
        Feature(name="day", type="datetime", nullable=False),
    ),
    example={"who": "Anna", "sum": 4.5, "old": 44, "day": "2026-01-31T00:00:00Z"},
    extra=("order", "person"),
    key="order",
)


def test_a_private_schema_shows_no_value() -> None:
    found: dict[str, Privacy] = {"who": "mask", "sum": "hash", "old": "drop", "day": "mask", "order": "hash"}
    made = private_schema(SCHEMA, found, found)
    assert treatments(made) == found
    assert made.example == {"who": None, "sum": 0.0, "old": 18, "day": "1970-01-01T00:00:00Z"}
    assert made.features[0].learned == Learned(distinct=2, missing=0.5)
    assert made.features[1].learned == Learned()
    assert made.extra_privacy == {"order": "hash"}


def test_what_is_kept_stays_as_it_is() -> None:
    found: dict[str, Privacy] = {"who": "keep", "gone": "mask"}
    assert private_schema(SCHEMA, found, {"who": "keep"}) == SCHEMA


def test_a_name_that_the_version_does_not_have_is_refused_only_where_it_is_stated() -> None:
    private_schema(SCHEMA, {"gone": "mask"}, {})
    with pytest.raises(DataInvalid, match="'gone'"):
        private_schema(SCHEMA, {"gone": "mask"}, {"gone": "mask"})


def test_a_version_keeps_what_was_declared_before_and_records_what_it_lifts() -> None:
    first = declared({}, {"a": "mask", "b": "hash"}, key="b", subject="")
    second = declared(first, {"a": "keep", "c": "drop"}, key="b", subject="")
    third = declared(second, {}, key="b", subject="")
    assert second == {"a": "keep", "b": "hash", "c": "drop"}
    assert third == {"b": "hash", "c": "drop"}


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        ({}, {"k": "mask"}, "is the key"),
        ({"k": "drop"}, {}, "is the key"),
        ({}, {"s": "drop"}, "is the subject"),
        ({}, {"x": "keep"}, "nothing to lift"),
        ({"x": "keep"}, {"x": "keep"}, "nothing to lift"),
    ],
)
def test_what_cannot_be_is_refused(
    before: Mapping[str, Privacy], now: Mapping[str, Privacy], words: str
) -> None:
    with pytest.raises(Invalid, match=words):
        declared(before, now, key="k", subject="s")


def test_two_things_cannot_be_said_of_a_column() -> None:
    assert stated({"mask": ["a", "a"]}) == {"a": "mask"}
    with pytest.raises(Invalid, match="both mask and drop"):
        stated({"mask": ["a"], "drop": ["a"]})
