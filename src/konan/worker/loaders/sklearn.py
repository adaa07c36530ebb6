"""Models that speak scikit-learn's ``predict`` and ``predict_proba``, from joblib, pickle or skops files."""

import importlib
import os
import pickle
import warnings
from typing import Any, Callable, Dict, List, Tuple

from . import Foreign, Model, OutputInvalid, Unloadable, add_to_path
from .answers import as_json
from .rows import Layout


def load(package: str, spec: "Dict[str, Any]") -> Model:
    """Load a fitted estimator.

    Args:
        package: directory of the package.
        spec: the start message's ``model``; ``options["format"]`` is ``joblib`` (the default),
            ``cloudpickle``, ``pickle`` or ``skops``. With the ``task`` ``crossfit`` the answers are those
            of refitted copies (see `crossfit`).

    Raises:
        Unloadable: the format is unknown, or what was loaded cannot predict.
    """
    path = os.path.join(package, spec["files"][0])
    add_to_path(os.path.dirname(path))
    form = spec.get("options", {}).get("format", "joblib")
    reader = _READERS.get(form)
    if reader is None:
        raise Unloadable("There is no format named %s." % form)
    estimator = reader(path)
    if not callable(getattr(estimator, "predict", None)):
        raise Unloadable("The file holds a %s, which has no predict." % type(estimator).__name__)
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    warnings.filterwarnings("ignore", message="X has feature names, but")
    if spec.get("task") == "crossfit":
        refitted: Model = importlib.import_module("..crossfit", __package__).Refitted(estimator, spec)
        return refitted
    return Estimator(estimator, spec)


class Estimator:
    """A fitted estimator; how it is called is settled when it is loaded.

    Args:
        estimator: has ``predict``.
        spec: the start message's ``model``.
    """

    def __init__(self, estimator: Foreign, spec: "Dict[str, Any]") -> None:
        self._estimator = estimator
        self._numpy = importlib.import_module("numpy")
        self.configure(spec)

    def configure(self, spec: "Dict[str, Any]") -> None:
        """Take rows and answer in another form (see `Model.configure`)."""
        self._layout = Layout(spec.get("features", []))
        self._rows = self._layout.array if spec.get("input") == "array" else self._layout.frame
        self._answer = self._settle(spec.get("output") or {})

    def describe(self) -> "Dict[str, object]":
        """What the estimator says of itself."""
        estimator = self._estimator
        classes = _classes(estimator)
        kind = "classifier" if classes else "regressor" if _is("regressor", estimator) else "other"
        names = getattr(estimator, "feature_names_in_", None)
        features = getattr(estimator, "n_features_in_", None)
        return {
            "kind": kind,
            "classes": classes,
            "probabilities": bool(classes) and callable(getattr(estimator, "predict_proba", None)),
            "values": self._values(features) if kind == "regressor" else 1,
            "feature_names": None if names is None else [str(name) for name in names],
            "features": None if features is None else int(features),
            "estimators": _parts(estimator),
        }

    def predict(self, rows: int, numbers: bytes, texts: bytes) -> "Tuple[bytes, bytes]":
        """Probabilities, values or JSON, as the output asks (see `Model.predict`)."""
        return self._answer(self._rows(rows, numbers, texts), rows)

    def _settle(self, output: "Dict[str, Any]") -> "Callable[[Foreign, int], Tuple[bytes, bytes]]":
        if output.get("kind") == "regressor":
            return self._regress
        if output.get("kind") != "classifier":
            return self._other
        if not output.get("probabilities"):
            return self._other
        return self._classify_and_label if output.get("label") == "model" else self._classify

    def _classify(self, table: Foreign, rows: int) -> "Tuple[bytes, bytes]":
        return self._block(self._estimator.predict_proba(table), rows), b""

    def _classify_and_label(self, table: Foreign, rows: int) -> "Tuple[bytes, bytes]":
        return self._classify(table, rows)[0], self._other(table, rows)[1]

    def _regress(self, table: Foreign, rows: int) -> "Tuple[bytes, bytes]":
        return self._block(self._estimator.predict(table), rows), b""

    def _other(self, table: Foreign, rows: int) -> "Tuple[bytes, bytes]":
        return b"", as_json(self._estimator.predict(table), rows)

    def _block(self, values: Foreign, rows: int) -> bytes:
        try:
            block = self._numpy.ascontiguousarray(values, dtype="float64")
        except (TypeError, ValueError):
            raise OutputInvalid("The model answered something that is not numbers.") from None
        if block.ndim not in (1, 2) or block.shape[0] != rows:
            raise OutputInvalid("The model answered shape %s to %d rows." % (block.shape, rows))
        data: bytes = block.tobytes()
        return data

    def _values(self, features: "int | None") -> int:
        count = getattr(self._estimator, "n_outputs_", None)
        if count is not None or features is None:
            return int(count or 1)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                answer = self._numpy.asarray(self._estimator.predict(self._probe(features)))
        except Exception:  # noqa: BLE001 - a row of zeros need not suit the model
            return 1
        return int(answer.shape[1]) if answer.ndim == 2 else 1

    def _probe(self, features: int) -> Foreign:
        zeros = self._numpy.zeros((1, features))
        names = getattr(self._estimator, "feature_names_in_", None)
        if names is None:
            return zeros
        return importlib.import_module("pandas").DataFrame(zeros, columns=list(names))


