"""Charts: numbers to SVG, as text (pure). Colours are classes, so that the page's style decides on them.

Across, places are shares of the width, so that a chart fits any screen while its letters keep their size;
lines and bands lie in an inner picture that is stretched. Down, places are pixels. Every mark has a title,
which a browser shows where it is pointed at; what a chart shows also stands in a table beside it.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from konan.web.figures import brief
from konan.web.html import Html, tag
from konan.web.scales import Scale, ends, ticks

HEIGHT = 180
_TOP, _BOTTOM = 14, 22
_WIDE = 1000
_DENSE = 20
_TIMED = "chart gutter"


class Frame(NamedTuple):
    """The times across a chart.

    Attributes:
        start: seconds since 1970-01-01 UTC at the left.
        end: at the right; later.
        labels: times that are named, with their names.
    """

    start: float
    end: float
    labels: Sequence[tuple[float, str]]

    def across(self, at: float) -> float:
        """The place of a time, in per cent of the width."""
        return 100 * (min(max(at, self.start), self.end) - self.start) / (self.end - self.start)


class Bar(NamedTuple):
    """What was counted in a window.

    Attributes:
        start: seconds since 1970-01-01 UTC.
        end: likewise.
        parts: heights, from below, each with the class of its colour.
        title: what it says when it is pointed at.
    """

    start: float
    end: float
    parts: Sequence[tuple[float, str]]
    title: str


class Point(NamedTuple):
    """A figure at a time.

    Attributes:
        at: seconds since 1970-01-01 UTC.
        value: the figure; NaN where there is none, which parts the line.
        low: lower end of its interval.
        high: upper end.
        title: what it says when it is pointed at.
        hollow: whether it may change yet.
    """

    at: float
    value: float
    low: float
    high: float
    title: str
    hollow: bool = False


class Line(NamedTuple):
    """Figures over time; ``kind`` is the class of their colour."""

    kind: str
    points: Sequence[Point]


class Cell(NamedTuple):
    """A part of a column's values.

    Attributes:
        label: which values.
        usual: share of the reference, in [0, 1].
        current: share of the rows.
        special: whether it stands for something unusual, as values that are missing.
        edge: number where it begins, to stand below its left end; empty if it has none.
    """

    label: str
    usual: float
    current: float
    special: bool = False
    edge: str = ""


def picture(label: str, height: int, *children: Html, kind: str = "chart") -> Html:
    """A chart as an image with a name."""
    return tag("svg", *children, class_=kind, height=height, width="100%", role="img", aria_label=label)


def bars(label: str, frame: Frame, shown: Sequence[Bar], unit: Callable[[float], str] = brief) -> Html:
    """Counts over time, stacked.

    >>> bars("Rows", Frame(0, 10, ()), [Bar(0, 5, [(3, "now")], "3 rows")]).count("<rect")
    1
    """
    most = max((sum(value for value, _ in bar.parts) for bar in shown), default=0)
    up = Scale(0, (most or 1) * 1.08, HEIGHT - _BOTTOM, _TOP)
    marks = [mark for bar in shown for mark in _stack(frame, bar, up)]
    return picture(label, HEIGHT, *_grid(up, unit), *marks, *_times(frame), kind=_TIMED)


def lines(
    label: str,
    frame: Frame,
    shown: Sequence[Line],
    limits: Sequence[tuple[float, str]] = (),
    unit: Callable[[float], str] = brief,
    *,
    ground: float | None = None,
) -> Html:
    """Figures over time, each with the band of its interval.

    Args:
        label: name of the chart.
        frame: the times across.
        shown: the figures; the last is drawn on top.
        limits: levels to compare with, each with its name.
        unit: writes the numbers of the axis.
        ground: number where the axis begins; None lets the figures say.
    """
    known = [
        end
        for line in shown
        for point in line.points
        for end in (point.value, point.low, point.high)
        if math.isfinite(end)
    ]
    known += [level for level, _ in limits]
    up = Scale(*ends(known if ground is None else [*known, ground], zero=ground == 0), HEIGHT - _BOTTOM, _TOP)
    stretched = tag(
        "svg",
        *(part for line in shown for part in _stretched(frame, line, up)),
        viewBox=f"0 0 {_WIDE} {HEIGHT}",
        width="100%",
        height=HEIGHT,
        preserveAspectRatio="none",
    )
    drawn = [mark for line in shown for mark in _points(frame, line, up)]
    levels = [mark for level, name in limits for mark in _level(up(level), name)]
    inside = (*_grid(up, unit), *levels, stretched, *drawn, *_times(frame))
    return picture(label, HEIGHT, *inside, kind=_TIMED)


def distribution(label: str, cells: Sequence[Cell], height: int = 132) -> Html:
    """What a column's values are, in the reference (an outline) and now (filled).

    >>> distribution("x", [Cell("a", 0.5, 1.0), Cell("b", 0.5, 0.0)]).count('class="usual"')
    2
    """
    most = max((max(cell.usual, cell.current) for cell in cells), default=0) or 1
    up = Scale(0, most * 1.05, height - 18, 10)
    width = 100 / max(len(cells), 1)
    marks = [mark for at, cell in enumerate(cells) for mark in _pair(cell, at * width, width, up)]
    ground = tag("line", class_="axis", x1="0%", x2="100%", y1=up(0), y2=up(0))
    return picture(label, height, *marks, ground, *_names(cells, height), kind="chart small")


def effect(value: float, floor: float, scale: Scale, kind: str, limits: Sequence[float]) -> Html:
    """An effect as a bar, with the mark that noise alone reaches; for a cell of a table.

    Args:
        value: the effect.
        floor: what noise reaches.
        scale: places of effects, in per cent of the width.
        kind: class of its colour.
        limits: effects that are drawn as lines behind it.
    """
    behind = [tag("line", class_="limit", **_upright(scale(at), 0, 22)) for at in limits]
    noise = tag("rect", class_="noise", x="0%", y=3, width=f"{scale(floor):.2f}%", height=16)
    bar = tag("rect", class_=f"bar {kind}", x="0%", y=6, width=f"{scale(max(value, 0)):.2f}%", height=10)
    mark = tag("line", class_="floor", **_upright(scale(floor), 2, 20))
    title = f"effect {value:.3f}, noise reaches {floor:.3f}"
    return picture(title, 22, tag("title", title), *behind, noise, bar, mark, kind="inline")


def axis(scale: Scale, marks: Sequence[float], unit: Callable[[float], str] = brief) -> Html:
    """The numbers above a column of such bars."""
    texts = [
        tag("text", unit(at), x=f"{scale(at):.2f}%", y=11, text_anchor=_anchor(scale(at))) for at in marks
    ]
    return tag("svg", *texts, class_="inline axis", height=14, width="100%", aria_hidden="true")


def interval(low: float, middle: float, high: float, scale: Scale, kind: str) -> Html:
    """A figure with its interval beside zero; for a cell of a table."""
    zero = tag("line", class_="limit", **_upright(scale(0), 0, 22))
    reach = tag(
        "line", class_=f"reach {kind}", x1=f"{scale(low):.2f}%", x2=f"{scale(high):.2f}%", y1=11, y2=11
    )
    dot = tag("circle", class_=f"dot {kind}", cx=f"{scale(middle):.2f}%", cy=11, r=4)
    title = f"{middle:+.4f}, from {low:+.4f} to {high:+.4f}"
    return picture(title, 22, tag("title", title), zero, reach, dot, kind="inline")


def meter(value: float, limit: float, kind: str) -> Html:
    """How far a figure is on its way to a limit, which is drawn at two thirds; for a cell of a table.

    >>> 'x1="66.67%"' in meter(2.0, 4.5, "good")
    True
    """
    scale = Scale(0, 1.5 * limit if limit > 0 else 1, 0, 100)
    ground = tag("rect", class_="noise", x="0%", y=6, width="100%", height=10)
    bar = tag("rect", class_=f"bar {kind}", x="0%", y=6, width=f"{scale(value):.2f}%", height=10)
    mark = tag("line", class_="floor", **_upright(scale(limit), 2, 20))
    title = f"{max(value, 0):.1f} of {limit:.1f}"
    return picture(title, 22, tag("title", title), ground, bar, mark, kind="inline")


def _grid(up: Scale, unit: Callable[[float], str]) -> Iterator[Html]:
    for at in ticks(up.low, up.high, 4):
        yield tag("line", class_="grid", x1="0%", x2="100%", y1=up(at), y2=up(at))
        yield tag("text", unit(at), x=-8, y=up(at) + 4, text_anchor="end")


def _times(frame: Frame) -> Iterator[Html]:
    """Names of times; where the screen is narrow every other one is left out."""
    for number, (at, name) in enumerate(frame.labels):
        place, kind = frame.across(at), "alternate" if number % 2 else None
        yield tag("text", name, class_=kind, x=f"{place:.2f}%", y=HEIGHT - 6, text_anchor=_anchor(place))


def _anchor(place: float) -> str:
    return "start" if place < 8 else "end" if place > 92 else "middle"


def _upright(across: float, top: float, bottom: float) -> dict[str, str | float]:
    place = f"{across:.2f}%"
    return {"x1": place, "x2": place, "y1": top, "y2": bottom}


def _stack(frame: Frame, bar: Bar, up: Scale) -> Iterator[Html]:
    left, right = frame.across(bar.start), frame.across(bar.end)
    width = min(0.86 * (right - left), 12)
    ground = 0.0
    for value, kind in bar.parts:
        top, bottom = up(ground + value), up(ground)
        ground += value
        if value > 0:
            yield tag(
                "rect",
                tag("title", bar.title),
                class_=f"bar {kind}",
                x=f"{left + (right - left - width) / 2:.2f}%",
                y=top,
                width=f"{width:.2f}%",
                height=max(bottom - top, 1),
            )


def _stretched(frame: Frame, line: Line, up: Scale) -> Iterator[Html]:
    for known, run in groupby(line.points, key=lambda point: math.isfinite(point.value)):
        if not known:
            continue
        points = list(run)
        across = [10 * frame.across(point.at) for point in points]
        if len(points) > 1 and all(math.isfinite(one.low) and math.isfinite(one.high) for one in points):
            edge = [(x, up(one.high)) for x, one in zip(across, points, strict=True)]
            edge += [(x, up(one.low)) for x, one in zip(across[::-1], points[::-1], strict=True)]
            yield tag("polygon", class_=f"band {line.kind}", points=_joined(edge))
        path = [(x, up(one.value)) for x, one in zip(across, points, strict=True)]
        yield tag("polyline", class_=f"line {line.kind}", points=_joined(path))


def _joined(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _points(frame: Frame, line: Line, up: Scale) -> Iterator[Html]:
    known = [point for point in line.points if math.isfinite(point.value)]
    for point in known:
        place = frame.across(point.at)
        if len(known) == 1 and math.isfinite(point.low):
            yield tag("line", class_=f"reach {line.kind}", **_upright(place, up(point.high), up(point.low)))
        kind = f"dot {line.kind}{' hollow' if point.hollow else ''}"
        radius = 3.5 if len(known) <= _DENSE else 2
        yield tag(
            "circle", tag("title", point.title), class_=kind, cx=f"{place:.2f}%", cy=up(point.value), r=radius
        )


def _level(height: float, name: str) -> Iterator[Html]:
    yield tag("line", class_="floor", x1="0%", x2="100%", y1=height, y2=height)
    yield tag("text", name, x="100%", y=height - 4, text_anchor="end")


def _pair(cell: Cell, left: float, width: float, up: Scale) -> Iterator[Html]:
    title = tag("title", f"{cell.label}: {cell.usual:.2%} in the reference, {cell.current:.2%} now")
    place = {"x": f"{left + 0.06 * width:.2f}%", "width": f"{0.88 * width:.2f}%"}
    kind = "bar special" if cell.special else "bar now"
    yield tag("rect", title, class_=kind, y=up(cell.current), height=up(0) - up(cell.current), **place)
    yield tag("rect", title, class_="usual", y=up(cell.usual), height=up(0) - up(cell.usual), **place)


def _names(cells: Sequence[Cell], height: int) -> Iterator[Html]:
    """What stands below the cells: numbers at their left ends, names below their middles, as room allows."""
    width = 100 / max(len(cells), 1)
    longest = max(46 // max(len(cells), 1), 8)
    free = 0.0
    for at, cell in enumerate(cells):
        name, place = (cell.edge, at * width) if cell.edge else (cell.label, (at + 0.5) * width)
        shown = name if len(name) <= longest else f"{name[: longest - 1]}…"
        anchor = _anchor(place)
        left = place - len(shown) * {"start": 0.0, "middle": 1.05, "end": 2.1}[anchor]
        if left >= free or not at:
            free = left + 2.1 * len(shown) + 1.5
            yield tag("text", shown, x=f"{place:.2f}%", y=height - 4, text_anchor=anchor)


def calibration(points: Sequence[tuple[float, float, float, float]]) -> Html:
    """What came true beside its probability: predicted, actual, and both ends of its interval."""
    side = 240
    up = Scale(0, 1, side - 20, 8)
    marks = [
        tag("line", class_="grid", x1="0%", x2="100%", y1=up(at), y2=up(at)) for at in (0, 0.25, 0.5, 0.75, 1)
    ]
    marks.append(tag("line", class_="diagonal", x1="0%", y1=up(0), x2="100%", y2=up(1)))
    for at in (0.0, 0.25, 0.5, 0.75, 1.0):
        name = f"{100 * at:.0f} %"
        marks.append(tag("text", name, x=f"{100 * at:g}%", y=side - 5, text_anchor=_anchor(100 * at)))
        marks.append(tag("text", name, x=-8, y=up(at) + 4, text_anchor="end"))
    for predicted, actual, low, high in points:
        title = tag("title", f"given {predicted:.1%}, came true {actual:.1%} ({low:.1%} to {high:.1%})")
        marks.append(tag("line", class_="reach now", **_upright(100 * predicted, up(high), up(low))))
        marks.append(tag("circle", title, class_="dot now", cx=f"{100 * predicted:.2f}%", cy=up(actual), r=4))
    return picture("Calibration", side, *marks, kind="chart gutter square")
