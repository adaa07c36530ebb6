"""``konan doctor`` tries the real things."""

import socket
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Konan, Script

from konan import profile
from konan.access import secret
from konan.cli import checks
from konan.cli.command import Session
from konan.config import Paths, Settings


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.mkdir(mode=0o700)
    return path


def test_every_check_is_named_once_and_gives_advice_when_it_fails(konan: Konan, root: Path) -> None:
    done = konan("doctor", "--data-dir", root, "--json")
    found = done.json["checks"]
    names = [check["name"] for check in found]
    assert names == [
        "python",
        "packages",
        "sandbox",
        "data directory",
        "disk space",
        "disk",
        "secret",
        "port",
        "server",
    ]
    assert done.json["ok"] == (done.code == 0)
    assert all(check["advice"] for check in found if check["state"] != "ok")


def test_a_secret_that_others_may_read_is_a_failure(root: Path) -> None:
    paths = Paths(root)
    assert checks.server_secret(paths).state == "ok"
    secret.load(paths.secret)
    assert checks.server_secret(paths).state == "ok"
    paths.secret.chmod(0o644)
    assert checks.server_secret(paths).state == "fail"


def test_the_sandbox_is_really_entered() -> None:
    found = checks.sandbox(unsafe=True)
    assert "level" in found.detail
    assert "limits" in found.detail


def test_a_directory_that_others_may_enter_fails(konan: Konan, root: Path) -> None:
    root.chmod(0o755)
    found = checks.directory(root)
    assert (found.state, found.advice) == ("fail", f"chmod 700 {root}")
    done = konan("doctor", "--data-dir", root)
    assert done.code == 1
    assert "fail  data directory" in done.out


def test_a_directory_that_is_not_there_yet_is_fine(tmp_path: Path) -> None:
    assert checks.directory(tmp_path / "a" / "b").state == "ok"
    assert checks.disk(tmp_path / "a" / "b").state in {"ok", "warn"}


def test_a_disk_in_memory_is_warned_of() -> None:
    shm = Path("/dev/shm")
    assert checks.disk(shm).state == "warn"
    assert "memory" in checks.disk(shm).detail


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Settings(port=taken.getsockname()[1])
        assert checks.port(Session(), settings).state == "warn"
    assert checks.port(Session(), Settings(port=0)).state == "ok"


def test_a_port_taken_by_our_own_server_is_fine(server: Script) -> None:
    profile.write(profile.Profile(url=server.url, key="kn_key"))
    assert checks.port(Session(), Settings(port=int(server.url.rpartition(":")[2]))).state == "ok"


@pytest.mark.parametrize(
    ("status", "content", "state"),
    [
        (200, {"version": "0.1.0", "started_at": "x"}, "ok"),
        (403, {"code": "not_allowed"}, "ok"),
        (401, {"code": "unauthenticated"}, "fail"),
        (500, {"code": "internal"}, "fail"),
    ],
)
def test_the_server_is_asked_with_the_key(server: Script, status: int, content: object, state: str) -> None:
    server.answer(content, status)
    assert checks.server(Session(url=server.url)).state == state


def test_no_server_is_a_warning_with_the_command_that_starts_one() -> None:
    found = checks.server(Session())
    assert found.state == "warn"
    assert "konan up" in found.advice
