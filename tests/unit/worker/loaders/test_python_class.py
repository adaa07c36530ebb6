import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from konan.worker.loaders import Unloadable, load

SOURCE = """
import scale

class Scaled:
    def load(self, path):
        with open(path + "/factor") as file:
            self.factor = float(file.read())
    def predict(self, rows):
        return [{"y": scale.times(row["x"], self.factor)} for row in rows]

class Framed:
    input = "frame"
    def predict(self, rows):
        return rows["x"] * 2

class Silent:
    pass
"""


@pytest.fixture(autouse=True)
def own_modules() -> Iterator[None]:
    before = list(sys.path)
    yield
    sys.path[:] = before
    sys.modules.pop("scale", None)


def spec(directory: Path, name: str, **options: str) -> dict[str, Any]:
    (directory / "model").mkdir(exist_ok=True)
    (directory / "model" / "main.py").write_text(SOURCE)
    (directory / "model" / "scale.py").write_text("def times(a, b):\n    return a * b\n")
    (directory / "model" / "factor").write_text("3")
    return {
        "loader": "python",
        "files": ["model/main.py", "model/scale.py", "model/factor"],
        "options": {"class": name, **options},
        "features": [["x", "number", "float64"]],
    }


@pytest.mark.parametrize("options", [{}, {"file": "main.py"}, {"file": "model/main.py"}])
def test_a_class_loads_its_files_and_imports_what_lies_beside_it(
    tmp_path: Path, options: dict[str, str]
) -> None:
    model = load(str(tmp_path), spec(tmp_path, "Scaled", **options))
    assert model.predict(2, struct.pack("2d", 1, 2), b"") == (b"", b'[{"y":3.0},{"y":6.0}]')
    assert model.describe()["kind"] == "other"


def test_a_class_may_ask_for_a_frame(tmp_path: Path) -> None:
    model = load(str(tmp_path), spec(tmp_path, "Framed"))
    assert json.loads(model.predict(1, struct.pack("d", 2), b"")[1]) == [4.0]


@pytest.mark.parametrize(
    ("name", "options"), [("Silent", {}), ("Missing", {}), ("scale", {}), ("Scaled", {"file": "other.py"})]
)
def test_what_is_no_model_is_refused(tmp_path: Path, name: str, options: dict[str, str]) -> None:
    with pytest.raises(Unloadable):
        load(str(tmp_path), spec(tmp_path, name, **options))
