import json
import os
import pickle
import warnings
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    StandardScaler,
)
from sklearn.svm import LinearSVC

from konan.worker.loaders import Model, OutputInvalid, Unloadable, load
from konan.worker.loaders.sklearn import Estimator

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(120, 3))
SIGN = ROWS[:, 0] > 0
FEATURES = [[name, "number", "float64"] for name in "abc"]
FRAME = pd.DataFrame(ROWS, columns=list("abc"))
CLASSIFIER = {"kind": "classifier", "probabilities": True, "label": "argmax"}


def loaded(tmp_path: Path, estimator: Any, **changes: object) -> Model:
    joblib.dump(estimator, tmp_path / "model.joblib")
    return load(str(tmp_path), {"loader": "sklearn", "files": ["model.joblib"], **changes})


def numbers(answer: tuple[bytes, bytes], width: int) -> list[list[float]]:
    listed: list[list[float]] = np.frombuffer(answer[0]).reshape(-1, width).tolist()
    return listed


@pytest.mark.parametrize("form", ["joblib", "pickle", "cloudpickle", "skops"])
def test_every_format_is_loaded(tmp_path: Path, form: str) -> None:
    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, SIGN)
    writers = {
        "joblib": lambda path: joblib.dump(fitted, path),
        "pickle": lambda path: path.write_bytes(pickle.dumps(fitted)),
        "cloudpickle": lambda path: path.write_bytes(cloudpickle.dumps(fitted)),
        "skops": lambda path: skops.io.dump(fitted, path),
    }
    writers[form](tmp_path / "model.bin")
    spec = {"loader": "sklearn", "files": ["model.bin"], "options": {"format": form}, "features": FEATURES}
    model = load(str(tmp_path), {**spec, "input": "array", "output": CLASSIFIER})
    answer = model.predict(5, ROWS[:5].tobytes(), b"")
    assert numbers(answer, 2) == fitted.predict_proba(ROWS[:5]).tolist()
    assert answer[1] == b""


def test_frame_and_array_answer_alike_and_no_warning_is_heard(tmp_path: Path) -> None:
    fitted = RandomForestClassifier(5, random_state=0).fit(FRAME, SIGN)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answers = [
            loaded(tmp_path, fitted, features=FEATURES, input=form, output=CLASSIFIER).predict(
                4, ROWS[:4].tobytes(), b""
            )
            for form in ("array", "frame")
        ]
    assert answers[0] == answers[1]


def test_texts_reach_a_pipeline_as_columns(tmp_path: Path) -> None:
    data = FRAME.assign(town=pd.Series(["Ulm", "Bonn"] * 60, dtype=object))
    encoder = ColumnTransformer(
        [("town", OneHotEncoder(handle_unknown="ignore"), ["town"])], remainder="passthrough"
    )
    fitted = make_pipeline(encoder, LinearRegression()).fit(data, ROWS[:, 0])
    features = [*FEATURES, ["town", "string", "object"]]
    model = loaded(tmp_path, fitted, features=features, input="frame", output={"kind": "regressor"})
    rows = json.dumps([["Ulm"], ["Oz"]]).encode()
    expected = fitted.predict(data.head(2).assign(town=["Ulm", "Oz"]))
    assert numbers(model.predict(2, ROWS[:2].tobytes(), rows), 1) == [[value] for value in expected]


@pytest.mark.parametrize("probabilities", [True, False])
def test_the_model_s_own_labels_are_sent_where_they_are_asked_for(
    tmp_path: Path, *, probabilities: bool
) -> None:
    kind = LogisticRegression if probabilities else LinearSVC
    words = np.where(SIGN, "yes", "no")
    output = {"kind": "classifier", "probabilities": probabilities, "label": "model"}
    fitted = kind().fit(ROWS, words)
    block, labels = loaded(tmp_path, fitted, features=FEATURES, input="array", output=output).predict(
        3, ROWS[:3].tobytes(), b""
    )
    assert json.loads(labels) == fitted.predict(ROWS[:3]).tolist()
    assert len(block) == (3 * 2 * 8 if probabilities else 0)


