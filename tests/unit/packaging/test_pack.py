"""A model with its rows becomes an archive that says how to load, install and try it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from typing_extensions import override

from konan.errors import DataInvalid, ModelFileInvalid, Usage
from konan.packaging import archive
from konan.packaging.pack import pack
from konan.records.schema import Constraint
from konan.records.upload import UploadManifest

IRIS: pd.DataFrame = load_iris(as_frame=True).frame.sample(frac=1, random_state=0)
FEATURES = IRIS.drop(columns="target")
CLASSIFIER = LogisticRegression(max_iter=1000).fit(FEATURES, IRIS["target"])


def packed(out: Path, model: Any, **said: Any) -> tuple[UploadManifest, dict[str, bytes]]:
    assert pack(model, out, **said) == out
    assert {path.name for path in out.parent.iterdir() if path.name.startswith("konan-")} == set()
    with archive.read(out) as opened:
        return opened.manifest, {name: b"".join(opened.chunks(name)) for name, _ in opened.members()}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "upload.zip"


def lines(content: bytes) -> list[Any]:
    return [json.loads(line) for line in content.splitlines()]


def test_a_file_and_its_rows(tmp_path: Path, out: Path) -> None:
    model, rows = tmp_path / "my model;rm.joblib", tmp_path / "train set.CSV"
    joblib.dump(CLASSIFIER, model)
    IRIS.to_csv(rows, index=False)
    manifest, members = packed(
        out,
        str(model),
        data=rows,
        holdout=str(rows),
        target="target",
        key="id",
        subject="person",
        segments=["region"],
        constraints={"x": Constraint(minimum=0)},
        rollout="canary",
    )
    assert list(members) == ["model/model.joblib", "data/data.csv", "data/holdout.csv"]
    assert members["model/model.joblib"] == model.read_bytes()
    assert members["data/data.csv"] == rows.read_bytes()
    assert (manifest.flavor, manifest.options) == ("sklearn", {"format": "joblib"})
    assert (manifest.target, manifest.key, manifest.subject) == ("target", "id", "person")
    assert (manifest.segments, manifest.rollout, manifest.expected) == (("region",), "canary", "")
    assert manifest.constraints == {"x": Constraint(minimum=0)}
    assert manifest.python == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert [each.partition("==")[0] for each in manifest.requirements] == [
        "joblib",
        "numpy",
        "pandas",
        "scikit-learn",
    ]


def test_a_classifier_in_memory_says_what_is_expected(out: Path) -> None:
    manifest, members = packed(out, CLASSIFIER, data=IRIS, target="target")
    assert manifest.data is not None
    assert manifest.data.path == "data/data.parquet"
    outputs = lines(members[manifest.expected])
    probabilities = CLASSIFIER.predict_proba(FEATURES)
    assert len(outputs) == 150
    assert [each["label"] for each in outputs] == CLASSIFIER.predict(FEATURES).tolist()
    assert outputs[7]["probabilities"] == dict(zip("012", probabilities[7].tolist(), strict=True))


def test_the_packed_bytes_are_the_model(tmp_path: Path, out: Path) -> None:
    _, members = packed(out, CLASSIFIER)
    (tmp_path / "again").write_bytes(members["model/model.joblib"])
    assert (joblib.load(tmp_path / "again").coef_ == CLASSIFIER.coef_).all()


@pytest.mark.parametrize(
    ("labels", "key"), [(["a", "b"], "a"), ([True, False], "true"), ([3, 4], "3"), (["1.5", "2"], "1.5")]
)
def test_labels_of_every_type(out: Path, labels: list[Any], key: str) -> None:
    rows = pd.DataFrame({"x": [0.0, 1.0] * 20, "y": labels * 20})
    model = RandomForestClassifier(2, random_state=0).fit(rows[["x"]], rows["y"])
    _, members = packed(out, model, data=rows, target="y")
    first = lines(members["data/expected.jsonl"])[0]
    assert first["label"] == labels[0]
    assert type(first["label"]) is type(labels[0])
    assert first["probabilities"][key] > 0.5


def test_a_regressor_on_arrays(out: Path) -> None:
    features, target = load_diabetes(return_X_y=True)
    model = LinearRegression().fit(features, target)
    rows = pd.DataFrame(features).assign(y=target)
    manifest, members = packed(out, model, data=rows, target="y")
    outputs = lines(members["data/expected.jsonl"])
    assert len(outputs) == 200
    assert [each["value"] for each in outputs] == pytest.approx(model.predict(features[:200]))
    assert not any(each.startswith("pandas") for each in manifest.requirements)


def test_a_regressor_of_two_values(out: Path) -> None:
    rows = pd.DataFrame({"x": [0.0, 1.0, 2.0]})
    model = LinearRegression().fit(rows, np.array([[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]]))
    _, members = packed(out, model, data=rows)
    assert lines(members["data/expected.jsonl"])[1]["value"] == pytest.approx([1.0, 2.0])


def test_other_outputs_are_as_returned(out: Path) -> None:
    rows = pd.DataFrame({"x": [0.0, 1.0] * 5})
    model = MultiOutputClassifier(RandomForestClassifier(2)).fit(rows, [[0, 1], [1, 0]] * 5)
    _, members = packed(out, model, data=rows)
    assert lines(members["data/expected.jsonl"])[:2] == [[0, 1], [1, 0]]


def test_data_in_a_file_and_a_model_in_memory(tmp_path: Path, out: Path) -> None:
    IRIS.to_json(tmp_path / "rows.jsonl", orient="records", lines=True)
    IRIS.to_parquet(tmp_path / "rows.parquet")
    IRIS.to_csv(tmp_path / "rows.csv", index=False)
    for form in ("jsonl", "parquet", "csv"):
        _, members = packed(
            out.with_name(f"{form}.zip"), CLASSIFIER, data=tmp_path / f"rows.{form}", target="target"
        )
        assert f"data/data.{form}" in members
        assert len(lines(members["data/expected.jsonl"])) == 150


def doubled(table: Any) -> Any:
    return table * 2


def test_a_function_of_the_users_own_travels_with_the_model(tmp_path: Path, out: Path) -> None:
    rows = pd.DataFrame({"x": [0.0, 1.0, 2.0]})
    model = make_pipeline(FunctionTransformer(doubled), LinearRegression()).fit(rows, [0, 2, 4])
    manifest, members = packed(out, model, data=rows)
    assert manifest.options == {"format": "cloudpickle"}
    (tmp_path / "model.pkl").write_bytes(members["model/model.pkl"])
    script = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb')).steps[0][1].func(21))"
    command = [sys.executable, "-I", "-W", "ignore", "-c", script, str(tmp_path / "model.pkl")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == "42"


def test_a_lambda_travels_too(out: Path) -> None:
    rows = pd.DataFrame({"x": [0.0, 1.0, 2.0]})
    model = make_pipeline(FunctionTransformer(lambda table: table + 1), LinearRegression()).fit(
        rows, [0, 2, 4]
    )
    manifest, _ = packed(out, model)
    assert manifest.options == {"format": "cloudpickle"}


def test_columns_of_mixed_types_become_csv(out: Path) -> None:
    rows = pd.DataFrame({"x": pd.Series([1, "a", None], dtype=object), 5: [1, 2, 3]})
    manifest, members = packed(out, CLASSIFIER, data=rows, expected=[])
    assert manifest.data is not None
    assert manifest.data.format == "csv"
    assert members["data/data.csv"].splitlines()[0] == b"x,5"


def test_expected_outputs_may_be_given(tmp_path: Path, out: Path) -> None:
    _, members = packed(out, CLASSIFIER, data=IRIS, expected=[{"label": 1}])
    assert lines(members["data/expected.jsonl"]) == [{"label": 1}]
    path = tmp_path / "expected.jsonl"
    path.write_text('{"label": 2}\n')
    _, members = packed(out.with_name("b.zip"), CLASSIFIER, data=IRIS, expected=path)
    assert lines(members["data/expected.jsonl"]) == [{"label": 2}]
    path.write_text("label: 2\n")
    with pytest.raises(DataInvalid):
        packed(out.with_name("c.zip"), CLASSIFIER, data=IRIS, expected=str(path))


def test_a_python_class_with_its_own_requirements(tmp_path: Path, out: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "model.py").write_text("import sklearn\nclass Model:\n    def predict(self, rows): ...\n")
    (folder / "weights.json").write_text("{}")
    manifest, members = packed(out, folder)
    assert list(members) == ["model/model.py", "model/weights.json"]
    assert (manifest.flavor, manifest.options) == ("python", {"class": "Model"})
    assert [each.partition("==")[0] for each in manifest.requirements] == ["scikit-learn"]
    (folder / "requirements.txt").write_text("scikit-learn==1.9.0\n")
    assert packed(out.with_name("b.zip"), folder)[0].requirements == ("scikit-learn==1.9.0",)
    flagged = packed(out.with_name("c.zip"), folder, requirements=["scikit-learn==1.8.0"])[0]
    assert flagged.requirements == ("scikit-learn==1.8.0",)


def test_names_that_an_archive_cannot_hold_are_refused(tmp_path: Path, out: Path) -> None:
    (tmp_path / "model.py").write_text("class Model:\n    def predict(self, rows): ...\n")
    (tmp_path / "my weights.json").write_text("{}")
    (tmp_path / "out" / "x").write_text("")
    with pytest.raises(ModelFileInvalid, match="my weights"):
        pack(tmp_path, out)
    assert not out.exists()


def test_columns_by_name_need_pandas(out: Path) -> None:
    rows = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    columns = ColumnTransformer([("b", OneHotEncoder(), ["b"])], remainder="passthrough")
    manifest, _ = packed(out, make_pipeline(columns, LinearRegression()).fit(rows, [1.0, 2.0]))
    assert any(each.startswith("pandas==") for each in manifest.requirements)


def test_provenance_holds_no_address(tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True, capture_output=True)

    monkeypatch.chdir(tmp_path)
    assert "commit" not in packed(out, CLASSIFIER)[0].provenance
    git("init")
    git("remote", "add", "origin", "https://user:secret@example.org/x.git")
    git("commit", "--allow-empty", "-m", "first")
    (out.parent / ".gitignore").write_text("*")
    manifest, _ = packed(out.with_name("b.zip"), CLASSIFIER)
    assert len(manifest.provenance["commit"]) == 40
    assert manifest.provenance["commit_clean"] is True
    assert manifest.provenance["packages"] == list(manifest.requirements)
    assert "secret" not in repr(manifest)
    (tmp_path / "new.txt").write_text("")
    assert packed(out.with_name("c.zip"), CLASSIFIER)[0].provenance["commit_clean"] is False


@pytest.mark.parametrize(
    ("model", "said", "error"),
    [
        ("nothing.joblib", {}, Usage),
        (object(), {}, Usage),
        (CLASSIFIER, {"data": "nothing.csv"}, Usage),
        (CLASSIFIER, {"data": [[1, 2]]}, DataInvalid),
        (CLASSIFIER, {"data": FEATURES.iloc[:, :2]}, DataInvalid),
        (CLASSIFIER, {"data": __file__}, DataInvalid),
        (CLASSIFIER, {"expected": "nothing.jsonl"}, Usage),
        (CLASSIFIER, {"requirements": ["-e ."]}, Usage),
        (CLASSIFIER, {"options": {"format": "skops"}}, ModelFileInvalid),
        (CLASSIFIER, {"flavor": "python"}, ModelFileInvalid),
    ],
)
def test_what_cannot_be_packed_is_told(
    out: Path, model: Any, said: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        pack(model, out, **said)
    assert list(out.parent.iterdir()) == []


class Unpicklable(LinearRegression):  # type: ignore[misc] # scikit-learn has no types
    @override
    def __reduce__(self) -> Any:
        raise TypeError("not this one")


def test_a_model_that_cannot_be_pickled_is_told(out: Path) -> None:
    with pytest.raises(Usage, match="not this one"):
        pack(Unpicklable(), out)


def test_packing_a_file_is_light(tmp_path: Path, out: Path) -> None:
    joblib.dump(CLASSIFIER, tmp_path / "model.joblib")
    IRIS.to_csv(tmp_path / "rows.csv", index=False)
    script = (
        "import sys; from pathlib import Path; from konan.packaging.pack import pack;"
        "pack(sys.argv[1], Path(sys.argv[2]), data=sys.argv[3], target='target');"
        "heavy = {'numpy', 'pandas', 'joblib', 'pyarrow'}; print(sorted(heavy & set(sys.modules)))"
    )
    arguments = [str(tmp_path / "model.joblib"), str(out), str(tmp_path / "rows.csv")]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
