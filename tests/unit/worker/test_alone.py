"""The worker's code runs on old Pythons and beside nothing of ours: no import but the standard library."""

import ast
import sys
from pathlib import Path

import pytest

from konan import worker

FOLDER = Path(worker.__file__).parent
FILES = sorted(FOLDER.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_is_python_3_8(path: Path) -> None:
    ast.parse(path.read_text(), feature_version=(3, 8))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_imports_the_standard_library_only(path: Path) -> None:
    foreign = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            foreign += [name.name for name in node.names if name.name.split(".")[0] not in _STANDARD]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            assert node.module
            foreign += [node.module] if node.module.split(".")[0] not in _STANDARD else []
    assert not foreign


_STANDARD = sys.stdlib_module_names - {"distutils", "tomllib"}
