"""Drift of a window: silent where nothing changed, sure and named where something did."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.monitoring.drifting import Table, drifted, nothing, profile, reference, rows

from konan.monitoring.drift.comparison import Limits, column_drift, drift
from konan.monitoring.drift.triage import triage
from konan.monitoring.profiles.cells import CategoryCells, NumericCells, PresenceCells
from konan.monitoring.profiles.profile import TARGET, Layout, Profile

Draw = np.random.Generator


def moved(table: Table, draw: Draw) -> None:
    del draw
    table["features.temp"] = table["features.temp"] + 8


def one_wild_value(table: Table, draw: Draw) -> None:
    del draw
    table["features.temp"][0] = 1e6


def moved_with_a_wild_value(table: Table, draw: Draw) -> None:
    moved(table, draw)
    one_wild_value(table, draw)


def a_little(table: Table, draw: Draw) -> None:
    del draw
    table["features.temp"] = table["features.temp"] + 0.8


@pytest.mark.parametrize("size", [30, 100, 1000, 10_000])
def test_quiet_windows_are_silent(size: int) -> None:
    """At most 1 in 100 may be told as drift, and evidence is at most 1 on average."""
    found = [drifted(nothing, size, seed) for seed in range(10, 30 if size > 5000 else 70)]
    assert sum(one.verdict == "drift" for one in found) <= 1
    assert float(np.mean([math.exp(one.evidence) for one in found])) < 1.2
    assert not any(one.faults for one in found)


def test_significance_of_columns_is_on_the_safe_side() -> None:
    chances = [
        column.p_value
        for seed in range(10, 60)
        for column in drifted(nothing, 500, seed).columns
        if column.p_value is not None
    ]
    assert 0.005 < float(np.mean(np.array(chances) < 0.05)) <= 0.05


def test_few_rows_are_told_to_be_few() -> None:
    found = drifted(nothing, 60)
    assert found.verdict == "too few rows"
    by_name = {one.column: one for one in found.columns}
    temp = by_name["features.temp"]
    assert (temp.verdict, temp.rows, temp.usual_rows) == ("too few rows", 60, 10_000)
    assert temp.floor > 0.1 > temp.effect
    assert by_name[TARGET].floor < temp.floor, "two cells are less noisy than sixteen"
    assert drifted(nothing, 2000).verdict == "stable"


def test_a_large_change_is_seen_in_few_rows() -> None:
    found = drifted(moved, 100)
    assert (found.verdict, found.guilty) == ("drift", ("features.temp",))


@pytest.mark.parametrize("change", [moved, moved_with_a_wild_value])
def test_a_moved_column_is_guilty_alone_whatever_one_wild_value_is(change: object) -> None:
    """A shift of one standard deviation has an index of about 1; one value of 1e6 must not hide it."""
    found = drifted(moved if change is moved else moved_with_a_wild_value, 10_000)
    assert (found.verdict, found.guilty) == ("drift", ("features.temp",))
    first = found.columns[0]
    assert first.column == "features.temp"
    assert first.verdict == "drift"
    assert first.effect == pytest.approx(0.95, abs=0.1)
    assert first.p_value is not None
    assert first.p_value < 1e-100
    assert len(first.moved) == 5
    assert all(abs(cell.current - cell.usual) > 0.03 for cell in first.moved)
    assert {one.verdict for one in found.columns[1:]} == {"stable"}


def test_one_wild_value_is_counted_and_is_no_drift() -> None:
    found = drifted(one_wild_value, 10_000)
    assert found.verdict == "stable"
    temp = next(one for one in found.columns if one.column == "features.temp")
    above = next(part for part in temp.portions if part.what == "above")
    assert above.rows >= 1
    assert above.p_value > 0.05
    assert temp.effect < 0.005
    assert all(measure.effect < 0.1 for measure in temp.measures)


def test_a_wild_value_in_the_reference_hides_nothing() -> None:
    draw = np.random.default_rng(1)
    from konan.monitoring.profiles.histogram import fit_numeric

    values = draw.normal(size=10_000)
    values[0] = 1e6
    cells = fit_numeric("x", values)
    before = np.histogram(values, cells.bounds)[0]
    after = np.histogram(draw.normal(1, 1, 10_000), cells.bounds)[0]
    edge = np.zeros(3, int)
    found = column_drift(cells, np.array([*edge, *before, 0]), np.array([*edge, *after, 0]))
    assert found.effect == pytest.approx(1.0, abs=0.1)


def test_what_is_certain_but_small_is_no_drift() -> None:
    found = drifted(a_little, 20_000)
    assert (found.verdict, found.guilty) == ("stable", ("features.temp",))
    assert found.evidence > found.threshold
    assert 0.005 < found.columns[0].effect < 0.02
    layout, before = reference()
    finer = drift(before, profile(a_little, 20_000), layout, limits=Limits(psi=0.005))
    assert finer.verdict == "drift"


def test_weights_choose_what_is_looked_at() -> None:
    layout, before = reference()
    window = profile(moved, 2000)
    none = drift(before, window, layout, weights={"features.temp": 0.0})
    assert none.verdict == "stable"
    assert "features.temp" not in {one.column for one in none.columns}
    heavy = drift(before, window, layout, weights={"features.temp": 50.0})
    assert heavy.evidence > drift(before, window, layout).evidence


def test_a_column_that_was_not_counted_is_left_out() -> None:
    table = rows(2000, 3)
    del table[TARGET]
    from tests.unit.monitoring.drifting import arrow

    layout, before = reference()
    found = drift(before, Profile.of(layout, arrow(table)), layout)
    target = next(one for one in found.columns if one.column == TARGET)
    assert (target.verdict, target.p_value, target.evidence) == ("no rows", None, 0.0)
    assert found.verdict == "stable"
    assert drift(before, Profile.empty(layout), layout).verdict == "no rows"


def test_rows_that_hang_together_are_less_evidence() -> None:
    layout, before = reference()
    window = profile(moved, 300)
    alone = drift(before, window, layout)
    lags = {"features.temp": tuple(0.95**lag for lag in range(1, 64))}
    together = drift(before, window, layout, correlated=lags)
    assert together.evidence < alone.evidence
    slow = next(one for one in together.columns if one.column == "features.temp")
    assert slow.floor > 10 * next(one for one in alone.columns if one.column == "features.temp").floor


def test_numbers_out_of_range_are_shares_and_not_in_the_index() -> None:
    cells = NumericCells("x", (0.0, 1.0, 2.0))
    before = np.array([0, 0, 0, 5000, 5000, 0])
    found = column_drift(cells, before, np.array([600, 0, 0, 200, 200, 0]))
    assert found.verdict == "drift"
    assert found.effect == 0
    missing = next(part for part in found.portions if part.what == "missing")
    assert missing.current == 0.6
    assert missing.effect == pytest.approx(0.6, abs=0.01)
    assert {one.name for one in found.measures} > {"psi", "ks", "wasserstein", "chi2", "g"}


def test_categories_have_no_order() -> None:
    found = column_drift(
        CategoryCells("x", ("a", "b", "c")), np.array([50, 30, 20, 0, 0, 0]), np.array([20, 30, 50, 0, 0, 0])
    )
    assert found.verdict == "drift"
    assert not {one.name for one in found.measures} & {"ks", "wasserstein"}
    assert {one.cell for one in found.moved} == {"a", "c"}


def test_a_window_against_itself_is_no_change() -> None:
    layout, before = reference()
    found = drift(before, before, layout)
    assert found.verdict == "stable"
    assert all(one.effect == 0 and one.evidence < 0 for one in found.columns if one.p_value is not None)


LAYOUT = Layout(
    (
        NumericCells("features.x", (0.0, 1.0, 2.0, 3.0)),
        NumericCells("features.none", ()),
        NumericCells("features.one", (5.0, math.nextafter(5.0, 6.0))),
        NumericCells("features.y", (-1.0, 0.0, math.nextafter(0.0, 1.0), 4.0)),
        CategoryCells("features.city", ("Bern", "Rome"), ("Oslo",)),
        PresenceCells("features.name"),
    )
)
counted = st.sampled_from([0, 0, 1, 5, 30, 2000]) | st.integers(0, 10**7)
counts = st.tuples(*(st.lists(counted, min_size=size, max_size=size) for size in LAYOUT.lengths))


@given(counts, counts, st.integers(0, 100), st.floats(0, 0.999))
def test_whatever_is_counted_is_judged(
    before: tuple[list[int], ...], now: tuple[list[int], ...], rows: int, together: float
) -> None:
    reference, window = Profile.of_counts(LAYOUT, before), Profile.of_counts(LAYOUT, now, rows)
    correlated = {"features.x": (together, together**2)}
    found = drift(reference, window, LAYOUT, correlated=correlated)
    cause = triage(found)
    assert (cause.kind != "") == (found.verdict == "drift")
    assert cause.reason
    for column in found.columns:
        assert column.p_value is None or 0 <= column.p_value <= 1
        assert math.isfinite(column.evidence)
        assert column.effect >= 0
        assert column.verdict != "drift" or column.column in found.guilty
        assert all(-1 <= part.low <= part.high <= 1 for part in column.portions)
