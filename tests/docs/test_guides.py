"""Every example of the guides is run in order, and what it is said to print is what it prints."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.http.platform.server import Server

from konan.cli.main import COMMANDS

DOCS = Path(__file__).parents[2] / "docs"
ORDER = (
    "deploy",
    "versions",
    "predict",
    "explain",
    "drift",
    "labels",
    "report",
    "dashboards",
    "traffic",
    "privacy",
    "keys",
    "backup",
    "operations",
)
PAGES = ("performance-monitoring",)
"""Pages beside the guides whose examples are run too."""

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """A block to run, and what it is said to print, if it is said."""

    place: str
    language: str
    code: str
    expected: str | None


def examples(guide: str) -> Iterator[Example]:
    """The blocks of a guide; a block of text tells what the one before it prints."""
    folder = DOCS if guide in PAGES else DOCS / "guides"
    text = (folder / f"{guide}.md").read_text()
    blocks = list(FENCE.finditer(text))
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        if block[1] != "text":
            expected = following[2] if following is not None and following[1] == "text" else None
            line = text.count("\n", 0, block.start()) + 1
            yield Example(f"{guide}.md:{line}", block[1], block[2], expected)


def matches(printed: str, expected: str) -> bool:
    """Whether a text is as expected, where an ellipsis stands for anything."""
    pattern = ".*?".join(re.escape(part) for part in expected.strip().split("…"))
    return re.fullmatch(pattern, printed.strip(), re.DOTALL) is not None


def run(platform: Server, example: Example) -> str:
    command = {"sh": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}[example.language]
    path = f"{Path(sys.executable).parent}:{platform.environment['PATH']}"
    environment = {**platform.environment, "PATH": path, "KONAN_URL": platform.profile["url"], "TERM": "dumb"}
    if example.place.startswith("operations"):  # it starts a server of its own, which writes a profile
        environment |= {"KONAN_HOME": str(platform.work / "other-home"), "KONAN_URL": ""}
    done = subprocess.run(
        [*command, example.code],
        env=environment,
        cwd=platform.work,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{example.place}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_every_guide_is_run() -> None:
    assert {path.stem for path in (DOCS / "guides").iterdir()} == set(ORDER)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_examples_do_what_they_say(platform: Server) -> None:
    for guide in (*ORDER, *PAGES):
        for example in examples(guide):
            printed = run(platform, example)
            if example.expected is not None:
                assert matches(printed, example.expected), f"{example.place} printed:\n{printed}"


@pytest.mark.parametrize(
    ("printed", "expected", "same"),
    [("a 1 b\n", "a … b", True), ("a\nb\nc", "a\n…\nc", True), ("a", "b", False), ("ab", "a", False)],
)
def test_an_ellipsis_stands_for_anything(printed: str, expected: str, *, same: bool) -> None:
    assert matches(printed, expected) is same


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=lambda path: path.name)
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=lambda path: path.name)
def test_commands_that_pages_name_exist(path: Path) -> None:
    named = set(re.findall(r"`konan ([a-z]+)", path.read_text()))
    assert named <= set(COMMANDS)
