"""How many false alarms a rule may raise, as the length of the run between two of them (pure).

A detector whose average run length is at least A fires falsely at most once in A looks on average, and it may
be looked at continuously (Shin, Ramdas, Rinaldo, *E-detectors*). So the budget of a year fixes A,
and what is spent of it is the number of looks over A.
"""

import math

from konan.records.alarms import AlarmRule, Budget

YEAR = 365.25 * 24 * 3600
"""Seconds."""


def run_length(rule: AlarmRule) -> float:
    """Windows between two false alarms of a rule, on average at least.

    >>> run_length(AlarmRule(kind="drift", window=86400, false_alarms=0.25))
    1461.0
    """
    return max(YEAR / rule.window / rule.false_alarms, 1.0)


def threshold(rule: AlarmRule) -> float:
    """Evidence that fires, as a base-10 logarithm.

    >>> round(threshold(AlarmRule(kind="errors", window=3600, false_alarms=0.25)), 3)
    4.545
    """
    return math.log10(1 + run_length(rule))


def budget(rule: AlarmRule, looks: int) -> Budget:
    """What a rule is allowed, and how much of it its looks have used up at most.

    >>> budget(AlarmRule(kind="drift", window=86400, false_alarms=0.25), 30).spent
    0.0205
    """
    length = run_length(rule)
    of_a_year = min(looks, YEAR / rule.window)
    return Budget(
        per_year=rule.false_alarms,
        run_length=round(length, 1),
        looks=looks,
        spent=round(of_a_year / length, 4),
    )
