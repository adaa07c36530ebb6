"""What stands on disk is served at once by the next start: before control, without it, and never wrongly."""

import json
import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.http.platform.server import Server, eventually


@pytest.fixture
def killed(server: Server) -> Server:
    """A server with a deployment, whose supervisor was killed."""
    server.start()
    server.deploy("twice")
    kill(server)
    return server


@pytest.fixture
def other(tmp_path: Path, server: Server) -> Iterator[Server]:
    """A server with another data directory and the same user."""
    root = tmp_path / "other"
    root.mkdir()
    made = Server(root)
    made.home = server.home
    yield made
    made.stop()


def kill(server: Server) -> None:
    """End everything at once, as a power cut does."""
    os.kill(server.pids()["supervisor"], signal.SIGKILL)
    server.end()
    server.gone()


def test_predictions_are_served_when_control_cannot_start(killed: Server) -> None:
    database = killed.data / "konan.db"
    good = database.read_bytes()
    database.write_bytes(b"this is no database" * 300)
    key = killed.profile["key"]
    killed.start()
    assert killed.profile["key"] == key
    assert killed.call("GET", "/readyz", key="")[0] == 200
    assert killed.predict("twice", 21.0)[1]["output"] == {"twice": 42.0}
    done = killed.run("status")
    assert done.returncode == 6
    assert "database is damaged" in done.stderr
    for known, told in ((None, True), ("kn_live_wrong", False)):
        status, answer = killed.call("GET", "/v1/deployments", key=known)
        assert status == 503
        assert ("damaged" in answer.get("hint", "")) is told
    (killed.data / "konan.db-journal").unlink(missing_ok=True)
    database.write_bytes(good)
    eventually(lambda: killed.call("GET", "/v1/system")[0] == 200, "control is back")
    killed.pids()
    said = killed.end(signal.SIGTERM)
    assert said[0] == 0
    assert "control plane does not start" in said[1]
    assert "database is damaged" in said[1]
    killed.gone()


def test_a_first_start_without_a_good_database_fails_with_the_reason(server: Server) -> None:
    server.data.mkdir(mode=0o700)
    (server.data / "konan.db").write_bytes(b"this is no database" * 300)
    done = server.run("up", "--port", "0", "--data-dir", str(server.data))
    assert done.returncode == 6
    assert "database is damaged" in done.stderr
    assert not (server.home / "profile.json").exists()


@pytest.mark.parametrize("name", ["routes.json", "workers.json"])
@pytest.mark.parametrize("text", ["", "{", "{}", "gone"])
def test_a_file_that_cannot_be_read_costs_only_time(killed: Server, name: str, text: str) -> None:
    file = killed.data / "run" / name
    if text == "gone":
        file.unlink()
    else:
        file.write_text(text)
    killed.start()
    assert killed.predict("twice", 1.0)[1]["output"] == {"twice": 2.0}
    eventually(lambda: len(file.read_text()) > 10, "it is written anew")


def test_files_of_a_worker_that_are_gone_are_laid_out_again(killed: Server) -> None:
    for package in (killed.data / "packages").iterdir():
        package.rename(package.with_name("elsewhere"))
    killed.start()
    eventually(lambda: killed.predict("twice", 1.0)[0] == 200, "the deployment is back")


def test_a_key_that_was_revoked_while_the_routes_were_kept_is_refused_again(killed: Server) -> None:
    database = sqlite3.connect(killed.data / "konan.db")
    database.execute("UPDATE keys SET revoked_at = '2026-01-01T00:00:00.000000Z'")
    database.commit()
    database.close()
    revoked = killed.profile["key"]
    killed.start()
    assert killed.profile["key"] != revoked
    status, _ = killed.call("POST", "/v1/deployments/twice/predict", {"x": 1.0}, key=revoked)
    assert status == 401
    assert killed.predict("twice", 1.0)[0] == 200


def test_a_second_server_leaves_the_profile_to_the_first(running: Server, other: Server) -> None:
    """`running` is shared by tests; its profile must be as it was."""
    other.home = running.home
    before = running.profile
    done = other.run("up", "--detach", "--json", "--port", "0", "--data-dir", str(other.data))
    try:
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        assert running.profile == before
        assert before["url"] in done.stderr
        assert f"KONAN_HOME={other.data}" in done.stderr
        assert answer["profile"] == str(other.data / "profile.json")
        assert json.loads((other.data / "profile.json").read_text())["url"] == answer["url"]
        other.home = other.data
        assert other.run("status").returncode == 0
    finally:
        assert other.run("down", "--data-dir", str(other.data)).returncode == 0


def test_the_profile_of_a_server_that_has_ended_is_taken_over(server: Server, other: Server) -> None:
    server.start()
    first = server.profile
    server.stop()
    other.start()
    assert other.profile["url"] != first["url"]
    other.stop()
    server.start()
    assert server.profile["key"] == first["key"]
    server.stop()
