"""Corrected estimates: exact when all truths are there, and never worse than either part by much."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from konan.monitoring.estimation.correction import Known, Realised, corrected
from konan.monitoring.estimation.metrics import Expected

shares = st.floats(0.0, 1.0)


@given(
    whole=shares,
    real=shares,
    like=shares,
    rows=st.integers(1, 10**6),
    noise=st.floats(0, 1),
    bias=st.floats(0, 0.1),
)
def test_with_all_truths_the_estimate_is_the_metric(
    whole: float, real: float, like: float, rows: int, noise: float, bias: float
) -> None:
    found = corrected(Expected(whole, noise, bias), rows, Realised(real, whole, rows), most=1.0)
    assert (found.value, found.low, found.high) == pytest.approx((real, real, real), abs=1e-9)
    some = corrected(Expected(whole, noise, bias), rows, Realised(real, like, max(rows // 3, 1)), most=1.0)
    assert 0 <= some.low <= some.value <= some.high <= 1


def test_more_truths_make_it_narrower() -> None:
    whole = Expected(0.9, 0.09, 0.001)
    widths = [
        found.high - found.low
        for found in (corrected(whole, 10_000, Realised(0.9, 0.9, rows)) for rows in (10, 100, 1000, 9000))
    ]
    assert widths == sorted(widths, reverse=True)


def test_errors_of_earlier_windows_make_it_wider() -> None:
    whole = Expected(0.9, 0.09, 0.0)
    calm, torn = (corrected(whole, 1000, known=Known(error=error)) for error in (0.0, 0.1))
    assert torn.high - torn.low > 5 * (calm.high - calm.low)


@pytest.mark.parametrize("bias", [0.0, 0.02, 0.1, 0.3])
def test_it_is_about_as_right_as_the_better_of_both(bias: float) -> None:
    rng = np.random.default_rng(7)
    rows, known, rate = 2000, 200, 0.6
    whole = Expected(rate + bias, rate * (1 - rate), 1e-4)
    errors = []
    for _ in range(300):
        hits = rng.random(rows) < rate
        found = corrected(whole, rows, Realised(hits[:known].mean(), whole.value, known))
        errors.append(
            [found.value - hits.mean(), whole.value - hits.mean(), hits[:known].mean() - hits.mean()]
        )
    ours, alone, truths = np.sqrt((np.array(errors) ** 2).mean(axis=0))
    assert ours <= 1.35 * min(alone, truths) or ours <= 0.9 * max(alone, truths)
    assert ours <= 1.1 * max(alone, truths)


def test_what_earlier_windows_say_moves_an_estimate_without_truths() -> None:
    whole = Expected(0.9, 0.09, 0.0)
    assert corrected(whole, 1000, known=Known(offset=-0.2)).value == pytest.approx(0.7)
    assert corrected(whole, 1000, Realised(0.9, 0.9, 1000), Known(offset=-0.2)).value == pytest.approx(0.9)
