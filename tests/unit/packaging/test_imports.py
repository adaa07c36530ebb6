"""A model's file is read for what it names, and nothing of it ever happens."""

import json
import math
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from typing_extensions import override

from konan.errors import ModelFileInvalid
from konan.packaging.imports import Reading, read

ROWS = pd.DataFrame({"a": np.arange(60.0), "b": ["x", "y", "z"] * 20, "c": range(60)})
LABELS = ["no", "yes", "perhaps"] * 20


def fitted(last: Any) -> Pipeline:
    columns = ColumnTransformer([("b", OneHotEncoder(), ["b"]), ("n", StandardScaler(), ["a", "c"])])
    return make_pipeline(columns, last).fit(ROWS, LABELS)


@pytest.fixture(scope="module", params=["forest", "boosting"])
def model(request: pytest.FixtureRequest) -> Pipeline:
    if request.param == "forest":
        return fitted(RandomForestClassifier(5, random_state=0))
    return fitted(HistGradientBoostingClassifier(max_iter=5))


def assert_pipeline(reading: Reading) -> None:
    assert reading.complete
    assert "sklearn" in reading.roots
    assert "numpy" in reading.roots
    assert "sklearn.compose._column_transformer" in reading.modules
    assert set(reading.words) == {"feature_names_in_", "ColumnTransformer"}
    assert reading.sklearn.count(".") == 2


COMPRESSIONS: list[tuple[Any, str]] = [
    (0, ""),
    (3, "zlib"),
    (("zlib", 1), "zlib"),
    (("zlib", 9), "zlib"),
    (("gzip", 3), "gzip"),
    (("bz2", 3), "bz2"),
    (("xz", 3), "xz"),
    (("lzma", 3), "lzma"),
]


@pytest.mark.parametrize(("compress", "name"), COMPRESSIONS)
def test_joblib_in_every_compression(tmp_path: Path, model: Pipeline, compress: Any, name: str) -> None:
    path = tmp_path / "model.joblib"
    joblib.dump(model, path, compress=compress)
    reading = read(path)
    assert_pipeline(reading)
    assert (reading.format, reading.compression) == ("joblib", name)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickle_in_every_protocol(tmp_path: Path, model: Pipeline, protocol: int) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps(model, protocol=protocol))
    reading = read(path)
    assert_pipeline(reading)
    assert reading.format == "pickle"


def test_skops(tmp_path: Path, model: Pipeline) -> None:
    path = tmp_path / "model.skops"
    skops.io.dump(model, path)
    reading = read(path)
    assert_pipeline(reading)
    assert reading.format == "skops"


def test_cloudpickle_names_the_modules_of_functions_by_value(tmp_path: Path) -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    exec("import math, colorsys\ndef double(x):\n    return x * math.pi + colorsys.ONE_THIRD", space)
    double = space["double"]
    path = tmp_path / "model.pkl"
    path.write_bytes(cloudpickle.dumps(make_pipeline(FunctionTransformer(double), LinearRegression())))
    reading = read(path)
    assert reading.format == "cloudpickle"
    assert {"math", "colorsys"} <= set(reading.modules)
    assert "__main__" not in reading.modules


ARRAYS: list[Any] = [
    np.array([1, "a", None], dtype=object),
    np.array([[1, {"deep": np.array([2, "b"], dtype=object)}]], dtype=object),
    np.array(["abc", "de"]),
    np.zeros((3, 0)),
    np.zeros(5, dtype=[("a", "f4"), ("b", "O")]),
    np.zeros((3, 4), dtype=[("a", "f4"), ("b", "U7"), ("c", "i2", (2,))]),
    np.zeros(5, dtype="M8[s]"),
    np.zeros((2, 3), order="F"),
    np.array(4.0),
    np.zeros(3, dtype="c16"),
    np.zeros(3, dtype=">i4"),
    np.zeros(2, dtype="S3"),
    np.array([True]),
    np.float64(3),
    pd.DataFrame({"a": ["x"], "b": [1]}),
    np.frombuffer(b"cos\nsystem\n.", "u1"),
]


@pytest.mark.parametrize("number", range(len(ARRAYS)))
@pytest.mark.parametrize("compress", [0, 3])
def test_the_bytes_of_arrays_are_passed_over(tmp_path: Path, number: int, compress: int) -> None:
    path = tmp_path / "model.joblib"
    joblib.dump([ARRAYS[number], math.sin], path, compress=compress)  # math stands behind the array
    reading = read(path)
    assert reading.complete
    assert "math" in reading.modules
    assert "os" not in reading.roots


class Payload:
    """Calls something when it is unpickled."""

    def __init__(self, call: Callable[..., Any], *arguments: Any) -> None:
        self.call, self.arguments = call, arguments

    @override
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call, self.arguments


