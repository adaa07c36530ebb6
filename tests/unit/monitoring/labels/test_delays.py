"""Delays of truths are told right although young rows still wait for theirs."""

import numpy as np
import pytest

from konan.monitoring.labels.delays import Cohort, arrived
from konan.monitoring.performance.grids import DELAYS, cells_of

DAY = 86_400.0


def cohorts_of(rng: np.random.Generator, scale: float, come: float) -> list[Cohort]:
    """Rows of the last 30 days, of which a share gets a truth after an exponential delay."""
    found = []
    for age in np.arange(0, 30, 0.25) * DAY:
        rows = 400
        ages = age + rng.uniform(0, 0.25 * DAY, rows)
        delays = np.where(rng.random(rows) < come, rng.exponential(scale, rows), np.inf)
        seen = delays[delays < ages]
        counts = np.bincount(cells_of(DELAYS, seen), minlength=len(DELAYS) + 1)
        found.append(Cohort(rows, age, counts))
    return found


@pytest.mark.parametrize(("scale", "come"), [(2 * DAY, 1.0), (10 * DAY, 0.6), (3600.0, 0.3)])
def test_the_share_by_age_is_that_of_rows_that_are_old_enough(scale: float, come: float) -> None:
    found = {one.seconds: one.share for one in arrived(cohorts_of(np.random.default_rng(1), scale, come))}
    for age in (3600.0, DAY, 3 * DAY, 14 * DAY):
        assert found[age] == pytest.approx(come * (1 - np.exp(-age / scale)), abs=0.07), age
    assert list(found.values()) == sorted(found.values())


def test_of_no_rows_or_of_ages_that_none_has_nothing_is_told() -> None:
    assert arrived([]) == ()
    nothing = np.zeros(len(DELAYS) + 1, np.int64)
    assert [one.seconds for one in arrived([Cohort(10, 4000.0, nothing)])] == [60.0, 3600.0]
    assert arrived([Cohort(10, 4000.0, nothing)])[-1].share == 0.0
