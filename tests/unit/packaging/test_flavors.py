"""Each flavor knows its own by the bytes, and refuses what only says to be."""

import pickle
from pathlib import Path
from typing import Any

import joblib
import pytest
import skops.io
from sklearn.linear_model import LinearRegression

from konan.errors import ModelFileInvalid, Usage
from konan.packaging import imports
from konan.packaging.detect import detect
from konan.packaging.flavors import Flavor, installed, named
from konan.packaging.flavors.python_class import FLAVOR as PYTHON
from konan.packaging.flavors.sklearn import FLAVOR as SKLEARN

MODEL = "class Model:\n    def predict(self, rows):\n        return [1 for _ in rows]\n"
FITTED = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])


def check(flavor: Flavor, options: dict[str, Any], first: bytes, *members: str) -> None:
    flavor.check(options, members or ("model/model.bin",), lambda _: first)


def test_flavors_are_found_by_entry_point() -> None:
    assert installed() == {"python": PYTHON, "sklearn": SKLEARN}
    assert named("sklearn") is SKLEARN
    with pytest.raises(ModelFileInvalid):
        named("os\nsystem")


def written(folder: Path) -> dict[str, Path]:
    files = {name: folder / f"file-{name}" for name in ("joblib", "zlib", "pickle", "cloudpickle", "skops")}
    joblib.dump(FITTED, files["joblib"])
    joblib.dump(FITTED, files["zlib"], compress=3)
    files["pickle"].write_bytes(pickle.dumps(FITTED))
    files["cloudpickle"].write_bytes(pickle.dumps(FITTED))
    skops.io.dump(FITTED, files["skops"])
    return files


def test_a_model_is_known_by_its_bytes_not_its_name(tmp_path: Path) -> None:
    for name, file in written(tmp_path).items():
        lying = file.rename(tmp_path / f"{name}.txt")
        assert detect(lying) is SKLEARN
        reading = imports.read(lying)
        expected = {"zlib": "joblib", "cloudpickle": "pickle"}.get(name, name)
        assert SKLEARN.options(lying, reading) == {"format": expected}
        assert list(SKLEARN.files(lying)) == ["model/model.bin"]


def test_the_declared_format_must_match_the_bytes(tmp_path: Path) -> None:
    files = {name: path.read_bytes() for name, path in written(tmp_path).items()}
    fits = {
        "joblib": {"joblib", "zlib", "pickle", "cloudpickle"},
        "pickle": {"joblib", "pickle", "cloudpickle"},
    }
    fits |= {"cloudpickle": fits["pickle"], "skops": {"skops"}}
    for declared, good in fits.items():
        for name, content in files.items():
            if name in good:
                check(SKLEARN, {"format": declared}, content)
            else:
                with pytest.raises(ModelFileInvalid):
                    check(SKLEARN, {"format": declared}, content)


def test_pickle_bytes_named_skops_are_refused() -> None:
    with pytest.raises(ModelFileInvalid, match="its bytes are something else"):
        check(SKLEARN, {"format": "skops"}, pickle.dumps(FITTED), "model/model.skops")


@pytest.mark.parametrize(
    "options",
    [{}, {"format": "onnx"}, {"format": 1}, {"format": "joblib", "trusted": []}, {"format": ["joblib"]}],
)
def test_options_that_are_not_the_flavors_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ModelFileInvalid):
        check(SKLEARN, options, pickle.dumps(FITTED))


def test_a_scikit_learn_model_is_one_file() -> None:
    with pytest.raises(ModelFileInvalid):
        check(SKLEARN, {"format": "pickle"}, pickle.dumps(FITTED), "model/a", "model/b")


def test_all_but_skops_may_run_code() -> None:
    assert not SKLEARN.runs_code({"format": "skops"})
    for format_ in ("joblib", "pickle", "cloudpickle", "", None):
        assert SKLEARN.runs_code({"format": format_})
    assert PYTHON.runs_code({"class": "Model"})


def test_a_file_or_a_folder_with_a_class_is_python(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(MODEL)
    for path in (tmp_path, tmp_path / "model.py"):
        assert detect(path) is PYTHON
        assert PYTHON.options(path, imports.read(path)) == {"class": "Model"}
        assert next(iter(PYTHON.files(path))) == "model/model.py"


def test_the_class_is_chosen_without_doubt(tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    reading = imports.Reading(format="python")
    path.write_text("class Churn:\n    def predict(self, rows): ...\nclass Other: ...\n")
    assert PYTHON.options(path, reading) == {"class": "Churn"}
    path.write_text("class A:\n    def predict(self, rows): ...\nclass B(A): ...\n")
    with pytest.raises(ModelFileInvalid, match="A, B"):
        PYTHON.options(path, reading)
    path.write_text("class _Base:\n    def predict(self, rows): ...\nclass B(_Base): ...\n")
    assert PYTHON.options(path, reading) == {"class": "B"}


def test_a_folders_files_travel_without_hidden_ones_and_caches(tmp_path: Path) -> None:
    for name in (
        "model.py",
        "near/data.bin",
        ".git/config",
        "__pycache__/model.pyc",
        "requirements.txt",
        ".env",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(MODEL)
    assert list(PYTHON.files(tmp_path)) == ["model/model.py", "model/near/data.bin"]


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_text("mine")
    (folder / "model.py").write_text(MODEL)
    (folder / "data").symlink_to(tmp_path / "secret")
    with pytest.raises(ModelFileInvalid, match="leads out"):
        PYTHON.files(folder)


@pytest.mark.parametrize(
    ("options", "member", "first"),
    [
        ({"class": "Model"}, "model/other.py", b"x = 1"),
        ({"class": "Model"}, "model/model.py", b"\x80\x04K\x01."),
        ({"class": "Model"}, "model/model.py", b"x = 1\0"),
        ({"class": "Model; import os"}, "model/model.py", b"x = 1"),
        ({"class": "class"}, "model/model.py", b"x = 1"),
        ({"class": ""}, "model/model.py", b"x = 1"),
        ({"class": 1}, "model/model.py", b"x = 1"),
        ({"class": "Model", "file": "/etc/passwd"}, "model/model.py", b"x = 1"),
        ({}, "model/model.py", b"x = 1"),
    ],
)
def test_a_python_upload_is_checked(options: dict[str, Any], member: str, first: bytes) -> None:
    check(PYTHON, {"class": "Model"}, MODEL.encode(), "model/model.py")
    with pytest.raises(ModelFileInvalid):
        check(PYTHON, options, first, member)


def test_what_is_needed_follows_from_the_file() -> None:
    named_columns = imports.Reading(format="joblib", words=("feature_names_in_",), compression="lz4")
    assert SKLEARN.needs({"format": "joblib"}, named_columns) == (
        "sklearn",
        "numpy",
        "joblib",
        "lz4",
        "pandas",
    )
    assert SKLEARN.needs({"format": "pickle"}, imports.Reading(format="pickle")) == ("sklearn", "numpy")
    assert PYTHON.needs({}, imports.Reading(format="python")) == ()
    assert PYTHON.needs({}, imports.Reading(format="python", words=("frame",))) == ("numpy", "pandas")


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\x89PNG\r\n", b"class Model: pass\n"])
def test_what_no_flavor_knows_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.py"
    path.write_bytes(content)
    with pytest.raises(ModelFileInvalid):
        detect(path)


def test_a_flavor_by_name_must_still_fit(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(FITTED))
    assert detect(path, "sklearn") is SKLEARN
    with pytest.raises(ModelFileInvalid):
        detect(path, "python")
    with pytest.raises(Usage):
        detect(tmp_path / "nothing")
