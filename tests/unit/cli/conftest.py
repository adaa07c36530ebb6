"""Runs the command in this process, or in one of its own where that is what is tested."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.unit.client.conftest import Asked, Script, no_environment, server

from konan.cli.main import run

__all__ = ["Asked", "Script", "no_environment", "server"]


@dataclass(frozen=True)
class Ran:
    """What a command gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


Konan = Callable[..., Ran]


@pytest.fixture
def konan(capsys: pytest.CaptureFixture[str]) -> Konan:
    def call(*words: str | Path) -> Ran:
        code = run([str(word) for word in words])
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return call


@pytest.fixture
def process(tmp_path: Path) -> Konan:
    def call(*words: str, code: str = "from konan.cli.main import main; main()") -> Ran:
        done = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=tmp_path, check=False
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return call
