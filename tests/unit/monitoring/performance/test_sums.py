"""Sums of floats are exact, and so are products in two parts."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from konan.monitoring.performance.sums import SCALE, pieces, product, total
from konan.monitoring.profiles.sparse import gathered

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
MODEST = st.floats(-1e60, 1e60).filter(lambda one: one == 0 or abs(one) > 1e-60)


@given(st.lists(FLOATS, max_size=30))
def test_a_sum_is_exact(values: list[float]) -> None:
    parts = list(pieces(np.array(values, np.float64)))
    numbers = gathered(*(np.concatenate([part[at] for part in parts]) for at in (0, 1)))
    assert Fraction(total(numbers), 1 << SCALE) == sum(map(Fraction, values))
    assert np.abs(numbers.values).max(initial=0) < max(len(values), 1) * 2**29


@given(MODEST, MODEST)
def test_a_product_loses_nothing(left: float, right: float) -> None:
    high, low = product(np.array([left]), np.array([right]))
    assert Fraction(float(high[0])) + Fraction(float(low[0])) == Fraction(left) * Fraction(right)
