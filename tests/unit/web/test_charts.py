"""Charts: well-formed, within their frame, with a title for every mark."""

import math
import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from konan.web import charts
from konan.web.charts import Bar, Cell, Frame, Line, Point
from konan.web.scales import Scale, ends, ticks

FRAME = Frame(0, 100, [(0, "start"), (50, "middle")])
FIGURES = st.floats(-1e9, 1e9)


def points(svg: str, kind: str) -> list[tuple[float, float]]:
    found = [one for one in ET.fromstring(svg).iter("circle") if kind in one.get("class", "")]
    return [(float(one.get("cx", "").rstrip("%")), float(one.get("cy", ""))) for one in found]


def test_a_line_rises_with_its_figures_and_stops_where_there_are_none() -> None:
    shown = [
        Point(10, 1, 0.5, 1.5, "one"),
        Point(30, math.nan, math.nan, math.nan, "none"),
        Point(50, 2, 1.5, 2.5, "two"),
        Point(70, 3, 2.5, 3.5, "three", hollow=True),
    ]
    svg = charts.lines("x", FRAME, [Line("now", shown)])
    at = points(svg, "now")
    assert [across for across, _ in at] == [10, 50, 70]
    assert at[0][1] > at[1][1] > at[2][1]
    whole = ET.fromstring(svg)
    assert len(list(whole.iter("polyline"))) == 2
    assert len(list(whole.iter("polygon"))) == 1
    assert [one.text for one in whole.iter("title")] == ["one", "two", "three"]
    assert "hollow" in svg


@given(st.lists(st.tuples(FIGURES, FIGURES, FIGURES), max_size=30))
def test_no_figure_leaves_the_chart(figures: list[tuple[float, float, float]]) -> None:
    ordered = [sorted(three) for three in figures]
    shown = [Point(at, middle, low, high, f"{at}") for at, (low, middle, high) in enumerate(ordered)]
    svg = charts.lines("x", FRAME, [Line("now", shown)])
    assert all(0 <= across <= 100 and 0 <= down <= charts.HEIGHT for across, down in points(svg, "now"))


@given(st.lists(st.floats(0, 1e12), max_size=20))
def test_bars_are_as_high_as_their_counts(counts: list[float]) -> None:
    shown = [Bar(5 * at, 5 * at + 5, [(number, "now")], "x") for at, number in enumerate(counts)]
    marks = list(ET.fromstring(charts.bars("x", FRAME, shown)).iter("rect"))
    assert len(marks) == sum(number > 0 for number in counts)
    heights = [float(one.get("height", "")) for one in marks]
    assert all(1 <= height <= charts.HEIGHT for height in heights)
    if len({number for number in counts if number > 0}) > 1:
        assert max(heights) > 100


def test_names_of_users_are_text_in_a_chart() -> None:
    hostile = "</svg><script>alert(1)</script>"
    svg = charts.distribution(hostile, [Cell(hostile, 0.5, 0.25), Cell("b", 0.5, 0.75, special=True)])
    assert "<script" not in svg
    assert ET.fromstring(svg).get("aria-label") == hostile


def test_a_distribution_of_nothing_is_empty() -> None:
    assert "<rect" not in charts.distribution("x", [])


def test_an_effect_beyond_noise_is_drawn_beyond_its_mark() -> None:
    scale = Scale(0, 1, 0, 100, math.sqrt)
    whole = ET.fromstring(charts.effect(0.25, 0.01, scale, "drift", (0.1,)))
    bar = next(one for one in whole.iter("rect") if "bar" in one.get("class", ""))
    mark = next(one for one in whole.iter("line") if one.get("class") == "floor")
    assert (bar.get("width"), mark.get("x1")) == ("50.00%", "10.00%")


@given(FIGURES, st.floats(1e-6, 1e9), st.integers(2, 8))
def test_ticks_are_round_and_lie_between(low: float, size: float, most: int) -> None:
    high = low + size
    found = ticks(low, high, most)
    assert len(found) <= most + 1
    slack = 1e-6 * max(abs(low), size)
    assert all(low - slack <= at <= high + slack for at in found)


@given(st.lists(FIGURES, min_size=1))
def test_an_axis_has_room_for_all(numbers: list[float]) -> None:
    low, high = ends(numbers)
    assert low <= min(numbers)
    assert high >= max(numbers)
    assert low < high
