"""A metric and its interval as text: in tables of the command line, in the demonstration, in a notebook."""

from collections.abc import Iterable

from konan.records.performance import Estimate, MetricValue

WIDTH = 32
"""Characters of a line."""


def number(value: float | None) -> str:
    """A metric's value.

    >>> number(0.91234), number(1234.5), number(None), number(0.0), number(-12.345)
    ('0.912', '1,234', '-', '0', '-12.3')
    """
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def interval(one: MetricValue) -> str:
    """The interval of a metric.

    >>> interval(MetricValue(name="mae", value=3.0, low=2.5, high=3.5))
    '2.5 to 3.5'
    """
    return "" if one.low is None or one.high is None else f"{number(one.low)} to {number(one.high)}"


def estimated(one: Estimate | None) -> str:
    """An estimate, and whether it is worth anything.

    >>> estimated(Estimate(value=0.9, low=0.88, high=0.92, trustworthy=False))
    '0.9 (0.88 to 0.92), not trustworthy here'
    """
    if one is None:
        return ""
    doubt = "" if one.trustworthy else ", not trustworthy here"
    return f"{number(one.value)} ({number(one.low)} to {number(one.high)}){doubt}"


def scale_of(values: Iterable[MetricValue]) -> tuple[float, float]:
    """The smallest and the largest number that bands have to show.

    >>> scale_of([MetricValue(name="mae", value=3.0, low=2.5, high=3.5), MetricValue(name="mae", value=None)])
    (2.5, 3.5)
    """
    ends = [end for one in values for end in (one.low, one.value, one.high) if end is not None]
    return (min(ends), max(ends)) if ends else (0.0, 1.0)


def band(one: MetricValue, scale: tuple[float, float]) -> str:
    """A value and its interval on a line.

    Args:
        one: the metric.
        scale: numbers at the two ends of the line.

    >>> band(MetricValue(name="mae", value=2.0, low=1.0, high=3.0), (0.0, 4.0))
    '        ├───────●──────┤        '
    """
    if one.value is None:
        return " " * WIDTH
    low, value, high = (_place(end, scale) for end in (one.low, one.value, one.high))
    line = [" "] * WIDTH
    if low is not None and high is not None:
        line[low : high + 1] = ["─"] * (high + 1 - low)
        line[low], line[high] = "├", "┤"
    if value is not None:
        line[value] = "●"
    return "".join(line)


def _place(value: float | None, scale: tuple[float, float]) -> int | None:
    if value is None:
        return None
    width = scale[1] - scale[0]
    return round((value - scale[0]) / width * (WIDTH - 1)) if width else WIDTH // 2
