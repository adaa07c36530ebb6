"""Differences of shares beside scipy's tests, and how often their intervals hold."""

import importlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from konan.monitoring.drift.proportions import portion, share_p_value
from konan.monitoring.reports.quality import Share

stats: Any = importlib.import_module("scipy.stats")
shares = st.integers(1, 40).flatmap(lambda of: st.integers(0, of).map(lambda count: Share(count, of)))


@given(shares, shares)
def test_small_samples_are_tested_exactly_as_scipy_does(one: Share, two: Share) -> None:
    table = [[one.count, one.of - one.count], [two.count, two.of - two.count]]
    expected = float(stats.fisher_exact(table).pvalue)
    if min(one.of, two.of) * min(np.sum(table, axis=0)) / (one.of + two.of) < 10:
        assert share_p_value(one, two) == pytest.approx(expected, rel=1e-9)


def test_unequal_sizes_are_tested_exactly_too() -> None:
    for one, two in ((Share(3, 1_000_000), Share(2, 900)), (Share(0, 10_000), Share(4, 100))):
        table = [[one.count, one.of - one.count], [two.count, two.of - two.count]]
        assert share_p_value(one, two) == pytest.approx(float(stats.fisher_exact(table).pvalue), rel=1e-8)


def test_large_samples_are_tested_as_by_pearson() -> None:
    found = share_p_value(Share(400, 10_000), Share(470, 9000))
    table = [[400, 9600], [470, 8530]]
    assert found == pytest.approx(float(stats.chi2_contingency(table, correction=False).pvalue), rel=1e-9)


def test_one_percent_missing_is_certain() -> None:
    found = portion("missing", Share(0, 10_000), Share(100, 10_000))
    assert found.p_value < 2e-16
    assert found.low < 0.01 < found.high


def test_intervals_hold_in_99_of_100_windows() -> None:
    draw = np.random.default_rng(1)
    held = 0
    for _ in range(1500):
        one, two = Share(int(draw.binomial(2000, 0.02)), 2000), Share(int(draw.binomial(300, 0.05)), 300)
        found = portion("missing", one, two)
        held += found.low <= 0.03 <= found.high
    assert held / 1500 >= 0.98


def test_rows_that_hang_together_count_for_fewer() -> None:
    alone = portion("missing", Share(10, 1000), Share(40, 1000))
    thinned = portion("missing", Share(10, 1000), Share(40, 1000), 5.0)
    assert alone.p_value < 0.001 < thinned.p_value
    assert thinned.high - thinned.low > alone.high - alone.low
    assert thinned.current == alone.current


def test_of_no_rows_nothing_is_known() -> None:
    found = portion("missing", Share(0, 0), Share(3, 10))
    assert (found.low, found.high, found.p_value, found.effect) == (-1, 1, 1, 0)
