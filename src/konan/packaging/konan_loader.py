"""Loads a Konan package for MLflow's python_function flavor; a copy lies in each package.

It needs nothing of Konan, only what the model itself needs, and keeps to Python 3.8.
"""

import importlib
import importlib.util
import json
import pickle
import sys
from pathlib import Path
from typing import Any

Foreign = Any
"""Something of the model or of its libraries."""


def _load_pyfunc(path: str) -> "PyfuncModel":
    """Load the package in a directory; MLflow calls this."""
    package = Path(path)
    about = json.loads((package / "konan.json").read_text(encoding="utf-8"))
    load = _python_class if about["loader"] == "python" else _estimator
    return PyfuncModel(load(package / about["model"][0], about["options"]), about)


class PyfuncModel:
    """A loaded model as MLflow calls it."""

    def __init__(self, model: Foreign, about: "dict[str, Any]") -> None:
        self.model = model
        self.features = about["schema"]["features"]
        self.records = about["loader"] == "python" and getattr(model, "input", "") != "frame"
        self.array = about["loader"] == "sklearn" and not hasattr(model, "feature_names_in_")

    def predict(self, model_input: Foreign) -> Foreign:
        """What the model returns for rows (a pandas data frame, or what can become one)."""
        pandas = importlib.import_module("pandas")
        names = [feature["name"] for feature in self.features]
        frame = model_input
        if not isinstance(frame, pandas.DataFrame):
            frame = pandas.DataFrame(frame, columns=names)
        frame = self._typed(frame.reindex(columns=names))
        if self.records:
            rows: list[dict[str, Any]] = (
                frame.astype(object).where(frame.notna(), None).to_dict(orient="records")
            )
            return self.model.predict(rows)
        return self.model.predict(frame.to_numpy() if self.array else frame)

    def _typed(self, frame: Foreign) -> Foreign:
        for feature in self.features:
            name, dtype = feature["name"], feature.get("dtype", "float64")
            whole = dtype.startswith(("int", "uint", "bool"))
            if dtype != "object" and not (whole and frame[name].isna().any()):
                frame[name] = frame[name].astype(dtype)
        return frame


def _estimator(path: Path, options: "dict[str, Any]") -> Foreign:
    form = options["format"]
    if form == "joblib":
        return importlib.import_module("joblib").load(path)
    if form == "skops":
        reader = importlib.import_module("skops.io")
        return reader.load(path, trusted=reader.get_untrusted_types(file=path))
    with path.open("rb") as file:
        return pickle.load(file)  # noqa: S301 - whoever loads a model with MLflow trusts it


def _python_class(path: Path, options: "dict[str, Any]") -> Foreign:
    directory = str(path.parent)
    if directory not in sys.path:
        sys.path.insert(0, directory)
    spec = importlib.util.spec_from_file_location("konan_model", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = getattr(module, options["class"])()
    if hasattr(made, "load"):
        made.load(directory)
    return made