def _is(kind: str, estimator: Foreign) -> bool:
    test = getattr(importlib.import_module("sklearn.base"), "is_" + kind)
    try:
        return bool(test(estimator))
    except (AttributeError, TypeError, ValueError):  # it only resembles scikit-learn's
        return False


def _classes(estimator: Foreign) -> "List[object]":
    found: Foreign = getattr(estimator, "classes_", None)
    if not _is("classifier", estimator) or getattr(found, "ndim", 0) != 1:
        return []
    classes = list(found.tolist())
    return classes if all(isinstance(one, (str, bool, int, float)) for one in classes) else []


def _parts(estimator: Foreign) -> "List[str]":
    """Full names of the classes of an estimator and of all the estimators in it, sorted."""
    parts = [estimator]
    try:
        parts += [part for part in estimator.get_params(deep=True).values() if hasattr(part, "predict")]
    except Exception:  # noqa: BLE001 - an estimator that only resembles scikit-learn's
        parts.append(None)
    return sorted({type(part).__module__ + "." + type(part).__qualname__ for part in parts})


def _joblib(path: str) -> Foreign:
    return importlib.import_module("joblib").load(path)


def _pickle(path: str) -> Foreign:
    with open(path, "rb") as file:
        return pickle.load(file)  # noqa: S301 - this is what the sandbox is for


def _skops(path: str) -> Foreign:
    """Read a skops file that names nothing but classes of the libraries models are made of.

    Anyone may upload this format, because it runs no code when it is loaded; a function in it (say of ``os``)
    would run when the model predicts, so it is refused.
    """
    reader = importlib.import_module("skops.io")
    named = reader.get_untrusted_types(file=path)
    foreign = sorted(name for name in named if not _is_library_class(name))
    if foreign:
        raise Unloadable(
            "The skops file names %s, which is no class of a known library; save the model with joblib."
            % ", ".join(foreign[:5])
        )
    return reader.load(path, trusted=named)


def _is_library_class(name: str) -> bool:
    if name.split(".", 1)[0] not in _SKOPS_LIBRARIES:
        return False
    module, _, attribute = name.rpartition(".")
    try:
        return isinstance(getattr(importlib.import_module(module), attribute, None), type)
    except ImportError:
        return False


_SKOPS_LIBRARIES = frozenset({"sklearn", "numpy", "scipy", "xgboost", "lightgbm", "catboost"})


_READERS: "Dict[str, Callable[[str], Foreign]]" = {
    "joblib": _joblib,
    "cloudpickle": _pickle,
    "pickle": _pickle,
    "skops": _skops,
}
