"""How late truths come, from rows of all ages (pure).

Of young rows nobody knows yet whether their truth will come, so they count only up to their age: the share of
rows labelled by an age is one less the product-limit estimate of those that still wait.

Source: Kaplan & Meier, "Nonparametric estimation from incomplete observations" (1958).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from konan.monitoring.performance.grids import DELAYS
from konan.monitoring.profiles.sparse import Ints
from konan.records.labels import LabelDelay

AGES = (60.0, 3600.0, 6 * 3600.0, 86_400.0, 3 * 86_400.0, 7 * 86_400.0, 14 * 86_400.0, 30 * 86_400.0)
"""Ages that are told: a minute, an hour, six, a day, three, seven, fourteen, thirty."""


class Cohort(NamedTuple):
    """Rows that were answered in one window.

    Attributes:
        rows: how many.
        age: seconds since the last of them.
        delays: those that are labelled, in the cells of `DELAYS`, ``(cells,)``.
    """

    rows: int
    age: float
    delays: Ints


def arrived(cohorts: Sequence[Cohort]) -> tuple[LabelDelay, ...]:
    """The share of rows that are labelled by each age that some rows have reached.

    >>> def labelled(*at):
    ...     counts = np.zeros(len(DELAYS) + 1, np.int64)
    ...     for seconds in at:
    ...         counts[np.searchsorted(DELAYS, seconds, side="right")] += 1
    ...     return counts
    >>> old, young = Cohort(4, 86_401, labelled(30, 7200)), Cohort(4, 100, labelled(20, 25))
    >>> [(one.seconds, round(one.share, 3)) for one in arrived([old, young])]
    [(60.0, 0.375), (3600.0, 0.375), (21600.0, 0.583), (86400.0, 0.583)]
    """
    used = [one for one in cohorts if one.rows]
    if not used:
        return ()
    oldest = max(one.age for one in used)
    ends = np.append(DELAYS, np.inf)
    waiting, found = 1.0, []
    left = np.array([one.rows for one in used], np.int64)
    ages = np.array([one.age for one in used])
    cell = 0
    for age in AGES:
        while cell < len(ends) and ends[cell] <= age:
            came = np.array([one.delays[cell] for one in used])
            reached = ages >= ends[cell]
            at_risk = int(left[reached].sum())
            if at_risk:
                waiting *= 1 - min(int(came[reached].sum()) / at_risk, 1.0)
            left = left - came
            cell += 1
        if age <= oldest:
            found.append(LabelDelay(seconds=age, share=1 - waiting))
    return tuple(found)
