"""How models are loaded and called, one file per kind of model."""

import importlib
import sys
from typing import Any, Dict, Protocol, Tuple

LOADERS = {"sklearn": "sklearn", "python": "python_class"}
"""The loaders by name, each with its module here; it is imported when it is needed."""


Foreign = Any
"""Something of the model's environment, whose types are not known here: an estimator, an array, a table."""


class OutputInvalid(Exception):
    """The model answered something that cannot be sent on."""


class Unloadable(Exception):
    """The files are not a model that this loader knows."""


class Model(Protocol):
    """A loaded model."""

    def describe(self) -> "Dict[str, object]":
        """What the model takes and gives.

        Returns:
            ``kind`` (``classifier``, ``regressor`` or ``other``), ``classes``, ``probabilities``,
            ``values``, ``feature_names`` (or None) and ``features`` (how many, or None); perhaps
            ``estimators``, the full names of the classes of all its parts.
        """
        ...

    def configure(self, spec: "Dict[str, Any]") -> None:
        """Take rows and answer in another form from now on.

        Args:
            spec: ``features``, ``output`` and ``input``, as in the start message's ``model``.
        """
        ...

    def predict(self, rows: int, numbers: bytes, texts: bytes) -> "Tuple[bytes, bytes]":
        """The model's answers.

        Args:
            rows: how many rows, at least 1.
            numbers: the numeric block of a ``PRED`` frame.
            texts: its text block.

        Returns:
            The numeric and the text block of a ``DONE`` frame.

        Raises:
            OutputInvalid: what the model answered cannot be sent on.
        """
        ...


def load(package: str, spec: "Dict[str, Any]") -> Model:
    """Load a model; runs its code, so only inside the sandbox.

    Args:
        package: directory of the package.
        spec: the start message's ``model`` (see `main`).

    Raises:
        Unloadable: no such loader, or the files are not a model that it knows.
        Exception: whatever the model raises.
    """
    module = LOADERS.get(spec["loader"])
    if module is None:
        raise Unloadable("There is no loader named %s." % spec["loader"])
    loaded: Model = importlib.import_module("." + module, __name__).load(package, spec)
    return loaded


def add_to_path(directory: str) -> None:
    """Let the model import the modules that lie beside it."""
    if directory not in sys.path:
        sys.path.insert(0, directory)
