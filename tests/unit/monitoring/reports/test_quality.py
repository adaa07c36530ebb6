"""The rules on quality find what is wrong, and say nothing of chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from konan.monitoring.reports import quality
from konan.monitoring.reports.quality import Counts, Share

USUAL = Counts(5000, missing=400, unseen=0, invalid=0, outside=0, cells=(2300, 2300))


def states(usual: Counts, current: Counts) -> dict[str, str]:
    found = quality.columns({"features.x": usual}, {"features.x": current})
    return {one.kind: one.state for one in found}


@pytest.mark.parametrize(
    ("x", "m", "y", "n", "low", "high"),
    [
        # Newcombe (1998), table II, method 10
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (6, 7, 2, 7, 0.0582, 0.8062),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (0, 10, 0, 20, -0.1611, 0.2775),
        (10, 10, 0, 20, 0.6791, 1.0),
    ],
)
def test_the_interval_is_newcombes(x: int, m: int, y: int, n: int, low: float, high: float) -> None:
    assert quality.difference(Share(x, m), Share(y, n), 0.05) == pytest.approx((low, high), abs=6e-5)


@given(st.integers(0, 50), st.integers(1, 50), st.integers(0, 50), st.integers(1, 50))
def test_an_interval_holds_the_difference_and_turns_with_its_sides(x: int, m: int, y: int, n: int) -> None:
    one, other = Share(min(x, m), m), Share(min(y, n), n)
    low, high = quality.difference(one, other, 0.01)
    assert -1 <= low <= one.value - other.value <= high <= 1
    assert quality.difference(other, one, 0.01) == pytest.approx((-high, -low))


@pytest.mark.parametrize(
    ("current", "kind", "state"),
    [
        (Counts(1000, missing=600, cells=(200, 200)), "missing", "problem"),
        (Counts(1000, missing=80, unseen=50), "unseen", "problem"),
        (Counts(1000, missing=80, outside=1000), "out of range", "problem"),
        (Counts(1000, missing=80, invalid=20), "invalid", "problem"),
        (Counts(1000, missing=80), "missing", "ok"),
        (Counts(100_000, missing=8000, unseen=300), "unseen", "notice"),
        (Counts(1000, missing=0), "missing", "notice"),
        (Counts(10, missing=2), "missing", "too few rows"),
        (Counts(1000, missing=80, outside=1), "out of range", "ok"),
    ],
)
def test_a_share_is_a_problem_if_it_is_certain_and_matters(current: Counts, kind: str, state: str) -> None:
    assert states(USUAL, current)[kind] == state


def test_what_is_nowhere_is_not_told() -> None:
    assert set(states(USUAL, Counts(1000, missing=80))) == {"missing"}


def test_a_column_that_the_reference_lacks_is_passed_over() -> None:
    assert quality.columns({}, {"features.x": USUAL}) == []


def test_chance_alone_makes_no_problem_more_often_than_allowed() -> None:
    draws = np.random.default_rng(7)
    alarms = 0
    for _ in range(300):
        usual, current = {}, {}
        for column in range(10):
            usual[f"{column}"] = Counts(2000, missing=int(draws.binomial(2000, 0.05)))
            current[f"{column}"] = Counts(500, missing=int(draws.binomial(500, 0.05)))
        alarms += any(found.state == "problem" for found in quality.columns(usual, current))
    assert alarms <= 3  # 0.3 are expected


def test_a_constant_feature_is_told_from_one_that_became_so() -> None:
    usual = Counts(1000, cells=(600, 400))
    varied, same = Counts(50, cells=(30, 20)), Counts(60, cells=(60, 0))
    constant = quality.stuck("features.x", usual, [("08:00", same), ("09:00", same)])
    stale = quality.stuck(
        "features.x", usual, [("08:00", varied), ("09:00", same), ("10:00", Counts(0, cells=(0, 0)))]
    )
    assert constant is not None
    assert stale is not None
    assert (constant.kind, stale.kind) == ("constant", "stale")
    assert "since 09:00" in stale.detail
    assert quality.stuck("features.x", usual, [("08:00", varied)]) is None


def test_a_rare_value_among_many_alike_takes_many_rows() -> None:
    usual = Counts(10_000, cells=(9700, 300))  # as holidays
    few, many = Counts(200, cells=(200, 0)), Counts(800, cells=(800, 0))
    assert quality.stuck("features.holiday", usual, [("a", few)]) is None
    assert quality.stuck("features.holiday", usual, [("a", many)]) is not None


def test_a_feature_without_a_value_is_missing_not_constant() -> None:
    usual = Counts(1000, cells=(600, 400))
    assert quality.stuck("features.x", usual, [("a", Counts(100, missing=100, cells=(0, 0)))]) is None


@pytest.mark.parametrize(
    ("rows", "earlier", "state"),
    [
        (100, [90, 110, 100, 95, 105], "ok"),
        (0, [90, 110, 100, 95, 105], "problem"),
        (1000, [90, 110, 100, 95, 105], "problem"),
        (0, [4, 3, 5, 4, 3], "problem"),
        (0, [0, 3, 0, 1, 0], "ok"),
        (10, [10, 10], "learning"),
    ],
)
def test_volume_is_what_it_was_or_not(rows: int, earlier: list[int], state: str) -> None:
    assert quality.volume(rows, earlier).state == state


def test_refused_requests_are_compared_with_the_time_before() -> None:
    assert quality.rejections(50, 950, Share(10, 10_000)).state == "problem"
    assert quality.rejections(1, 999, Share(10, 10_000)).state == "ok"
    unknown = quality.rejections(50, 950, None)
    assert (unknown.state, unknown.current) == ("learning", 0.05)
    assert quality.repeats(Share(900, 1000), Share(0, 1000)).state == "problem"


def test_findings_come_worst_first_and_the_state_is_the_worst() -> None:
    found = [quality.volume(5, []), *quality.columns({"x": USUAL}, {"x": Counts(1000, missing=600)})]
    assert [one.kind for one in quality.ordered(found)] == ["missing", "volume"]
    assert quality.worst(found) == "problem"
