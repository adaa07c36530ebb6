"""The examples run, and what they write can be packed."""

import importlib.util
import subprocess
import sys
from pathlib import Path

from konan.packaging import archive
from konan.packaging.pack import pack

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_the_scikit_learn_example(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "sklearn_model" / "train.py"), str(out)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert done.stdout.startswith("R2 on the holdout: 0.")
    upload = tmp_path / "upload.zip"
    pack(
        out / "model.joblib",
        upload,
        data=out / "train.csv",
        holdout=out / "holdout.csv",
        target="progression",
    )
    with archive.read(upload) as opened:
        assert opened.manifest.options == {"format": "joblib"}
        assert opened.first("data/data.csv").startswith(b"age,sex,bmi,bp,")


def test_the_python_class_example(tmp_path: Path) -> None:
    folder = EXAMPLES / "python_class"
    upload = tmp_path / "upload.zip"
    pack(folder, upload, data=folder / "orders.csv")
    with archive.read(upload) as opened:
        assert opened.manifest.requirements == ()
        assert [name for name, _ in opened.members()][:2] == ["model/model.py", "model/orders.csv"]
    spec = importlib.util.spec_from_file_location("example", folder / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.Model()
    model.load(str(folder))
    order = {"amount": 900.0, "country": "NO", "first_order": True}
    assert model.predict([order, order | {"amount": None}]) == [
        {"risk": 0.5744, "review": True},
        {"risk": 0.1824, "review": False},
    ]
