"""The laws of probability beside scipy's, and beside draws."""

import importlib
import math
from typing import Any

import numpy as np
import pytest

from konan.monitoring.drift.distributions import (
    absolute_sum,
    chi2_quantile,
    chi2_survival,
    kolmogorov_quantile,
    kolmogorov_survival,
    rows_as_one,
    two_sided,
)

stats: Any = importlib.import_module("scipy.stats")
special: Any = importlib.import_module("scipy.special")


@pytest.mark.parametrize("freedom", [0.7, 1, 2.9, 9, 53, 400])
def test_chi_square_is_scipys_down_to_1e_200(freedom: float) -> None:
    for chance in (0.999, 0.5, 0.05, 1e-3, 1e-20, 1e-200):
        value = float(stats.chi2.isf(chance, freedom))
        assert chi2_survival(value, freedom) == pytest.approx(chance, rel=1e-9)


@pytest.mark.parametrize("freedom", [1, 1.3, 2.9, 9, 53, 400])
@pytest.mark.parametrize("chance", [0.9, 0.05, 1e-3, 1e-9])
def test_the_quantile_of_chi_square_is_scipys(freedom: float, chance: float) -> None:
    assert chi2_quantile(chance, freedom) == pytest.approx(float(stats.chi2.isf(chance, freedom)), rel=1e-9)


def test_what_cannot_vary_is_certain() -> None:
    assert chi2_survival(0, 3) == chi2_survival(5, 0) == 1
    assert chi2_quantile(0.001, 0) == 0
    assert chi2_survival(1e5, 2) == 0


@pytest.mark.parametrize("value", [0.0, 0.19, 0.3, 0.5, 0.83, 1.36, 1.95, 4.0, 9.0])
def test_kolmogorovs_law_is_scipys(value: float) -> None:
    assert kolmogorov_survival(value) == pytest.approx(float(special.kolmogorov(value)), rel=1e-9, abs=1e-12)


def test_kolmogorovs_quantile_is_scipys_to_the_first_term() -> None:
    for chance in (0.05, 0.001):
        assert kolmogorov_quantile(chance) == pytest.approx(float(special.kolmogi(chance)), rel=1e-4)


def test_the_normal_law_is_scipys() -> None:
    for z in (0.0, -1.0, 1.96, 30.0):
        assert two_sided(z) == pytest.approx(2 * float(stats.norm.sf(abs(z))), rel=1e-9)


@pytest.mark.parametrize("together", [0.0, 0.6, 0.99])
def test_a_sum_of_absolute_values_has_the_law_of_draws(together: float) -> None:
    """At 5 %, 1 % and 0.1 % the share of draws above is what was asked, or up to 1.35 times it."""
    size = 8
    covariance = np.full((size, size), together) + (1 - together) * np.eye(size)
    draws = np.random.default_rng(3).multivariate_normal(np.zeros(size), covariance, 200_000)
    sums = np.abs(draws).sum(axis=1)
    law = absolute_sum(np.ones(size), covariance)
    assert float((sums**2).mean()) == pytest.approx(law.mean_square, rel=0.01)
    for chance in (0.05, 0.01, 0.001):
        assert 0.8 * chance < float((sums > law.quantile(chance)).mean()) < 1.35 * chance
        assert law.survival(law.quantile(chance)) == pytest.approx(chance, rel=1e-6)


def test_nothing_spreads_where_nothing_varies() -> None:
    law = absolute_sum(np.ones(2), np.zeros((2, 2)))
    assert law.survival(0.0) == 1
    assert law.quantile(0.01) == 0


def test_the_mean_of_correlated_rows_varies_as_that_of_fewer() -> None:
    draw = np.random.default_rng(5)
    noise = draw.normal(size=(2000, 400))
    series = np.zeros_like(noise)
    for at in range(1, 400):
        series[:, at] = 0.6 * series[:, at - 1] + noise[:, at]
    series = series[:, 100:]
    factor = series.mean(axis=1).var() / (series.var() / 300)
    assert rows_as_one([0.6**lag for lag in range(1, 60)]) == pytest.approx(factor, rel=0.1)
    assert math.isclose(rows_as_one([]), 1.0)
