"""The alarms that every deployment has stay silent while nothing changes, also where rows hang together."""

import numpy as np
import pytest
from benchmarks.monitoring import ours
from benchmarks.monitoring.years import REFERENCE_DAYS, SOURCES, firings, stretch, windows, year

from konan.monitoring.alarms.states import first_alarms
from konan.monitoring.alarms.windows import Window
from konan.records.alarms import DAY, HOUR


@pytest.mark.parametrize("source", ["independent", "weekly"])
def test_no_alarm_in_three_weeks_in_which_nothing_changes(source: str) -> None:
    assert sum(year(SOURCES[source], 21, seed=1).values()) == 0


def refused(*counts: int) -> list[Window]:
    """Hours of 100 requests, of which so many failed."""
    return [Window(at * HOUR, (at + 1) * HOUR, None, 100 - one, one) for at, one in enumerate(counts)]


def test_failures_that_always_came_in_bursts_are_no_news() -> None:
    rule = dict(first_alarms())["errors"]
    bursts = [0, 0, 0, 0, 0, 0, 30, 20] * 60
    assert firings(rule, None, refused(*bursts)) == 0
    assert firings(rule, None, refused(*[4] * 48, *bursts)) > 0
    assert firings(rule, None, refused(*bursts, *[50] * 24)) > 0


def test_the_same_alarms_see_a_change_in_such_rows() -> None:
    random = np.random.default_rng(2)
    usual = ours.reference(stretch(SOURCES["daily"], REFERENCE_DAYS, random).rows, timed=True)
    moved = stretch(SOURCES["daily"]._replace(weekly=2.0), 14, random)
    assert firings(dict(first_alarms())["drift"], usual, windows(usual, moved, DAY)) > 0
