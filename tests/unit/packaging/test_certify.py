"""Certificates: real models in real sandboxed workers, good ones and hostile ones."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from tests.unit.packaging.trying import package, proved, spec

from konan.errors import GateFailed, KonanError
from konan.packaging.certify import Proof
from konan.packaging.golden import Row
from konan.packaging.trial import ModelRaised
from konan.records.schema import Feature

cloudpickle.register_pickle_by_value(sys.modules[__name__])

NUMBERS = (Feature(name="a", type="number"), Feature(name="b", type="number"))
ROWS: list[Row] = [(float(one), float(one % 7)) for one in range(60)]


def frame() -> pd.DataFrame:
    return pd.DataFrame(ROWS, columns=["a", "b"])


def of_class(tmp_path: Path, body: str, rows: list[Row] | None = None, **more: Any) -> Proof:
    source = f"import os, random, time\nclass Model:\n    def predict(self, rows):\n        {body}\n"
    given = ROWS if rows is None else rows
    return asyncio.run(proved(spec(package(tmp_path, source.encode())), NUMBERS, given, **more))


def of_estimator(
    tmp_path: Path, estimator: Any, features: tuple[Feature, ...], rows: list[Row], **more: Any
) -> Proof:
    place = package(tmp_path, cloudpickle.dumps(estimator), "model.joblib")
    return asyncio.run(proved(spec(place, "sklearn", "model/model.joblib"), features, rows, **more))


def refused(tmp_path: Path, body: str, **more: Any) -> KonanError:
    with pytest.raises(GateFailed) as caught:
        of_class(tmp_path, body, **more)
    return caught.value


def test_a_classifier_proves_all_that_serving_it_needs(tmp_path: Path) -> None:
    truth = np.array(["no", "yes"])[(frame()["b"] > 3).astype(int)]
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame(), truth)
    chances = model.predict_proba(frame())
    expected = {
        at: {"label": str(model.predict(frame())[at]), "probabilities": {"no": no, "yes": yes}}
        for at, (no, yes) in enumerate(chances.tolist())
    }
    proof = of_estimator(tmp_path, model, NUMBERS, ROWS, expected=expected)
    certificate = proof.certificate
    assert (certificate.golden, certificate.golden_rows) == ("reproduced", 60)
    assert certificate.largest_difference < 1e-9
    assert certificate.row_independent
    assert certificate.deterministic
    assert [(one.feature, one.result) for one in certificate.null] == [("a", "raises"), ("b", "raises")]
    assert certificate.unseen_category == "not applicable"
    assert certificate.input == "array"
    assert certificate.latency_one_ms > 0
    assert certificate.latency_hundred_ms > 0
    assert [one.nullable for one in proof.schema.features] == [False, False]
    assert proof.schema.output.kind == "classifier"
    assert proof.schema.output.classes == ("no", "yes")
    assert proof.schema.output.label == "argmax"
    assert proof.schema.example == {"a": 0.0, "b": 0.0}


def test_labels_of_a_support_vector_machine_are_its_own(tmp_path: Path) -> None:
    with pytest.warns(FutureWarning):
        model = SVC(probability=True).fit(frame(), frame()["b"] > 3)
    proof = of_estimator(tmp_path, model, NUMBERS, ROWS)
    assert proof.schema.output.label == "model"
    assert proof.schema.output.classes == (False, True)


def test_a_model_that_finds_columns_by_name_is_given_a_frame(tmp_path: Path) -> None:
    data = frame().assign(c=["x", "y", "z"] * 20)
    columns = ColumnTransformer([("c", OneHotEncoder(), ["c"])], remainder="passthrough")
    model = make_pipeline(columns, LinearRegression()).fit(data, data["a"] * 2)
    features = (*NUMBERS, Feature(name="c", type="string", dtype="object"))
    proof = of_estimator(tmp_path, model, features, [(*row, "xyz"[at % 3]) for at, row in enumerate(ROWS)])
    assert proof.certificate.input == "frame"
    assert proof.certificate.unseen_category == "raises"
    assert proof.schema.output.kind == "regressor"


def test_missing_values_are_accepted_where_the_model_takes_them(tmp_path: Path) -> None:
    model = HistGradientBoostingRegressor(max_iter=5).fit(frame(), frame()["b"])
    rows: list[Row] = [*ROWS, (None, 1.0)]
    proof = of_estimator(tmp_path, model, NUMBERS, rows)
    assert proof.certificate.golden_rows == 61
    assert [one.result for one in proof.certificate.null] == ["answers", "answers"]
    assert all(one.nullable for one in proof.schema.features)
    assert proof.warnings == ()


def test_rows_that_the_model_cannot_answer_are_left_out_with_a_notice(tmp_path: Path) -> None:
    model = LinearRegression().fit(frame().to_numpy(), frame()["b"])
    proof = of_estimator(tmp_path, model, NUMBERS, [(None, 1.0), *ROWS])
    assert proof.certificate.golden_rows == 60
    assert proof.schema.example == {"a": 0.0, "b": 0.0}
    assert "raises on 1 of the tried rows" in proof.warnings[0]


def test_an_estimator_of_ones_own_keeps_its_own_labels(tmp_path: Path) -> None:
    class Careful(LogisticRegression):  # type: ignore[misc] # scikit-learn has no types
        def predict(self, X: Any) -> Any:  # noqa: N803 - as scikit-learn calls it
            return (self.predict_proba(X)[:, 1] > 0.01).astype(int)

    model = Careful().fit(frame(), (frame()["b"] > 3).astype(int))
    proof = of_estimator(tmp_path, model, NUMBERS, ROWS)
    assert proof.schema.output.label == "model"


def test_a_model_that_gives_something_else_is_refused_with_the_first_such_row(tmp_path: Path) -> None:
    expected = {0: 0.0, 3: 4.0, 5: 9.0}
    error = refused(tmp_path, "return [row['a'] for row in rows]", expected=expected)
    assert "row 3" in error.message
    assert "4.0 was expected, 3.0 came" in error.message


def test_without_expected_outputs_a_class_is_consistent_with_itself(tmp_path: Path) -> None:
    proof = of_class(tmp_path, "return [{'sum': row['a'] + row['b']} for row in rows]")
    assert proof.certificate.golden == "self-consistent only"
    assert proof.certificate.row_independent
    assert [one.result for one in proof.certificate.null] == ["raises", "raises"]


def test_without_rows_a_row_of_zeros_is_tried(tmp_path: Path) -> None:
    proof = of_class(tmp_path, "return [row['a'] + 1 for row in rows]", rows=[])
    assert proof.certificate.golden_rows == 0
    assert proof.schema.example == {"a": 0.0, "b": 0.0}


def test_rows_that_depend_on_each_other_are_noticed(tmp_path: Path) -> None:
    assert not of_class(tmp_path, "return [len(rows)] * len(rows)").certificate.row_independent


def test_rows_that_depend_on_their_order_are_noticed(tmp_path: Path) -> None:
    proof = of_class(
        tmp_path, "return [0 if len(rows) == 1 else n if rows[0]['a'] else 0 for n, _ in enumerate(rows)]"
    )
    assert not proof.certificate.row_independent


def test_answers_by_chance_are_noticed(tmp_path: Path) -> None:
    proof = of_class(tmp_path, "return [random.random() for _ in rows]")
    assert not proof.certificate.deterministic
    assert "differently" in proof.warnings[-1]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise ValueError('secret')", "raised ValueError on the rows"),
        ("return [float('nan')] * len(rows)", "not JSON"),
        ("return [1] * (len(rows) + 1)", "raised OutputInvalid"),
        ("return None", "raised OutputInvalid"),
        ("os._exit(3)", "died (exit status 3)"),
        ("os.abort()", "died (SIGABRT)"),
        ("import ctypes; ctypes.string_at(0)", "died (SIGSEGV)"),
        ("return ['x' * (1 << 20)] * 70", "raised OutputInvalid"),
    ],
)
def test_a_model_that_cannot_answer_is_refused(tmp_path: Path, body: str, said: str) -> None:
    error = refused(tmp_path, body)
    assert said in error.message
    assert "secret" not in error.message


def test_the_models_traceback_is_kept_for_its_owner(tmp_path: Path) -> None:
    error = refused(tmp_path, "raise ValueError('secret')")
    assert isinstance(error.__cause__, ModelRaised)
    assert "ValueError: secret" in error.__cause__.traceback
    assert "in predict" in error.__cause__.traceback


def test_a_model_that_hangs_is_refused_at_the_deadline(tmp_path: Path) -> None:
    assert "did not answer within 1 s" in refused(tmp_path, "time.sleep(1000)", seconds=1.0).message


def test_a_model_that_dies_of_a_missing_value_is_refused(tmp_path: Path) -> None:
    body = "return [os._exit(1) if row['a'] is None else 1 for row in rows]"
    assert "when it was given rows with missing and unseen values" in refused(tmp_path, body).message


def test_a_model_that_raises_only_sometimes_is_refused(tmp_path: Path) -> None:
    body = "self.calls = getattr(self, 'calls', 0) + 1; return [1 / (self.calls != 2) for _ in rows]"
    error = refused(tmp_path, body)
    assert "raised ZeroDivisionError where it had answered before" in error.message


def test_numbers_that_are_not_finite_are_refused_with_their_row(tmp_path: Path) -> None:
    class Broken(LinearRegression):  # type: ignore[misc] # scikit-learn has no types
        def predict(self, X: Any) -> Any:  # noqa: N803 - as scikit-learn calls it
            found = super().predict(X)
            found[3:] = np.inf
            return found

    with pytest.raises(GateFailed, match="inf for row 3"):
        of_estimator(tmp_path, Broken().fit(frame(), frame()["b"]), NUMBERS, ROWS)


def test_classes_with_one_text_are_refused(tmp_path: Path) -> None:
    model = LogisticRegression().fit(frame(), frame()["b"] > 3)
    model.classes_ = np.array(["1", 1], dtype=object)
    with pytest.raises(GateFailed, match="the same text"):
        of_estimator(tmp_path, model, NUMBERS, ROWS)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import nothing_of_that_name\n", "raised ModuleNotFoundError"),
        ("class Other: pass\n", "raised Unloadable"),
        ("raise SystemExit(0)\n", "raised SystemExit"),
        ("import os; os._exit(7)\n", "ended with status 7"),
    ],
)
def test_a_model_that_does_not_load_is_refused(tmp_path: Path, source: str, said: str) -> None:
    with pytest.raises(GateFailed, match=said):
        asyncio.run(proved(spec(package(tmp_path, source.encode())), NUMBERS, ROWS))


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    place = package(tmp_path, cloudpickle.dumps({"a": 1}), "model.joblib")
    with pytest.raises(GateFailed, match="raised Unloadable"):
        asyncio.run(proved(spec(place, "sklearn", "model/model.joblib"), NUMBERS, ROWS))
