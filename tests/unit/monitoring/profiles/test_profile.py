"""Profiles add exactly: any split of the same rows in any order gives the same bytes."""

import math
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from konan.errors import Invalid
from konan.monitoring.profiles.cells import Cells, PresenceCells
from konan.monitoring.profiles.histogram import fit_category, fit_numeric
from konan.monitoring.profiles.profile import Layout, Profile, beside, merged

LAYOUT = Layout(
    (
        fit_numeric("features.x", np.arange(100.0)),
        fit_category("features.city", ["a"] * 5 + ["b"] * 4 + ["c"] * 2),
        fit_numeric("features.zeros", [0.0] * 70 + list(range(30))),
        PresenceCells("features.name"),
        fit_numeric("output.score", np.linspace(0, 1, 50)),
    )
)
NUMBERS = st.none() | st.floats()
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "features.x": NUMBERS,
            "features.city": st.none() | st.sampled_from("abcd"),
            "features.zeros": NUMBERS,
            "features.name": st.none() | st.just("***"),
            "output.score": NUMBERS,
        }
    ),
    max_size=30,
)
SCHEMA = pa.schema(
    [
        ("features.x", pa.float64()),
        ("features.city", pa.string()),
        ("features.zeros", pa.float64()),
        ("features.name", pa.string()),
        ("output.score", pa.float64()),
    ]
)


def table_of(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, SCHEMA)


@given(ROWS, st.lists(st.integers(0, 30), max_size=5), st.randoms())
def test_any_split_in_any_order_gives_the_same_bytes(
    rows: list[dict[str, Any]], cuts: list[int], shuffle: Any
) -> None:
    whole = Profile.of(LAYOUT, table_of(rows))
    shuffle.shuffle(rows)
    ends = sorted({0, len(rows), *(min(cut, len(rows)) for cut in cuts)})
    parts = [Profile.of(LAYOUT, table_of(rows[start:end])) for start, end in pairwise(ends)]
    shuffle.shuffle(parts)
    one_by_one = Profile.empty(LAYOUT)
    for part in parts:
        one_by_one = part.merge(one_by_one)
    assert one_by_one.to_bytes() == merged(LAYOUT, parts).to_bytes() == whole.to_bytes()


@given(ROWS)
def test_a_profile_says_what_a_count_by_hand_says(rows: list[dict[str, Any]]) -> None:
    table = table_of(rows)
    profile = Profile.of(LAYOUT, table)
    assert profile.rows == len(rows)
    codes = [cells.assign(table[cells.name]) for cells in LAYOUT.columns]
    for counts, own in zip(profile.counts, codes, strict=True):
        assert counts.sum() == len(rows)
        assert all(counts[code] == (own == code).sum() for code in range(len(counts)))
    ranks = [_ranks(LAYOUT.columns[at], codes[at].tolist()) for at in LAYOUT.ordered]
    assert profile.sums.tolist() == [sum(one) for one in ranks]
    for first, one in enumerate(ranks):
        for second, other in enumerate(ranks):
            assert profile.products[first, second] == sum(a * b for a, b in zip(one, other, strict=True))


def _ranks(cells: Cells, codes: list[int]) -> list[int]:
    places = len(cells.labels) - 2
    return [0 if code < 2 else 2 * (code - 2) - (places - 1) for code in codes]


@given(ROWS)
def test_a_profile_survives_being_written(rows: list[dict[str, Any]]) -> None:
    profile = Profile.of(LAYOUT, table_of(rows))
    assert Profile.from_bytes(profile.to_bytes()) == profile


def test_rows_in_many_blocks_are_counted_as_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    rows = [
        {
            "features.x": rng.normal(50, 40),
            "features.city": "abcd"[rng.integers(4)],
            "features.zeros": 0.0,
            "output.score": rng.random(),
        }
        for _ in range(100)
    ]
    whole = Profile.of(LAYOUT, table_of(rows))
    monkeypatch.setattr("konan.monitoring.profiles.profile._BLOCK", 7)
    assert Profile.of(LAYOUT, table_of(rows)) == whole


def test_profiles_of_other_cells_are_never_added() -> None:
    moved = Layout((fit_numeric("features.x", np.arange(1.0, 101.0)), *LAYOUT.columns[1:]))
    assert moved.lengths == LAYOUT.lengths
    with pytest.raises(Invalid):
        Profile.empty(LAYOUT).merge(Profile.empty(moved))
    with pytest.raises(Invalid):
        merged(LAYOUT, [Profile.empty(moved)])


def test_a_layout_survives_being_written_and_keeps_its_digest() -> None:
    again = Layout.from_json(LAYOUT.to_json())
    assert again == LAYOUT
    assert again.digest == LAYOUT.digest
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(LAYOUT), type=Layout).digest == LAYOUT.digest


def test_the_digest_changes_with_every_bound() -> None:
    one, two = (Layout((fit_numeric("x", [0.0, top]),)) for top in (1.0, math.nextafter(1.0, 2.0)))
    assert one.digest != two.digest


def test_a_column_that_comes_later_adds_no_rows() -> None:
    before = Profile.of(LAYOUT, table_of([{"features.x": 1.0}]).drop_columns(["output.score"]))
    later = Profile.of(LAYOUT, pa.table({"output.score": [0.5]}), rows=0)
    assert before.merge(later) == Profile.of(LAYOUT, table_of([{"features.x": 1.0, "output.score": 0.5}]))


@pytest.mark.parametrize("cut", [0, 10, 44, 60, -1])
def test_bytes_that_are_cut_are_refused(cut: int) -> None:
    with pytest.raises(Invalid):
        Profile.from_bytes(Profile.empty(LAYOUT).to_bytes()[:cut])


def test_other_bytes_are_refused() -> None:
    with pytest.raises(Invalid):
        Profile.from_bytes(b"PAR1" + Profile.empty(LAYOUT).to_bytes()[4:])


def test_counts_that_are_known_make_a_profile() -> None:
    profile = Profile.of(LAYOUT, table_of([{"features.x": 3.0, "features.city": "b"}]))
    again = Profile.of_counts(LAYOUT, profile.counts)
    assert again.rows == 1
    assert all((one == two).all() for one, two in zip(again.counts, profile.counts, strict=True))
    assert not again.products.any()
    with pytest.raises(Invalid):
        Profile.of_counts(LAYOUT, profile.counts[1:])


def test_columns_can_be_put_beside_each_other() -> None:
    inputs, answers = Layout(LAYOUT.columns[:4]), Layout(LAYOUT.columns[4:])
    table = table_of([{"features.x": 3.0, "output.score": 0.5}, {"features.x": 99.0, "features.zeros": 2.0}])
    parts = [Profile.of(inputs, table), Profile.of(answers, table)]
    assert beside(LAYOUT, parts) == Profile.of(LAYOUT, table)
    assert beside(LAYOUT, []) == Profile.empty(LAYOUT)
    with pytest.raises(Invalid):
        beside(Layout((*answers.columns, *inputs.columns)), parts[::-1])
