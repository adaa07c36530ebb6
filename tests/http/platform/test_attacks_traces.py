"""What attacks and use leave behind: no open door, no secret, no file for others, no traceback."""

import re
import signal
import stat
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.http.platform.attacked import CANARY, Attacked

pytestmark = pytest.mark.slow

PLATFORM_LOGS = re.compile(r"(supervisor|control|gateway-\d+)\.log(\.1)?")
SHARED = re.compile(r"data/(environments|packages|worker|tools|pythons)(/|$)")
"""Code that workers of other users read lies below these; others are kept out by the directory above."""


def test_it_listens_in_one_place(attacked: Attacked) -> None:
    """Case 46: one port of loopback, no abstract socket."""
    listening: set[Any] = set()
    for process in attacked.processes():
        for connection in process.net_connections(kind="all"):
            if connection.status == psutil.CONN_LISTEN:
                listening.add(connection.laddr)
            assert not str(connection.laddr).startswith(("@", "\0"))
    assert listening == {("127.0.0.1", attacked.server.port)}


def test_nothing_is_for_other_users(attacked: Attacked) -> None:
    """Case 78."""
    data = attacked.server.data
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    found = [path for path in data.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o077]
    written_by_hand = data / "config.json"
    assert not [path for path in found if path != written_by_hand and not SHARED.search(str(path))]


@pytest.mark.parametrize("name", ["twice", "evil"])
def test_no_answer_holds_a_secret_or_a_path(attacked: Attacked, name: str) -> None:
    """Cases 56 and 88: everything that can be read, read by the owner; a backup has digests, but no key."""
    server = attacked.server
    _, document = server.call("GET", "/openapi.json")
    said = ""
    for path in [path for path, row in document["paths"].items() if "get" in row]:
        with attacked.client() as client:
            reply = client.ask("GET", re.sub(r"\{[a-z]+\}", "1", path.replace("{name}", name)))
        assert reply.status != 500
        if path == "/v1/backup":
            assert reply.status == 200
            assert not [key for key in attacked.keys.values() if key and key.encode() in reply.body]
        else:
            said += reply.body.decode()
    assert len(said) > 10_000
    for secret in (*secrets_of(attacked), str(server.data), str(server.home)):
        assert secret not in said


def test_no_secret_is_kept_or_shown(attacked: Attacked) -> None:
    """Case 89: files of the data directory but the owner's profile, command lines, workers' environments."""
    texts = [secret.encode() for secret in secrets_of(attacked) if not re.fullmatch("[0-9a-f]{64}", secret)]
    for path in attacked.server.data.rglob("*"):
        if path.is_file() and not path.is_symlink() and path != attacked.server.data / "profile.json":
            content = path.read_bytes()
            assert not [text for text in texts if text in content], path
    for process in attacked.processes():
        assert not [text for text in texts if text.decode() in " ".join(process.cmdline())]
    workers = [pid for name, pid in attacked.server.pids().items() if name.startswith("worker")]
    assert len(workers) >= 2
    for pid in workers:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        assert not [text for text in texts if text in environment]


def test_no_log_of_the_platform_holds_a_traceback(attacked: Attacked) -> None:
    logs = [path for path in (attacked.server.data / "logs").iterdir() if PLATFORM_LOGS.fullmatch(path.name)]
    assert len(logs) >= 2
    for path in logs:
        assert "Traceback" not in path.read_text(), path


def test_refused_uploads_leave_nothing(attacked: Attacked) -> None:
    _, listed = attacked.server.call("GET", "/v1/deployments")
    assert {found["name"] for found in listed["deployments"]} <= {"twice", "zoo", "evil"}
    uploads = attacked.server.data / "uploads"
    assert not uploads.exists() or not list(uploads.iterdir())


def test_it_stops_as_it_should(attacked: Attacked) -> None:
    attacked.well()
    attacked.server.pids()
    assert attacked.server.end(signal.SIGTERM)[0] == 0
    attacked.server.gone()


def secrets_of(attacked: Attacked) -> list[str]:
    """What must be found nowhere: keys, their digests, and a secret of the environment."""
    keys = [key for key in attacked.keys.values() if key]
    return [CANARY, *keys, *(sha256(key.encode()).hexdigest() for key in keys)]
