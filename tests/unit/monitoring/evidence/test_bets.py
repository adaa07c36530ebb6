"""Evidence against exact sums, against known distributions, and at the edges of floating point."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from konan.monitoring.evidence.bets import (
    BETS,
    calibrated,
    e_bh,
    log_factors,
    log_wealth,
    mixed,
    share_limit,
    upper_limit,
)

shares = st.floats(0.001, 1.0)


@given(st.lists(st.integers(0, 50), min_size=3, max_size=3), shares)
def test_counts_are_worth_what_their_rows_are(counts: list[int], limit: float) -> None:
    payoffs = [0.0, 0.25, 1.0]
    rows = np.repeat(payoffs, counts)
    by_rows = log_factors(rows, limit).sum(axis=0) if len(rows) else np.zeros(len(BETS))
    np.testing.assert_allclose(log_wealth(counts, payoffs, limit), by_rows, rtol=1e-9, atol=1e-9)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=2), st.floats(0.01, 1.0))
def test_a_bet_pays_one_on_average_at_the_limit_and_less_below(pair: list[float], limit: float) -> None:
    low, high = sorted(pair)
    if not low < limit < high:
        return
    chance = (limit - low) / (high - low)  # of the high value, so that the mean is the limit
    paid = np.exp(log_factors([low, high], limit))
    np.testing.assert_allclose((1 - chance) * paid[0] + chance * paid[1], 1.0, rtol=1e-9)
    assert (np.exp(log_factors([0.0], limit)) <= 1).all()


@pytest.mark.parametrize("value", [-0.001, 1.001, math.nan, math.inf])
def test_a_value_outside_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="0, 1"):
        log_factors([value], 0.5)


def test_the_average_neither_overflows_nor_vanishes() -> None:
    assert mixed([1e6, 1e6]) == 1e6
    assert mixed([-1e6, -1e6]) == pytest.approx(-1e6)
    assert mixed([-math.inf, 0.0]) == pytest.approx(math.log(0.5))
    assert mixed([-math.inf, -math.inf]) == -math.inf
    assert mixed([0.0, math.log(3)], [3, 1]) == pytest.approx(math.log(1.5))


def test_a_billion_rows_are_counted_like_ten() -> None:
    wealth = log_wealth([900_000_000, 100_000_000], [0, 1], 0.05)
    assert np.isfinite(wealth).all()
    assert mixed(wealth) > 1e6


def test_e_bh_keeps_the_share_of_wrong_ones_under_dependence() -> None:
    """Ten of twenty hypotheses are true and all their e-values the same one: as dependent as can be."""
    random = np.random.default_rng(1)
    wrong = []
    for _ in range(4000):
        shared = -math.log(0.05) if random.random() < 0.05 else -20.0  # e is 20 with chance 1/20: mean 1
        rejected = e_bh([shared] * 10 + [10.0] * 10, 0.1)
        wrong.append(sum(index < 10 for index in rejected) / max(len(rejected), 1))
    assert 0.0 < np.mean(wrong) <= 0.1


def test_e_bh_takes_the_largest_k() -> None:
    logs = [math.log(value) for value in (25, 24, 23, 22)]  # only together: 4 / (0.2 * 4) = 5, one alone 20
    assert e_bh(logs, 0.2) == (0, 1, 2, 3)
    assert e_bh([math.log(19), 0.0, 0.0, 0.0], 0.2) == ()
    assert e_bh([], 0.1) == ()


def test_a_calibrated_p_value_is_an_e_value() -> None:
    small = np.exp(-np.linspace(0, 600, 400_001))
    values = np.exp([calibrated(p) for p in small[::40]])
    integral = float(np.trapezoid(values[::-1], small[::40][::-1]))
    assert 0.9 < integral <= 1.001


def test_calibration_falls_as_p_rises_and_stands_the_edges() -> None:
    logs = [calibrated(p) for p in (0.0, 1e-300, 1e-100, 1e-9, 0.01, 0.5, 0.9999, 0.99999, 1.0)]
    assert all(a >= b for a, b in itertools.pairwise(logs))
    assert logs[-1] == pytest.approx(math.log(0.5))


def test_the_limit_is_wrong_no_more_often_than_said() -> None:
    random = np.random.default_rng(2)
    for share in (0.002, 0.05, 0.5, 0.95):
        seen = random.binomial(500, share, 20_000) / 500
        assert np.mean(share_limit(seen, 500, 0.05) < share) <= 0.05


def test_the_limit_of_a_quantile_cell_holds_too() -> None:
    """The cells' edges are values of the reference itself, so its counts are not binomial."""
    random = np.random.default_rng(3)
    values = np.sort(random.random((4000, 400)))
    masses = values[:, 49] - values[:, 24]  # 25 rows between the two edges
    assert 0.01 < np.mean(masses > share_limit(25 / 400, 400, 0.05)) <= 0.05


def test_the_limit_closes_in_as_rows_come() -> None:
    few, many = (float(upper_limit(0.2, rows, 0.01)) for rows in (100, 100_000))
    assert 0.2 < many < few < 1
    assert float(upper_limit(1.0, 100, 0.01)) == 1.0
    assert float(upper_limit(0.0, 0, 0.01)) == pytest.approx(0.99)


def test_limits_of_many_references_are_those_of_each() -> None:
    seen, rows = np.array([0.0, 0.02, 0.5, 1.0]), np.array([10.0, 1000.0, 1.0, 1e6])
    alone = [float(share_limit(share, size, 0.01)) for share, size in zip(seen, rows, strict=True)]
    assert share_limit(seen, rows, 0.01).tolist() == alone
