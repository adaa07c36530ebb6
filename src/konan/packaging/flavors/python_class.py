"""A Python class of the user's own with ``predict`` (and perhaps ``load``), in a file or in a folder."""

import ast
import keyword
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from konan.errors import ModelFileInvalid
from konan.packaging.magic import container
from konan.packaging.reading import Reading

MODULE = "model.py"
_LEFT_OUT = frozenset({"__pycache__", "requirements.txt"})
_MOST_FILES = 1900


@dataclass(frozen=True, slots=True)
class PythonFlavor:
    """A class in ``model.py``; other files of the folder travel with it."""

    name: str = "python"
    loader: str = "python"

    def detect(self, path: Path) -> bool:
        """Whether it is a ``.py`` file, or a folder with ``model.py``, that has a class with ``predict``."""
        file = _main_file(path)
        if not file.is_file() or file.suffix != ".py":
            return False
        return bool(_classes(file))

    def files(self, path: Path) -> dict[str, Path]:
        """``model.py`` first, then the folder's other files, hidden ones and caches left out.

        Raises:
            ModelFileInvalid: a file is a link that leads out of the folder, or there are too many.
        """
        if path.is_file():
            return {f"model/{MODULE}": path}
        found = {f"model/{MODULE}": path / MODULE}
        root = path.resolve()
        for file in sorted(path.rglob("*")):
            parts = file.relative_to(path).parts
            if not file.is_file() or _LEFT_OUT & set(parts) or any(part.startswith(".") for part in parts):
                continue
            if not file.resolve().is_relative_to(root):
                raise ModelFileInvalid(f"{file.name} is a link that leads out of the model's folder")
            found.setdefault("/".join(("model", *parts)), file)
            if len(found) > _MOST_FILES:
                raise ModelFileInvalid(f"the model's folder holds more than {_MOST_FILES} files")
        return found

    def options(self, path: Path, _reading: Reading, /) -> dict[str, Any]:
        """The class to load: ``{"class": "Model"}``.

        Raises:
            ModelFileInvalid: there is more than one and none is named ``Model``.
        """
        classes = _classes(_main_file(path))
        if "Model" in classes:
            return {"class": "Model"}
        if len(classes) != 1:
            raise ModelFileInvalid(
                f"{_main_file(path).name} has several classes with predict: {', '.join(classes)}",
                hint='Name the one to load "Model", or give the option class.',
            )
        return {"class": classes[0]}

    def needs(self, _options: Mapping[str, Any], reading: Reading, /) -> tuple[str, ...]:
        """Pandas where the class asks for data frames; else nothing beside what it imports."""
        return ("numpy", "pandas") if "frame" in reading.words else ()

    def runs_code(self, _options: Mapping[str, Any], /) -> bool:
        """Always."""
        return True

    def check(
        self, options: Mapping[str, Any], members: Sequence[str], first: Callable[[str], bytes]
    ) -> None:
        """The first file must be Python source, and the class a name.

        Raises:
            ModelFileInvalid: they are not.
        """
        chosen = options.get("class")
        if set(options) != {"class"} or not isinstance(chosen, str):
            raise ModelFileInvalid("the python flavor needs the option class")
        if not chosen.isascii() or not chosen.isidentifier() or keyword.iskeyword(chosen):
            raise ModelFileInvalid("the option class is not the name of a Python class")
        if members[0] != f"model/{MODULE}":
            raise ModelFileInvalid(f"the first file of a Python model is model/{MODULE}")
        begin = first(members[0])
        if b"\0" in begin or container(begin):
            raise ModelFileInvalid(f"model/{MODULE} is not Python source")


def _main_file(path: Path) -> Path:
    return path / MODULE if path.is_dir() else path


def _classes(file: Path) -> list[str]:
    """The classes of a file, at its top level, that have or may inherit ``predict``.

    Raises:
        ModelFileInvalid: it is not Python.
    """
    try:
        tree = ast.parse(file.read_bytes(), filename=file.name)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ModelFileInvalid(f"{file.name} is not valid Python: {error}") from error
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    having: set[str] = set()
    for node in classes:  # a base stands before the classes that inherit from it
        names = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
        bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
        if "predict" in names or bases & having:
            having.add(node.name)
    return [node.name for node in classes if node.name in having and not node.name.startswith("_")]


FLAVOR = PythonFlavor()
