"""MLflow itself loads a package, without Konan installed."""

import json
import pickle
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
import uv
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from konan.packaging.mlmodel import Contents, texts
from konan.records.schema import Feature, Output, Schema

pytestmark = [pytest.mark.peers, pytest.mark.timeout(900)]

HERE = Path(__file__).parent
NEEDED = [
    "mlflow-skinny==3.17.2",
    *(
        f"{name}=={version(name)}"
        for name in ("scikit-learn", "pandas", "joblib", "cloudpickle", "skops", "numpy")
    ),
]
ROWS = pd.DataFrame({"a": np.arange(30.0) + 0.5, "b": ["x", "y", "z"] * 10, "n": range(30)})
LABELS = ["no", "no", "yes"] * 10
SCHEMA = Schema(
    features=(
        Feature(name="a", type="number"),
        Feature(name="b", type="string", dtype="object"),
        Feature(name="n", type="integer", dtype="int64"),
    ),
    output=Output(kind="classifier", classes=("no", "yes"), probabilities=True),
)
SCRIPT = """
import json, sys, warnings
warnings.simplefilter("ignore")
import mlflow, pandas as pd
rows = pd.read_json(sys.argv[1], orient="records")
found = {}
for path in sys.argv[2:]:
    answer = mlflow.pyfunc.load_model(path).predict(rows)
    found[path] = answer.tolist() if hasattr(answer, "tolist") else list(answer)
try:
    mlflow.pyfunc.load_model(sys.argv[2]).predict(rows.drop(columns="a"))
except mlflow.MlflowException as error:
    found["missing"] = str(error)
found["konan"] = "konan" in sys.modules
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def mlflow() -> Path:
    """The interpreter of an environment with MLflow, made once and kept between runs."""
    folder = HERE / ".env-mlflow"
    python, made = folder / "bin" / "python", folder / "made.json"
    if not made.exists() or json.loads(made.read_text()) != NEEDED:
        tool = uv.find_uv_bin()
        subprocess.run([tool, "venv", "-q", "--clear", "--python", sys.executable, str(folder)], check=True)
        subprocess.run([tool, "pip", "install", "-q", "--python", str(python), *NEEDED], check=True)
        made.write_text(json.dumps(NEEDED))
    return python


def package(folder: Path, model: Path, loader: str, options: dict[str, Any]) -> None:
    lock = f"scikit-learn=={version('scikit-learn')} \\\n    --hash=sha256:00\n"
    contents = Contents(
        uuid="01938e1e-0000-7000-8000-000000000001",
        created_at="2026-11-23T18:00:00.000000Z",
        flavor=loader,
        loader=loader,
        options=options,
        model=(str(model.relative_to(folder)),),
        schema=SCHEMA,
        lock=lock,
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        provenance={},
        files=(),
    )
    for name, text in texts(contents).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(text)


def packages(root: Path) -> dict[str, Path]:
    columns = ColumnTransformer([("b", OneHotEncoder(), ["b"]), ("n", StandardScaler(), ["a", "n"])])
    model = make_pipeline(columns, LogisticRegression()).fit(ROWS, LABELS)
    files = {
        name: root / name / "model" / "model.bin" for name in ("joblib", "pickle", "cloudpickle", "skops")
    }
    for file in files.values():
        file.parent.mkdir(parents=True)
    joblib.dump(model, files["joblib"], compress=3)
    files["pickle"].write_bytes(pickle.dumps(model))
    files["cloudpickle"].write_bytes(cloudpickle.dumps(model))
    skops.io.dump(model, files["skops"])
    for name, file in files.items():
        package(root / name, file, "sklearn", {"format": name})
    source = root / "python" / "model" / "model.py"
    source.parent.mkdir(parents=True)
    source.write_text(
        "class Model:\n"
        "    def load(self, path): self.word = open(path + '/word.txt').read()\n"
        "    def predict(self, rows): return [self.word if row['n'] > 10 else None for row in rows]\n"
    )
    (source.parent / "word.txt").write_text("many")
    package(root / "python", source, "python", {"class": "Model"})
    return {name: root / name for name in (*files, "python")}


def test_mlflow_loads_every_kind_of_package(tmp_path: Path, mlflow: Path) -> None:
    made = packages(tmp_path)
    rows = tmp_path / "rows.json"
    ROWS.to_json(rows, orient="records")
    command = [str(mlflow), "-I", "-c", SCRIPT, str(rows), *map(str, made.values())]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    for name in ("joblib", "pickle", "cloudpickle", "skops"):
        assert found[str(made[name])] == LABELS
    assert found[str(made["python"])] == [None] * 11 + ["many"] * 19
    assert "missing" in found["missing"]
    assert found["konan"] is False
