"""What the owner of a model reads of an error: his own lines, and no place of the server."""

import struct
import sys
from pathlib import Path

import pytest
from typing_extensions import override

from konan.worker import traces
from konan.worker.loaders import OutputInvalid, load

SOURCE = """
import json

class Model:
    def predict(self, rows):
        return [self.one(row) for row in rows]

    def one(self, row):
        if row["x"] == 1:
            return json.loads("{")
        raise ValueError(__file__)
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.py").write_text(SOURCE)
    return tmp_path


def told(package: Path, x: float) -> str:
    options = {"loader": "python", "files": ["model/model.py"], "options": {"class": "Model"}}
    model = load(str(package), {**options, "features": [["x", "number", ""]]})
    with pytest.raises(ValueError, match=r".") as caught:
        model.predict(1, struct.pack("<d", x), b"")
    trace = caught.value.__traceback__
    assert trace is not None
    return traces.text_of(caught.value.with_traceback(trace.tb_next), str(package))


def test_it_starts_with_the_models_own_lines(package: Path) -> None:
    text = told(package, 2.0)
    assert text.startswith(
        'Traceback (most recent call last):\n  File "model/model.py", line 6, in predict\n'
    )
    assert text.endswith("ValueError: model/model.py\n")


def test_no_place_of_the_server_is_told(package: Path) -> None:
    text = told(package, 1.0)
    assert str(package) not in text
    assert sys.prefix not in text
    assert "konan" not in text
    assert "JSONDecodeError" in text


def test_an_error_of_the_worker_itself_is_a_sentence() -> None:
    text = traces.text_of(OutputInvalid("The answer is no JSON."), "/p")
    assert text.endswith("OutputInvalid: The answer is no JSON.\n")


def test_an_error_that_cannot_be_put_into_words_is_still_told() -> None:
    class Worse(Exception):
        @override
        def __str__(self) -> str:
            raise KeyError("no")

    assert "Worse" in traces.text_of(Worse(), "/p")


def test_of_a_private_version_no_message_is_told(package: Path) -> None:
    error = ValueError("cannot serve Anna")
    error.__cause__ = KeyError("Anna")
    text = traces.text_of(error, str(package), private=True)
    assert "Anna" not in text
    assert text.startswith("Traceback")
    assert "ValueError: (the message is not written" in text