def test_several_values_are_sent_row_after_row(tmp_path: Path) -> None:
    fitted = LinearRegression().fit(ROWS, ROWS[:, :2])
    model = loaded(tmp_path, fitted, features=FEATURES, input="array", output={"kind": "regressor"})
    assert model.describe()["values"] == 2
    assert numbers(model.predict(2, ROWS[:2].tobytes(), b""), 2) == fitted.predict(ROWS[:2]).tolist()


def test_a_model_of_several_classes_at_once_answers_json(tmp_path: Path) -> None:
    fitted = MultiOutputClassifier(LogisticRegression()).fit(ROWS, np.column_stack([SIGN, ~SIGN]))
    model = loaded(tmp_path, fitted, features=FEATURES, input="array", output={"kind": "other"})
    assert model.describe()["kind"] == "other"
    assert json.loads(model.predict(2, ROWS[:2].tobytes(), b"")[1]) == fitted.predict(ROWS[:2]).tolist()


@pytest.mark.parametrize(
    ("estimator", "target", "expected"),
    [
        (LogisticRegression(), SIGN, ("classifier", [False, True], True, 1)),
        (LogisticRegression(), SIGN.astype(int), ("classifier", [0, 1], True, 1)),
        (LogisticRegression(), np.where(SIGN, "a", "b"), ("classifier", ["a", "b"], True, 1)),
        (LinearSVC(), SIGN, ("classifier", [False, True], False, 1)),
        (LinearRegression(), ROWS[:, 0], ("regressor", [], False, 1)),
        (KMeans(2, random_state=0, n_init=1), None, ("other", [], False, 1)),
    ],
)
def test_a_model_is_described(tmp_path: Path, estimator: Any, target: Any, expected: tuple[Any, ...]) -> None:
    told = loaded(tmp_path, estimator.fit(FRAME, target)).describe()
    assert (told["kind"], told["classes"], told["probabilities"], told["values"]) == expected
    assert (told["feature_names"], told["features"]) == (["a", "b", "c"], 3)
    json.dumps(told)


def test_what_cannot_predict_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unloadable, match="StandardScaler, which has no predict"):
        loaded(tmp_path, StandardScaler().fit(ROWS))
    with pytest.raises(Unloadable, match="no format named tar"):
        loaded(tmp_path, 1, options={"format": "tar"})
    with pytest.raises(Unloadable, match="no loader named onnx"):
        load(str(tmp_path), {"loader": "onnx", "files": ["x"]})


class Stubborn:
    """Answers the same whatever it is asked."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def predict(self, _rows: object) -> object:
        return self.answer


@pytest.mark.parametrize("answer", [np.zeros(3), np.zeros((2, 1, 1)), ["x", "y"], 1.0, [[1], [1, 2]]])
def test_an_answer_of_the_wrong_shape_is_invalid(answer: object) -> None:
    spec = {"features": FEATURES, "input": "array", "output": {"kind": "regressor"}}
    with pytest.raises(OutputInvalid):
        Estimator(Stubborn(answer), spec).predict(2, ROWS[:2].tobytes(), b"")


def test_nan_is_passed_on() -> None:
    spec = {"features": FEATURES, "input": "array", "output": {"kind": "regressor"}}
    answer = Estimator(Stubborn([np.nan, np.inf]), spec).predict(2, ROWS[:2].tobytes(), b"")
    assert np.isnan(np.frombuffer(answer[0])[0])


def test_a_skops_file_may_not_name_functions_because_anyone_may_upload_one(tmp_path: Path) -> None:
    model = make_pipeline(FunctionTransformer(func=os.mkdir), LogisticRegression().fit(ROWS, SIGN))
    skops.io.dump(model, tmp_path / "model.skops")
    with pytest.raises(Unloadable, match="mkdir"):
        load(str(tmp_path), {"loader": "sklearn", "files": ["model.skops"], "options": {"format": "skops"}})


def test_a_skops_file_with_trees_is_read(tmp_path: Path) -> None:
    fitted = RandomForestClassifier(5, random_state=0).fit(ROWS, SIGN)
    skops.io.dump(fitted, tmp_path / "model.skops")
    model = load(
        str(tmp_path), {"loader": "sklearn", "files": ["model.skops"], "options": {"format": "skops"}}
    )
    assert model.describe()["kind"] == "classifier"
