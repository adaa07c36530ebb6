"""A Python class with ``predict``, and ``load`` if it likes.

::

class Model:
    input = "frame"                  # optional: rows as a pandas data frame instead of dictionaries

    def load(self, path): ...        # optional: the directory of the model's files
    def predict(self, rows): ...     # one JSON-like answer for each row
"""

import importlib.util
import os
import sys
from typing import Any, Dict, List, Tuple

from . import Foreign, Model, Unloadable, add_to_path
from .answers import as_json
from .rows import Layout

_MODULE = "konan_model"


def load(package: str, spec: "Dict[str, Any]") -> Model:
    """Import the file, make the class, and call its ``load``.

    Args:
        package: directory of the package.
        spec: the start message's ``model``; ``options["class"]`` names the class (``Model`` unless
            given), ``options["file"]`` the file among ``files`` (the first unless given).

    Raises:
        Unloadable: there is no such file or class, or it has no ``predict``.
    """
    options = spec.get("options", {})
    path = os.path.join(package, _file(spec["files"], options.get("file", "")))
    directory = os.path.dirname(path)
    add_to_path(directory)
    name = options.get("class", "Model")
    kind = getattr(_module(path), name, None)
    if not callable(kind) or not callable(getattr(kind, "predict", None)):
        raise Unloadable("%s has no class %s with a predict." % (os.path.basename(path), name))
    made = kind()
    if callable(getattr(made, "load", None)):
        made.load(directory)
    return ClassModel(made, spec)


class ClassModel:
    """An object of the user's class.

    Args:
        made: the object.
        spec: the start message's ``model``.
    """

    def __init__(self, made: Foreign, spec: "Dict[str, Any]") -> None:
        self._made = made
        self.configure(spec)

    def configure(self, spec: "Dict[str, Any]") -> None:
        """Take rows in another form (see `Model.configure`); the class itself says whether as a frame."""
        layout = Layout(spec.get("features", []))
        self._rows = layout.frame if getattr(self._made, "input", "") == "frame" else layout.records

    def describe(self) -> "Dict[str, object]":
        """A class says nothing of what it takes and gives."""
        return {
            "kind": "other",
            "classes": [],
            "probabilities": False,
            "values": 1,
            "feature_names": None,
            "features": None,
        }

    def predict(self, rows: int, numbers: bytes, texts: bytes) -> "Tuple[bytes, bytes]":
        """What the class returns, as JSON (see `Model.predict`)."""
        return b"", as_json(self._made.predict(self._rows(rows, numbers, texts)), rows)


def _file(files: "List[str]", wanted: str) -> str:
    for name in files:
        if wanted and (name == wanted or name.endswith("/" + wanted)):
            return name
    if wanted:
        raise Unloadable("There is no file %s in the package." % wanted)
    return files[0]


def _module(path: str) -> Foreign:
    spec = importlib.util.spec_from_file_location(_MODULE, path)
    if spec is None or spec.loader is None:
        raise Unloadable("%s is not a Python file." % os.path.basename(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MODULE] = module
    spec.loader.exec_module(module)
    return module
