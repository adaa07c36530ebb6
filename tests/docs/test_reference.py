"""What is made from the code is up to date, and says something of everything."""

import inspect
import json
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from konan.cli import reference, shapes
from konan.cli.exits import EXITS
from konan.cli.main import COMMANDS

DOCS = Path(__file__).parents[2] / "docs"
PAGES = reference.pages()


@pytest.mark.parametrize("name", list(PAGES))
def test_a_generated_file_is_up_to_date(name: str) -> None:
    path = DOCS / name
    assert path.exists(), "run `make docs`"
    assert path.read_text(encoding="utf-8") == PAGES[name], "run `make docs`"


@pytest.mark.parametrize("folder", ["reference", "contract/cli"])
def test_no_generated_file_is_left_over(folder: str) -> None:
    present = {path.relative_to(DOCS).as_posix() for path in (DOCS / folder).iterdir()}
    assert present == {name for name in PAGES if name.startswith(f"{folder}/")}


def test_every_command_says_what_it_answers() -> None:
    assert {name for name, _ in reference.commands()} == {*reference.SHAPES, "demo"} - {"error"}


def test_every_shape_is_some_commands_answer() -> None:
    answers = {
        kind for kind in vars(shapes).values() if inspect.isclass(kind) and issubclass(kind, shapes.Shape)
    }
    parts = {shapes.Shape, shapes.Told, shapes.Setting, shapes.Check}
    assert answers - parts == {kind for kind in reference.SHAPES.values() if kind in answers}


def test_every_command_and_error_is_on_its_page() -> None:
    assert all(f"## konan {name}" in PAGES["reference/cli.md"] for name in COMMANDS)
    assert all(f"`{kind.code}`" in PAGES["reference/errors.md"] for kind in EXITS)


def test_the_platforms_document_is_valid_openapi() -> None:
    validate(json.loads(PAGES["contract/openapi.json"]))


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    assert len(reference.write(tmp_path)) == len(PAGES)
    assert reference.write(tmp_path) == []
