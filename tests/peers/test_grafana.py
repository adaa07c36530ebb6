"""Grafana's own models of a dashboard take ours, and lose nothing of it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import uv

from konan.infrastructure import grafana

pytestmark = [pytest.mark.peers, pytest.mark.timeout(600)]

NEEDED = ["grafana-foundation-sdk"]
HERE = Path(__file__).parent
READ = """
import json, sys
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
given = json.load(sys.stdin)
json.dump(json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(given))), sys.stdout)
"""


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter of an environment with them, made once and kept between runs."""
    folder = HERE / ".env-grafana"
    found, made = folder / "bin" / "python", folder / "made.json"
    if not made.exists() or json.loads(made.read_text()) != NEEDED:
        tool = uv.find_uv_bin()
        subprocess.run([tool, "venv", "-q", "--clear", "--python", sys.executable, str(folder)], check=True)
        subprocess.run([tool, "pip", "install", "-q", "--python", str(found), *NEEDED], check=True)
        made.write_text(json.dumps(NEEDED))
    return found


def kept(given: object, read: object) -> bool:
    """Whether all that was given is in what was read; more may be."""
    if isinstance(given, dict):
        return isinstance(read, dict) and all(kept(value, read.get(key)) for key, value in given.items())
    if isinstance(given, list):
        return isinstance(read, list) and len(read) == len(given) and all(map(kept, given, read))
    return given == read


def test_grafanas_models_take_the_dashboard(python: Path) -> None:
    board = grafana.dashboard()
    done = subprocess.run(
        [python, "-c", READ], input=json.dumps(board), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)
    for given, panel in zip(board["panels"], read["panels"], strict=True):
        assert kept({**given, "panels": given.get("panels")}, panel), given["title"]
    for part in ("uid", "title", "time", "templating", "schemaVersion", "refresh", "graphTooltip"):
        assert kept(board[part], read[part]), part