def hostile(canary: Path) -> dict[str, bytes]:
    touch = f"touch {canary}"
    code = f"open({str(canary)!r}, 'w')"
    return {
        "os.system": pickle.dumps(Payload(os.system, touch)),
        "eval": pickle.dumps(Payload(eval, code)),
        "exec": pickle.dumps(Payload(exec, code)),
        "popen": pickle.dumps(Payload(subprocess.Popen, ["touch", str(canary)])),
        "open": pickle.dumps(Payload(open, str(canary), "w")),
        "protocol 2": pickle.dumps(Payload(os.system, touch), protocol=2),
        "global": b"\x80\x02cos\nsystem\n(U%c%stR." % (len(touch), touch.encode()),
        "inst": b"\x80\x02(S'%s'\nios\nsystem\n." % touch.encode(),
        "obj": b"\x80\x02(cos\nsystem\nS'%s'\no." % touch.encode(),
        "import": b"\x80\x02c__main__\nnothing_of_this_name\n)R.",
        "functions": pickle.dumps([os.system, eval]),
        "build": b"\x80\x04ctypes\nSimpleNamespace\n)R}X\x03\x00\x00\x00aaacos\nsystem\nsb.",
        "persistent": b"\x80\x04X\x03\x00\x00\x00abcQ.",
        "extension": b"\x80\x04\x82\x01.",
        "wrapper": b"\x80\x04cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}X\x05\x00\x00\x00shape"
        b"J\xff\xff\xff\x7f\x85X\x05\x00\x00\x00dtypecnumpy\ndtype\nX\x02\x00\x00\x00f8\x85Rubcos\nsystem\n.",
    }


@pytest.mark.parametrize("name", sorted(hostile(Path("x"))))
@pytest.mark.parametrize("cut", [False, True])
def test_nothing_of_a_hostile_pickle_happens(tmp_path: Path, name: str, *, cut: bool) -> None:
    canary = tmp_path / "canary"
    content = hostile(canary)[name]
    path = tmp_path / "model.pkl"
    path.write_bytes(content[:-1] if cut else content)
    before = set(sys.modules)
    reading = read(path)
    assert not canary.exists()
    assert set(sys.modules) == before
    if cut or name == "wrapper":
        assert not reading.complete


def test_what_a_hostile_pickle_names_is_told(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(b"garbage".join([pickle.dumps(Payload(os.system, "true"))[:-1], b""]))
    reading = read(path)
    assert reading.modules == ("posix",)
    assert not reading.complete


ODD = {
    "stack underflow": b"\x80\x04R.",
    "no mark": b"\x80\x04t.",
    "no memory": b"\x80\x04h\x07.",
    "endless text": b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.",
    "endless bytes": b"\x80\x04B\xff\xff\xff\xffabc",
    "endless line": b"\x80\x04c" + b"x" * 100_000,
    "unknown opcode": b"\x80\x04\xfe.",
    "deep tuples as keys": b"\x80\x04}N" + b"\x85" * 200_000 + b"Ns.",
    "deep marks": b"\x80\x04" + b"(" * 200_000 + b".",
    "doubling": b"\x80\x04N" + b"2\x86" * 10_000 + b".",
    "huge number": b"\x80\x02I" + b"9" * 100_000 + b"\n.",
    "stack global of numbers": b"\x80\x04K\x01K\x02\x93.",
    "nothing": b"\x80\x04",
    "pop a mark": b"\x80\x04(0N.",
}


@pytest.mark.parametrize("name", ODD)
def test_odd_pickles_end(tmp_path: Path, name: str) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(ODD[name])
    assert isinstance(read(path), Reading)


@given(st.binary(max_size=200))
def test_any_opcodes_end(tmp_path_factory: pytest.TempPathFactory, opcodes: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "model.pkl"
    path.write_bytes(b"\x80\x04" + opcodes)
    before = set(sys.modules)
    read(path)
    assert {name for name in set(sys.modules) - before if not name.startswith("encodings")} == set()


@pytest.mark.parametrize(
    "head", [b"x\x9c", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\x00", b"\x5d\x00\x00\x80\x00"]
)
def test_a_damaged_compression_is_read_as_far_as_it_goes(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "model.joblib"
    path.write_bytes(head + b"\xff" * 100)
    assert not read(path).complete


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\x89PNG", b"(dp0\n."])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.joblib"
    path.write_bytes(content)
    with pytest.raises(ModelFileInvalid):
        read(path)


@pytest.mark.parametrize("schema", [None, b"[]", b"{}", b"{", b'{"a":' * 100_000, b"\xff"])
def test_a_zip_that_is_not_skops_is_refused(tmp_path: Path, schema: bytes | None) -> None:
    path = tmp_path / "model.skops"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("other.txt" if schema is None else "schema.json", schema or b"")
    with pytest.raises(ModelFileInvalid):
        read(path)


def test_python_files_name_what_they_import(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(
        "import numpy as np, os.path\nfrom sklearn.svm import SVC\nfrom . import near\nimport features\n"
        'class Model:\n    input = "frame"\n    def predict(self, rows):\n        import scipy.stats\n'
    )
    (tmp_path / "features.py").write_text("import pandas\n")
    (tmp_path / "near.py").write_text("")
    reading = read(tmp_path)
    assert reading.modules == ("numpy", "os.path", "pandas", "scipy.stats", "sklearn.svm")
    assert reading.words == ("frame",)


@pytest.mark.parametrize("source", ["def", "x = '\0'", "(" * 10_000])
def test_files_that_are_not_python_are_refused(tmp_path: Path, source: str) -> None:
    path = tmp_path / "model.py"
    path.write_text(source)
    with pytest.raises(ModelFileInvalid):
        read(path)


def run(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "konan.packaging.imports", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_module_is_a_program(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps([os.system]))
    done = run(path)
    assert done.returncode == 0
    assert json.loads(done.stdout)["modules"] == ["posix"]
    path.write_bytes(b"nothing")
    assert run(path).returncode == 1
