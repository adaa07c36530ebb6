"""Figures are short, and never in a form that only programs read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konan.web import figures


@given(st.floats(0, 1e15))
def test_no_large_number_has_an_exponent(number: float) -> None:
    for written in (figures.brief, figures.decimal, figures.duration, figures.count):
        assert "e+" not in written(number)


@given(st.floats(-1, 1))
def test_shares_and_their_differences_have_none(part: float) -> None:
    assert "e+" not in figures.share(abs(part))
    assert "e+" not in figures.points(part)


@pytest.mark.parametrize(
    ("number", "text"),
    [(999.6, "1,000"), (0.5, "0.5"), (-12.34, f"{figures.MINUS}12.3"), (float("nan"), "—")],
)
def test_decimals(number: float, text: str) -> None:
    assert figures.decimal(number) == text
