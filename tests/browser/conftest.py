"""A real Chromium for the tests: the system's, without a network and without a profile."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

SWITCHES = (
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for a module, and no longer: while it is there, no test can run an event loop of its own."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    assert path is not None, "There is no Chromium: install the package chromium, or name it in CHROMIUM."
    root = ("--no-sandbox",) if os.geteuid() == 0 else ()
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=path, args=[*SWITCHES, *root])
        yield made
        made.close()


@pytest.fixture
def said() -> list[str]:
    """What pages of a test wrote to their console, and what they asked for beside themselves."""
    return []


@pytest.fixture(params=["light", "dark"])
def page(browser: Browser, said: list[str], request: pytest.FixtureRequest) -> Iterator[Page]:
    """An empty page as its reader likes it; whatever it complains of or asks for fails the test."""
    context = browser.new_context(color_scheme=request.param, viewport={"width": 1280, "height": 900})
    made = context.new_page()
    made.on("console", lambda message: said.append(message.text))
    made.on("pageerror", lambda error: said.append(str(error)))
    made.on("request", lambda asked: said.append(asked.url) if not asked.is_navigation_request() else None)
    yield made
    context.close()
    assert said == []
