"""Statistics beside scipy's, and what they say where nothing changed: seeded, as shares of many draws."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from konan.monitoring.drift import statistics
from konan.monitoring.drift.distributions import Counts
from konan.monitoring.drift.statistics import Measure

stats: Any = importlib.import_module("scipy.stats")
distance: Any = importlib.import_module("scipy.spatial.distance")

Statistic = Callable[[Counts, Counts], Measure]
ALL: dict[str, Statistic] = {
    "chi2": statistics.chi2,
    "g": statistics.g,
    "psi": statistics.psi,
    "jensen_shannon": statistics.jensen_shannon,
    "hellinger": statistics.hellinger,
    "total_variation": statistics.total_variation,
    "ks": statistics.ks,
    "wasserstein": statistics.wasserstein,
}
counts = st.lists(st.integers(0, 400), min_size=6, max_size=6).map(np.array)


def samples(n: int, m: int, cells: int, seed: int = 0) -> tuple[Counts, Counts]:
    draw = np.random.default_rng(seed)
    shares = draw.dirichlet(np.full(cells, 20.0))
    return draw.multinomial(n, shares), draw.multinomial(m, draw.dirichlet(shares * 200))


@pytest.mark.parametrize(("n", "m", "cells"), [(1000, 800, 10), (500, 5000, 3), (20_000, 900, 30)])
def test_values_and_significance_are_scipys(n: int, m: int, cells: int) -> None:
    one, two = samples(n, m, cells)
    pearson = stats.chi2_contingency([one, two], correction=False)
    found = statistics.chi2(one, two, least=0)
    assert found.value == pytest.approx(pearson.statistic, rel=1e-9)
    assert found.p_value == pytest.approx(pearson.pvalue, rel=1e-9)
    ratio = stats.chi2_contingency([one, two], correction=False, lambda_="log-likelihood")
    found = statistics.g(one, two, least=0)
    assert found.value == pytest.approx(ratio.statistic, rel=1e-9)
    assert found.p_value == pytest.approx(ratio.pvalue, rel=1e-9)
    assert statistics.jensen_shannon(one, two).value == pytest.approx(
        float(distance.jensenshannon(one / n, two / m, 2)), rel=1e-9
    )


def test_the_largest_distance_and_how_far_rows_move_are_scipys() -> None:
    one, two = samples(900, 700, 12)
    at = np.arange(12.0) ** 1.5
    before, after = np.repeat(at, one), np.repeat(at, two)
    assert statistics.ks(one, two).value == pytest.approx(float(stats.ks_2samp(before, after).statistic))
    ours = statistics.wasserstein(one, two, at).value
    assert ours == pytest.approx(float(stats.wasserstein_distance(before, after)), rel=1e-9)


def test_other_distances_are_their_textbook_forms() -> None:
    one, two = np.array([40, 60]), np.array([90, 10])
    assert statistics.total_variation(one, two).value == pytest.approx(0.5)
    assert statistics.hellinger(one, two).value == pytest.approx((1 - 0.36**0.5 - 0.06**0.5) ** 0.5)
    half = np.array([40.5, 60.5]) / 101, np.array([90.5, 10.5]) / 101
    expected = float((half[0] - half[1]) @ np.log(half[0] / half[1]))
    assert statistics.psi(one, two).value == pytest.approx(expected, rel=1e-12)


@given(counts, counts)
def test_all_are_in_range_and_none_before_noise(one: Counts, two: Counts) -> None:
    for name, function in ALL.items():
        found = function(one, two)
        assert found.name == name
        assert found.value >= 0
        assert found.effect >= 0
        assert found.floor >= 0
        assert found.p_value is None or 0 <= found.p_value <= 1
        if name in {"jensen_shannon", "hellinger", "total_variation", "ks", "wasserstein"}:
            assert found.effect <= found.value + 1e-12 <= 1 + 1e-9


@given(counts, counts, st.permutations(range(6)))
def test_divergences_do_not_know_an_order_nor_which_sample_is_which(
    one: Counts, two: Counts, order: list[int]
) -> None:
    for function in (statistics.psi, statistics.jensen_shannon, statistics.hellinger):
        found = function(one, two).value
        assert function(two, one).value ** 2 == pytest.approx(found**2, abs=1e-12)
        assert function(one[order], two[order]).value ** 2 == pytest.approx(found**2, abs=1e-12)


@given(counts, st.integers(1, 20))
def test_equal_shares_are_no_effect(one: Counts, times: int) -> None:
    for function in ALL.values():
        found = function(one, one * times)
        assert found.effect == pytest.approx(0, abs=1e-9)
        assert found.p_value is None or found.p_value > 0.9 or function is statistics.psi


@given(counts, counts, st.booleans())
def test_merged_cells_lose_no_row_and_expect_enough(one: Counts, two: Counts, ordered: bool) -> None:
    fewer = statistics.merged(one, two, 5, ordered=ordered)
    assert [int(part.sum()) for part in fewer] == [int(one.sum()), int(two.sum())]
    both = fewer[0] + fewer[1]
    if len(both) > 1:
        assert float(both.min()) * min(one.sum(), two.sum()) / both.sum() >= 5


def test_nothing_is_told_of_no_rows_or_one_cell() -> None:
    none, one = np.zeros(4, int), np.array([0, 9, 0, 0])
    for function in ALL.values():
        assert function(none, one).p_value is None
        if function not in {statistics.ks, statistics.wasserstein}:
            assert function(one, one).p_value is None


def alarms(function: Statistic, rows: tuple[int, int, int], runs: int = 1000) -> float:
    """Share of runs with p < 0.05 where nothing changed."""
    n, m, cells = rows
    draw = np.random.default_rng(sum(rows))
    shares = np.full(cells, 1 / cells)
    pairs = zip(draw.multinomial(n, shares, runs), draw.multinomial(m, shares, runs), strict=True)
    found = [function(one, two).p_value for one, two in pairs]
    return float(np.mean([one is not None and one < 0.05 for one in found]))


SIZES = [
    (1000, 1000, 10),
    (500, 500, 3),
    (1000, 5000, 10),
    (1000, 1000, 50),
    (10_000, 100, 10),
    (1000, 30, 10),
]


@pytest.mark.parametrize("rows", SIZES)
def test_two_sample_tests_alarm_in_5_percent_of_quiet_windows(rows: tuple[int, int, int]) -> None:
    """The table of false alarms: a test that takes the reference as exact alarms in up to 97 % of these."""
    for name in ("chi2", "g", "psi", "total_variation", "wasserstein"):
        assert 0.03 <= alarms(ALL[name], rows) <= 0.08, name


@pytest.mark.parametrize("rows", [size for size in SIZES if min(size[:2]) / size[2] >= 20])
def test_distances_alarm_in_5_percent_of_quiet_windows(rows: tuple[int, int, int]) -> None:
    for name in ("jensen_shannon", "hellinger"):
        assert 0.03 <= alarms(ALL[name], rows) <= 0.08, name


def test_the_largest_distance_on_cells_is_on_the_safe_side() -> None:
    assert all(alarms(statistics.ks, rows) <= 0.05 for rows in SIZES)


NOISE = {
    30: (0.251, 0.478, 0.773, 0.93),
    100: (0.087, 0.167, 0.271, 0.33),
    1000: (0.0099, 0.0182, 0.0290, 0.0),
    10_000: (0.0018, 0.0034, 0.0053, 0.0),
}


@pytest.mark.parametrize("rows", NOISE)
def test_noise_of_the_index_is_as_published_and_below_its_floor(rows: int) -> None:
    """10 cells, a reference of 10,000: mean, 95 %, 99.9 % and the share above 0.1 where nothing changed."""
    mean, high, highest, share = NOISE[rows]
    draw = np.random.default_rng(rows)
    tenths = np.full(10, 0.1)
    pairs = zip(draw.multinomial(10_000, tenths, 3000), draw.multinomial(rows, tenths, 3000), strict=True)
    found = [statistics.psi(one, two) for one, two in pairs]
    values = np.array([one.value for one in found])
    assert values.mean() == pytest.approx(mean, rel=0.05)
    assert np.quantile(values, 0.95) == pytest.approx(high, rel=0.06)
    assert np.quantile(values, 0.999) == pytest.approx(highest, rel=0.25)
    assert float((values > 0.1).mean()) == pytest.approx(share, abs=0.03)
    assert float((values > found[0].floor).mean()) <= 0.004
    assert found[0].floor == pytest.approx(statistics.noise_floor(10, 10_000, rows))


@pytest.mark.parametrize("rows", [100, 1000, 10_000])
def test_the_corrected_index_is_right_on_average(rows: int) -> None:
    """A shift of 0.3 standard deviations, whose index is 0.086; uncorrected 100 rows say 0.168."""
    draw = np.random.default_rng(rows)
    edges = stats.norm.ppf(np.arange(1, 10) / 10)
    moved = np.diff(np.concatenate([[0], stats.norm.cdf(edges - 0.3), [1]]))
    before, after = draw.multinomial(10_000, np.full(10, 0.1), 1500), draw.multinomial(rows, moved, 1500)
    corrected = [statistics.psi_corrected(one, two) for one, two in zip(before, after, strict=True)]
    assert float(np.mean(corrected)) == pytest.approx(0.086, abs=0.011 if rows == 100 else 0.003)


def test_effects_do_not_depend_on_the_number_of_rows() -> None:
    """What noise adds is taken off: the means of small and of large windows agree."""
    draw = np.random.default_rng(11)
    before, after = np.full(10, 0.1), np.array([0.16, 0.14, 0.12, 0.1, 0.1, 0.1, 0.1, 0.08, 0.06, 0.04])
    for name, function in ALL.items():
        if name in {"chi2", "g"}:  # Cohen's w is beside the shares of both samples together
            continue
        small, large = (
            np.mean(
                [
                    function(one, two).effect
                    for one, two in zip(
                        draw.multinomial(20_000, before, 200), draw.multinomial(rows, after, 200), strict=True
                    )
                ]
            )
            for rows in (1000, 50_000)
        )
        assert float(small) == pytest.approx(float(large), rel=0.06), name


def test_a_small_shift_of_many_rows_is_certain_and_small() -> None:
    """0.1 standard deviations in 100,000 rows: significance is overwhelming, effect is not."""
    edges = stats.norm.ppf(np.arange(1, 16) / 16)
    moved = np.diff(np.concatenate([[0], stats.norm.cdf(edges - 0.1), [1]]))
    draw = np.random.default_rng(2)
    found = statistics.psi(draw.multinomial(100_000, np.full(16, 1 / 16)), draw.multinomial(100_000, moved))
    assert found.p_value is not None
    assert found.p_value < 1e-50
    assert 0.005 < found.effect < 0.02


def test_how_many_rows_it_takes() -> None:
    assert statistics.rows_needed(0.1, 10, 10_000) == 287
    assert statistics.rows_needed(0.25, 10, 10_000) == 113
    assert statistics.rows_needed(0.1, 10, None) == 558
    assert statistics.rows_needed(0.1, 1, 10_000) == 1
    assert statistics.noise_floor(10, 10_000, 287) <= 0.1 < statistics.noise_floor(10, 10_000, 286)
