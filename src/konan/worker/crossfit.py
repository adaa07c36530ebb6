"""Answers each row by a copy of the estimator that was fitted without it (cross-fitting).

What a model answers on the rows that it was fitted on says nothing about new ones. So its estimator is
cloned unfitted, and each fifth of the rows is answered by a clone fitted on the other four. The rows come
in one frame, with the true value as their last feature.

Source: ``sklearn.model_selection.cross_val_predict``.
"""

import importlib
from typing import Any, Dict, Tuple

from .loaders import Foreign, OutputInvalid
from .loaders.answers import as_json
from .loaders.rows import Layout

_FOLDS = 5


class Refitted:
    """An estimator of scikit-learn's whose answers are those of refitted copies.

    Args:
        estimator: fitted or not; only its parameters are used.
        spec: the start message's ``model``; its last feature is the target.
    """

    def __init__(self, estimator: Foreign, spec: "Dict[str, Any]") -> None:
        self._estimator = importlib.import_module("sklearn.base").clone(estimator)
        self._numpy = importlib.import_module("numpy")
        classes = getattr(estimator, "classes_", None)
        self._classes: Foreign = None if classes is None else self._numpy.asarray(classes)
        self.configure(spec)

    def describe(self) -> "Dict[str, object]":
        """Nothing: the model has been described already."""
        return {}

    def configure(self, spec: "Dict[str, Any]") -> None:
        """Take rows and answer in another form (see `loaders.Model.configure`)."""
        features = spec.get("features", [])
        self._layout = Layout(features)
        self._array = spec.get("input") == "array"
        self._output: "Dict[str, Any]" = spec.get("output") or {}

    def predict(self, rows: int, numbers: bytes, texts: bytes) -> "Tuple[bytes, bytes]":
        """Refit and answer; the blocks are those of `loaders.Model.predict`.

        Raises:
            OutputInvalid: the target does not have the classes that the model knows.
        """
        given, truth = self._parts(rows, numbers, texts)
        if self._output.get("kind") != "classifier":
            return self._block(self._answers(given, truth, "predict")), b""
        truth = truth.astype(self._classes.dtype)
        if list(self._numpy.unique(truth)) != list(self._classes):
            raise OutputInvalid("The target column does not hold the classes that the model knows.")
        if not self._output.get("probabilities"):
            return b"", as_json(self._answers(given, truth, "predict"), rows)
        chances = self._block(self._answers(given, truth, "predict_proba"))
        if self._output.get("label") == "argmax":
            return chances, b""
        return chances, as_json(self._answers(given, truth, "predict"), rows)

    def _answers(self, given: Foreign, truth: Foreign, method: str) -> Foreign:
        selection = importlib.import_module("sklearn.model_selection")
        folds = selection.KFold if self._classes is None else selection.StratifiedKFold
        split = folds(_FOLDS, shuffle=True, random_state=0)
        return selection.cross_val_predict(self._estimator, given, truth, cv=split, method=method)

    def _parts(self, rows: int, numbers: bytes, texts: bytes) -> "Tuple[Foreign, Foreign]":
        """What the model is given, and the true values."""
        if self._array:
            whole = self._layout.array(rows, numbers, texts)
            return whole[:, :-1].astype("float64"), whole[:, -1]
        table = self._layout.frame(rows, numbers, texts)
        truth = table.pop(table.columns[-1]).to_numpy()
        return table, truth

    def _block(self, values: Foreign) -> bytes:
        data: bytes = self._numpy.ascontiguousarray(values, dtype="float64").tobytes()
        return data
