"""Reports in a real Chromium: they ask for nothing, everybody can read them, on any screen and on paper."""

import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from tests.browser import samples

from konan.web.report.facts import Facts
from konan.web.report.page import page as made

pytestmark = [pytest.mark.programs, pytest.mark.timeout(300)]
ALL = [samples.busy(), samples.calm(), samples.empty()]
WIDTHS = (360, 768, 1280, 1920)


def opened(page: Page, folder: Path, facts: Facts) -> Page:
    file = folder / "report.html"
    file.write_bytes(made(facts))
    page.goto(file.as_uri())
    return page


@pytest.mark.parametrize("facts", ALL, ids=lambda one: one.deployment)
def test_axe_finds_nothing_wrong(page: Page, tmp_path: Path, facts: Facts, said: list[str]) -> None:
    opened(page, tmp_path, facts)
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert said == []
    found = Axe().run(page).response["violations"]
    told = [(one["id"], [node["html"][:200] for node in one["nodes"][:3]]) for one in found]
    assert told == []
    said.clear()


@pytest.mark.parametrize("facts", ALL, ids=lambda one: one.deployment)
def test_no_screen_has_to_be_scrolled_sideways(page: Page, tmp_path: Path, facts: Facts) -> None:
    opened(page, tmp_path, facts)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, width


def test_light_and_dark_differ_and_both_have_their_colours(page: Page, tmp_path: Path) -> None:
    opened(page, tmp_path, samples.busy())
    ground, letters = (
        page.evaluate(f"getComputedStyle(document.body).{name}") for name in ("backgroundColor", "color")
    )
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert (brightness(ground) < 64, brightness(letters) > 191) == (dark, dark)


def test_no_mark_of_a_chart_lies_outside_of_it(page: Page, tmp_path: Path) -> None:
    opened(page, tmp_path, samples.busy())
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(OUTSIDE) == [], width


def test_numbers_below_a_chart_do_not_touch(page: Page, tmp_path: Path) -> None:
    opened(page, tmp_path, samples.busy())
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate(TOUCHING) == [], width


def test_a_keyboard_reaches_everything(page: Page, tmp_path: Path) -> None:
    opened(page, tmp_path, samples.busy())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className").startswith("tile")
    summary = page.locator("summary").first
    summary.focus()
    page.keyboard.press("Enter")
    assert summary.evaluate("one => one.parentElement.open")


def test_the_verdict_is_what_is_seen_first(page: Page, tmp_path: Path) -> None:
    opened(page, tmp_path, samples.busy())
    place = page.locator(".verdict").bounding_box()
    assert place is not None
    assert place["y"] + place["height"] < 300
    assert "the alarm drift fires" in page.locator(".verdict").inner_text()


def test_hostile_names_stay_text(page: Page, tmp_path: Path) -> None:
    hostile = "<img src=x onerror=alert(1)><script>document.title='taken'</script>"
    opened(page, tmp_path, samples.named(hostile))
    assert page.title() == f"{hostile}: monitoring report"
    assert page.locator("h1").inner_text() == hostile
    assert page.locator("script, img").count() == 0


def test_paper_has_all_of_it(browser: Browser, tmp_path: Path) -> None:
    context = browser.new_context(color_scheme="dark")
    page = opened(context.new_page(), tmp_path, samples.busy())
    page.emulate_media(media="print")
    hidden: Any = page.evaluate(
        "[...document.querySelectorAll('details table')].filter(one => !one.checkVisibility()).length"
    )
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    paper = page.pdf(format="A4")
    context.close()
    assert hidden == 0
    assert brightness(ground) > 250
    assert paper.startswith(b"%PDF")


def brightness(color: str) -> float:
    """Of a colour as a browser tells it, 0 to 255."""
    numbers = [float(number) for number in re.findall(r"[\d.]+", color)[:3]]
    return sum(numbers) / 3


OUTSIDE = """
[...document.querySelectorAll('svg.chart, svg.inline')].flatMap(chart => {
  const frame = chart.getBoundingClientRect();
  return [...chart.querySelectorAll('rect, circle')].filter(mark => {
    const at = mark.getBoundingClientRect();
    return at.left < frame.left - 6 || at.right > frame.right + 6
        || at.top < frame.top - 6 || at.bottom > frame.bottom + 6;
  }).map(mark => chart.getAttribute('aria-label') + ': ' + mark.outerHTML);
}).slice(0, 5)
"""
TOUCHING = """
[...document.querySelectorAll('svg.chart')].flatMap(chart => {
  const texts = [...chart.querySelectorAll('text')].map(one => [one, one.getBoundingClientRect()]);
  return texts.flatMap(([one, at], place) => texts.slice(place + 1)
    .filter(([, other]) => at.left < other.right && other.left < at.right
        && at.top < other.bottom - 3 && other.top < at.bottom - 3)
    .map(([other]) => chart.getAttribute('aria-label') + ': ' + one.textContent + ' / ' + other.textContent));
}).slice(0, 5)
"""
