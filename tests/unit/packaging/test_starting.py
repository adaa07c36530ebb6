"""Where the output of a model goes while it is tried."""

import os
import time
from pathlib import Path

from konan.packaging.starting import piped


def test_a_log_says_what_the_model_is_asked_and_keeps_only_so_much(tmp_path: Path) -> None:
    path = tmp_path / "v.log"
    path.write_text("before\n")
    with piped(path, 40, "Konan tries the model.") as log:
        os.write(log, b"x" * 100)
    deadline = time.monotonic() + 10
    expected = "before\n--- Konan tries the model.\n"
    while len(path.read_text()) < len("before\n") + 40:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert path.read_text() == expected + "x" * (40 - len(expected) + len("before\n"))
