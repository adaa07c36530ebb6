"""Backoff and breaker keep their promises for any history of crashes."""

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from konan.supervisor.restarts import LONGEST_DELAY, LONGEST_REST, REST, WINDOW, Backoff, Breaker, is_full

gaps = st.lists(st.floats(min_value=0.0, max_value=200.0), max_size=40)


@given(st.lists(st.floats(min_value=0.0, max_value=1000.0), min_size=1, max_size=40))
def test_a_long_run_is_forgiven_and_short_ones_wait_longer(runs: list[float]) -> None:
    backoff = Backoff()
    waits = [backoff.crashed(ran) for ran in runs]
    assert waits[0] == 0.0
    for ran, before, wait in zip(runs[1:], waits, waits[1:], strict=False):
        assert 0.0 <= wait <= LONGEST_DELAY
        assert wait == 0.0 if ran >= WINDOW else wait + ran >= max(1.0, before)


@given(limit=st.integers(min_value=1, max_value=8), gaps=gaps)
def test_it_opens_at_the_first_crash_that_makes_too_many_in_the_window(limit: int, gaps: list[float]) -> None:
    times = list(accumulate(gaps, initial=0.0))
    crowded = [
        sum(now - earlier < WINDOW for earlier in times[: index + 1]) for index, now in enumerate(times)
    ]
    expected = next((index for index, count in enumerate(crowded) if count >= limit), None)
    breaker = Breaker(limit=limit)
    opened = next((index for index, now in enumerate(times) if breaker.crashed(now)), None)
    assert opened == expected


@given(limit=st.integers(min_value=1, max_value=8), rests=st.integers(min_value=1, max_value=30))
def test_each_rest_in_a_row_is_longer_until_the_longest(limit: int, rests: int) -> None:
    breaker, now = Breaker(limit=limit), 1000.0
    for _ in range(limit - 1):
        assert breaker.crashed(now) == 0.0
    for number in range(1, rests + 1):
        rest = breaker.crashed(now)
        assert rest == min(LONGEST_REST, REST * number)
        assert breaker.resting(now) == rest
        now = breaker.until
        assert breaker.resting(now) == 0.0
        now += WINDOW / 2


def test_good_running_after_a_rest_closes_it() -> None:
    breaker = Breaker(limit=2)
    breaker.crashed(0.0)
    assert breaker.crashed(1.0) == REST
    after = breaker.until + WINDOW
    assert breaker.crashed(after) == 0.0
    assert breaker.crashed(after + 1.0) == REST


@given(
    limit=st.integers(min_value=1, max_value=2**40),
    ready=st.integers(min_value=0, max_value=2**40),
    grown=st.integers(min_value=0, max_value=2**40),
)
def test_only_growth_fills_a_worker(limit: int, ready: int, grown: int) -> None:
    if ready < limit:
        room = limit - ready
        assert is_full(ready + grown, ready, limit) == (grown >= room * 3 // 4)
        assert is_full(limit, ready, limit)
