"""Confidence sequences: right at all times, tight, exact in any order."""

import math
from random import Random

import msgspec
import numpy as np
import pytest
from benchmarks.monitoring import simulate
from hypothesis import given
from hypothesis import strategies as st

from konan.monitoring.evidence.confidence_sequences import ConfidenceSequence, difference

values = st.lists(st.floats(-1, 1), max_size=50)


@given(values, st.integers(0, 50), st.randoms(use_true_random=False))
def test_any_portions_in_any_order_give_the_same(rows: list[float], cut: int, random: Random) -> None:
    once = ConfidenceSequence.of(-1, 1).update(rows)
    mixed_up = list(rows)
    random.shuffle(mixed_up)
    twice = ConfidenceSequence.of(-1, 1).update(mixed_up[:cut]).update(mixed_up[cut:])
    assert once == twice
    assert once.rows == len(rows)


@given(values.filter(bool))
def test_the_mean_is_kept_and_inside(rows: list[float]) -> None:
    sequence = ConfidenceSequence.of(-1, 1).update(rows)
    assert sequence.mean == pytest.approx(np.mean(rows), abs=1e-6)
    low, high = sequence.interval()
    assert -1 <= low <= sequence.mean + 1e-6
    assert sequence.mean - 1e-6 <= high <= 1


@given(values.filter(bool), st.floats(-0.99, 0.99))
def test_sharing_a_value_among_points_claims_nothing_more(rows: list[float], mean: float) -> None:
    coarse = ConfidenceSequence.of(-1, 1, points=9).update(rows)
    fine = ConfidenceSequence.of(-1, 1, points=4097).update(rows)
    assert coarse.above(mean) <= fine.above(mean) + 1e-4


def test_nothing_seen_is_nothing_known() -> None:
    empty = ConfidenceSequence.of(2, 5)
    assert empty.interval() == (2, 5)
    assert empty.rows == 0
    assert empty.above(3) == empty.below(3) == 0


def test_the_truth_is_left_out_no_more_often_than_said() -> None:
    table = list(simulate.coverage(20, most=3000, looks=25))[1:]
    for _name, wrong, width, normal in table:
        assert float(str(wrong)) <= 0.2
        assert float(str(normal)) < float(str(width)) < 3 * float(str(normal))


def test_the_two_sides_mirror_each_other() -> None:
    one = ConfidenceSequence.of().update([0.2, 0.9, 0.4])
    other = ConfidenceSequence.of().update([0.8, 0.1, 0.6])
    assert one.above(0.3) == pytest.approx(other.below(0.7))
    low, high = one.interval(0.1)
    assert other.interval(0.1) == pytest.approx((1 - high, 1 - low))


def test_a_hundred_million_values_still_narrow_it() -> None:
    low, high = ConfidenceSequence.of(points=2).add([5e7, 5e7]).interval(0.05)
    assert 0.4997 < low < 0.5 < high < 0.5003


def test_paired_rows_tell_soon() -> None:
    """Medians of the published table: 108, 463 and 1750 labels; no difference crosses in 5 % at most."""
    table = {row[0]: row for row in list(simulate.pairs(15))[1:]}
    assert 60 < float(str(table[0.12][2])) < 220
    assert 250 < float(str(table[0.10][2])) < 900
    assert 900 < float(str(table[0.06][2])) < 3500
    assert float(str(table[0.05][3])) <= 0.2


def test_the_difference_of_two_groups_holds_the_truth_and_narrows() -> None:
    random = np.random.default_rng(1)
    old = ConfidenceSequence.of(points=2).update(random.random(20_000) < 0.20)
    new = ConfidenceSequence.of(points=2).update(random.random(5_000) < 0.15)
    low, high = difference(old, new)
    assert 0 < low < 0.05 < high < 0.1


def test_stored_and_read_back_it_is_the_same() -> None:
    sequence = ConfidenceSequence.of(-1, 1, points=3).update([1, 0, -1, 1])
    assert msgspec.json.decode(msgspec.json.encode(sequence), type=ConfidenceSequence) == sequence


@pytest.mark.parametrize(("low", "high", "points"), [(1.0, 1.0, 3), (0.0, math.inf, 3), (0.0, 1.0, 1)])
def test_bounds_without_room_are_refused(low: float, high: float, points: int) -> None:
    with pytest.raises(ValueError, match="finite bounds"):
        ConfidenceSequence.of(low, high, points=points)


@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan])
def test_a_value_outside_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="must be in"):
        ConfidenceSequence.of().update([bad])
