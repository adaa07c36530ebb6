"""Whatever is sent falls into exactly one cell, and cells that were fitted keep their promises."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from konan.monitoring.profiles.cells import CategoryCells, NumericCells, PresenceCells
from konan.monitoring.profiles.histogram import fit_category, fit_numeric, known_categories, left_out

NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(reference=st.lists(NUMBERS), sent=st.lists(st.none() | NUMBERS), cells=st.integers(2, 32))
def test_every_number_falls_into_the_cell_that_is_named_for_it(
    reference: list[float], sent: list[float | None], cells: int
) -> None:
    fitted = fit_numeric("x", reference, cells)
    codes = fitted.assign(pa.array(sent, pa.float64()))
    assert len(set(fitted.labels)) == len(fitted.labels)
    for value, code in zip(sent, codes.tolist(), strict=True):
        assert code == _expected(fitted, value)


def _expected(fitted: NumericCells, value: float | None) -> int:
    special = fitted.special
    if value is None or math.isnan(value):
        return special["missing"]
    if math.isinf(value):
        return special["invalid"]
    if not fitted.bounds or value >= fitted.bounds[-1]:
        return special["above"]
    return 2 + sum(value >= bound for bound in fitted.bounds)


@given(reference=st.lists(FINITE, min_size=1), cells=st.integers(2, 32))
def test_the_reference_itself_is_neither_below_nor_above(reference: list[float], cells: int) -> None:
    fitted = fit_numeric("x", reference, cells)
    counts = fitted.count(pa.array(reference, pa.float64()))
    largest = sum(abs(value) == np.finfo(float).max for value in reference)
    assert counts[[fitted.special[name] for name in ("missing", "invalid")]].sum() == 0
    assert counts[[fitted.special[name] for name in ("below", "above")]].sum() == largest
    assert len(fitted.labels) <= 3 * cells + 4


@given(reference=st.lists(st.integers(-3, 3), min_size=1).map(lambda values: [float(one) for one in values]))
def test_a_value_that_many_rows_have_is_alone_in_its_cell(reference: list[float]) -> None:
    fitted = fit_numeric("x", reference, 4)
    for value in set(reference):
        if reference.count(value) * 4 >= len(reference):
            assert value in fitted.atoms
            near = pa.array([math.nextafter(value, -math.inf), math.nextafter(value, math.inf)])
            own = fitted.assign(pa.array([value]))[0]
            assert own not in fitted.assign(near)


def test_quantile_cells_hold_equal_shares_of_the_reference() -> None:
    values = np.random.default_rng(1).normal(size=10_000)
    counts = fit_numeric("x", values, 16).count(pa.array(values))
    assert counts[3:-1].tolist() == [625] * 16


def test_seventy_percent_zeros_leave_room_for_the_others() -> None:
    rng = np.random.default_rng(2)
    values = np.where(rng.random(10_000) < 0.7, 0.0, rng.exponential(size=10_000))
    fitted = fit_numeric("x", values)
    assert fitted.labels[3] == "= 0"
    counts = fitted.count(pa.array(values))
    assert counts[3] == (values == 0).sum()
    assert counts[4:-1].min() > 500


def test_a_constant_column_has_its_value_and_what_is_beside_it() -> None:
    fitted = fit_numeric("x", [0.0] * 9)
    assert fitted.labels == ("missing", "invalid", "below", "= 0", "above")
    assert fitted.assign(pa.array([-0.0, 0.0, 5e-324, -5e-324])).tolist() == [3, 3, 4, 2]


def test_a_column_without_a_number_takes_numbers_as_above() -> None:
    fitted = fit_numeric("x", [math.nan, math.inf])
    assert fitted.labels == ("missing", "invalid", "below", "above")
    assert fitted.assign(pa.array([1.0, -1e300, None, -math.inf])).tolist() == [3, 3, 0, 1]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["1.0", "", None]),
        pa.array([True, False, None]),
        pa.array([[1], [2], None]),
        pa.array([0, 1, None], pa.timestamp("us")),
        pa.array(["a", "b", None]).dictionary_encode(),
    ],
)
def test_a_value_of_another_type_is_an_invalid_number(column: pa.Array) -> None:
    assert fit_numeric("x", [0.0, 1.0]).assign(column).tolist() == [1, 1, 0]


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint64(), pa.float32(), pa.float16(), pa.decimal128(9, 2)])
def test_numbers_of_every_type_are_numbers(kind: pa.DataType) -> None:
    column = pa.array([0.0, 3.0, None]).cast(kind)
    assert fit_numeric("x", [0.0, 1.0, 2.0, 3.0], 2).assign(column).tolist() == [3, 4, 0]


@given(st.lists(st.lists(st.none() | FINITE, max_size=3), max_size=4))
def test_parts_of_a_column_are_assigned_as_the_whole(parts: list[list[float | None]]) -> None:
    chunked = pa.chunked_array([pa.array(part, pa.float64()) for part in parts], pa.float64())
    fitted = fit_numeric("x", [0.0, 1.0, 5.0])
    assert fitted.assign(chunked).tolist() == fitted.assign(chunked.combine_chunks()).tolist()


TEXTS = st.none() | st.sampled_from(["a", "b", "c", "other", "unseen", "missing", "", "é"])


@given(reference=st.lists(TEXTS), sent=st.lists(TEXTS), most=st.integers(0, 4))
def test_every_text_falls_into_the_cell_that_is_named_for_it(
    reference: list[str | None], sent: list[str | None], most: int
) -> None:
    fitted = fit_category("x", reference, most)
    assert len(set(fitted.labels)) == len(fitted.labels)
    codes = fitted.assign(pa.array(sent, pa.string()))
    for value, code in zip(sent, codes.tolist(), strict=True):
        if value is None:
            assert code == fitted.special["missing"]
        elif value in fitted.values:
            assert code == fitted.values.index(value)
        elif value in fitted.rare:
            assert code == len(fitted.values)
        else:
            assert code == fitted.special["unseen"]


@given(st.lists(TEXTS))
def test_a_text_is_known_when_two_rows_have_it(reference: list[str | None]) -> None:
    fitted = fit_category("x", reference)
    twice = {text for text in reference if text is not None and reference.count(text) >= 2}
    assert {*fitted.values, *fitted.rare} == twice
    assert not set(fitted.values) & set(fitted.rare)


@pytest.mark.parametrize(
    ("column", "codes"),
    [
        (pa.array(["true", "x"]).dictionary_encode(), [0, 1]),
        (pa.array(["true", "x"], pa.large_string()), [0, 1]),
        (pa.array([True, False]), [0, 1]),
        (pa.array([1, 2]), [3, 1]),
        (pa.array([2.5, math.nan]), [4, 5]),
        (pa.array([[1], None]), [1, 2]),
        (pa.nulls(2), [2, 2]),
    ],
)
def test_categories_of_other_types_are_compared_as_text(column: pa.Array, codes: list[int]) -> None:
    fitted = CategoryCells("x", ("true",))
    names = {0: 0, 1: fitted.special["unseen"], 2: fitted.special["missing"]}
    wanted = [names.get(code, code) for code in codes]
    if codes[0] in {3, 4}:
        fitted = CategoryCells("x", ("1" if codes[0] == 3 else "2.5",))
        wanted = [0, fitted.special["unseen" if codes[0] == 3 else "missing"]]
    assert fitted.assign(column).tolist() == wanted


def test_rows_that_are_left_out_are_as_many_as_new_rows_will_be_unseen() -> None:
    # There are many rare categories, so some of the fresh rows have one that the reference did not have.
    rng = np.random.default_rng(3)
    chances = 1 / np.arange(1, 3001)
    chances /= chances.sum()
    texts = np.array([f"c{number}" for number in range(3000)])
    drawn = rng.choice(texts, 4000, p=chances)
    fresh = rng.choice(texts, 40_000, p=chances)
    names, counts = np.unique(drawn, return_counts=True)
    frequencies = dict(zip(names.tolist(), counts.tolist(), strict=True))
    fitted = known_categories("x", frequencies)
    own = fitted.count(pa.array(drawn.tolist()))
    expected = (own[fitted.special["unseen"]] + left_out(fitted, frequencies)) / 4000
    found = fitted.count(pa.array(fresh.tolist()))[fitted.special["unseen"]] / 40_000
    naive = own[fitted.special["unseen"]] / 4000
    assert abs(found - expected) < 0.01 < abs(found - naive)


def test_presence_is_all_that_is_told_of_what_is_hidden() -> None:
    cells = PresenceCells("x")
    assert cells.count(pa.array([1.0, math.nan, None])).tolist() == [1, 2]
    assert cells.count(pa.array(["hmac:0", None])).tolist() == [1, 1]
