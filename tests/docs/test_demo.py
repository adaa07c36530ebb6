"""``konan demo``, whole: on real data, in a home of its own, with nothing left running."""

import json
from pathlib import Path

import jsonschema_rs
import pytest
from tests.http.platform.server import Server

SCHEMA = Path(__file__).parents[2] / "docs" / "contract" / "cli" / "demo.schema.json"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_main_job_is_done_on_real_data(tmp_path: Path) -> None:
    server = Server(tmp_path)
    done = server.run("demo", "--json", "--data-dir", str(tmp_path / "demo"))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    jsonschema_rs.validate(json.loads(SCHEMA.read_text()), told)
    assert (told["deployment"], told["version"], told["golden"]) == ("bikes", 1, "reproduced")
    assert set(told["faults"]) == {"/hour", "/humidity", "/colour"}
    assert told["logged"] == told["predictions"] == 6
    assert told["value"] > 0
    drift = told["drift"]
    assert (drift["before"], drift["after"], drift["alarm"]) == ("stable", "drift", "firing")
    assert "features.season" in drift["guilty"]
    assert drift["alarm_evidence"] > 4.5
    performance = told["performance"]
    assert (performance["labelled"], performance["rows"]) == (2282, 2288)
    assert performance["low"] < performance["mae"] < performance["high"]
    assert sorted(performance["months"]) == [f"2012-{month:02}" for month in range(1, 13)]
    assert "├" in done.stderr
    assert "is live" in done.stderr
    report = Path(told["report"])
    assert report == tmp_path / "demo" / "bikes-report.html"
    assert "season" in report.read_text()
    assert not (server.home / "profile.json").exists()
    down = server.run("down", "--data-dir", str(tmp_path / "demo" / "data"))
    assert down.returncode == 6


def test_a_server_that_runs_has_its_own_data_directory(tmp_path: Path) -> None:
    done = Server(tmp_path).run("demo", "--use-running", "--data-dir", str(tmp_path / "demo"))
    assert done.returncode == 2


def test_the_demo_needs_a_server_when_told_to_use_one(tmp_path: Path) -> None:
    done = Server(tmp_path).run("demo", "--use-running")
    assert done.returncode == 6
    assert "konan up" in done.stderr
