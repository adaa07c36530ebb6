"""A backup made under load, put back elsewhere, and everything that was acknowledged before is there."""

import http.client
import io
import json
import os
import random
import secrets
import signal
import stat
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.http.platform.load import Load
from tests.http.platform.server import KONAN, Server, alive, eventually

from konan.backup import reading
from konan.errors import Invalid


@dataclass(frozen=True)
class Backup:
    """A backup that was made under load, and what was known before it began."""

    archive: Path
    home: Path
    told: dict[str, Any]
    before: list[str]
    wanted: dict[str, Any]
    kept_key: str
    revoked_key: str
    answer: bytes


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose rows go into tables soon and whose segments are small, so that much moves."""
    made = Server(tmp_path_factory.mktemp("source"))
    made.configure(flush_rows=200, flush_seconds=2, segment_bytes=262_144)
    made.start()
    try:
        made.deploy("twice")
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def backup(source: Server, tmp_path_factory: pytest.TempPathFactory) -> Backup:
    """A backup while predictions, truths and a deploy come in."""
    kept, revoked = new_key(source), new_key(source)
    assert source.call("DELETE", f"/v1/keys/{revoked['id']}")[0] == 200
    _, answer = keyed(source)
    archive = tmp_path_factory.mktemp("archive") / "konan.tar"
    with Load(source, "twice") as load:
        load.more(1500)
        joined = load.acknowledged[::50]
        for prediction in joined:
            truth(source, prediction)
        deploying = threading.Thread(target=source.deploy, args=("twice",))
        deploying.start()
        before = list(load.acknowledged)
        told = backed_up(source, archive)
        load.more(100)
        deploying.join()
    assert not load.refused
    wanted = {one: content(source, one) for one in joined}
    return Backup(archive, source.home, told, before, wanted, kept["key"], revoked["key"], answer)


@pytest.fixture(scope="module")
def target(backup: Backup, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on what the backup holds."""
    made = Server(tmp_path_factory.mktemp("target"))
    assert restore(made, backup.archive).returncode == 0
    made.start()
    try:
        eventually(lambda: made.predict("twice", 2.0)[0] == 200, "the model runs again")
        yield made
    finally:
        made.stop()


def restore(server: Server, archive: Path) -> "subprocess.CompletedProcess[str]":
    return server.run("restore", str(archive), "--data-dir", str(server.data), "--json")


def backed_up(server: Server, archive: Path) -> dict[str, Any]:
    done = server.run("backup", str(archive), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def new_key(server: Server) -> dict[str, str]:
    status, made = server.call("POST", "/v1/keys", {"name": "some", "scopes": ["predict"]})
    assert status == 201
    return dict(made)


def content(server: Server, prediction: str) -> dict[str, Any]:
    status, found = server.call("GET", f"/v1/deployments/twice/predictions/{prediction}")
    assert status == 200, found
    return dict(found)


def truth(server: Server, prediction: str) -> None:
    body = {"prediction_id": prediction, "target": {"twice": 1}}
    assert server.call("POST", "/v1/deployments/twice/feedback", body)[0] == 200


def keyed(server: Server, key: str | None = None) -> tuple[str | None, bytes]:
    """Whether an answer to a request with an Idempotency-Key was replayed, and its body."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Authorization": f"Bearer {key or server.profile['key']}", "Content-Type": "application/json"}
    connection.request(
        "POST", "/v1/deployments/twice/predict", '{"x": 4}', {**headers, "Idempotency-Key": "once"}
    )
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 200, body
    return answer.getheader("Idempotent-Replayed"), body


def test_the_file_is_private_and_whole(backup: Backup, source: Server) -> None:
    assert stat.S_IMODE(backup.archive.stat().st_mode) == 0o600
    assert source.run("backup", "--verify", str(backup.archive)).returncode == 0
    assert backup.told["bytes"] < backup.archive.stat().st_size
    assert list(backup.archive.parent.iterdir()) == [backup.archive]
    assert not (source.data / "run" / "backup").exists()


def test_every_prediction_that_was_acknowledged_before_is_there(backup: Backup, target: Server) -> None:
    logged = target.logged("twice")
    assert set(backup.before) <= set(logged)
    assert len(set(logged)) == len(logged)


def test_contents_and_truths_are_equal(backup: Backup, target: Server) -> None:
    assert {one: content(target, one) for one in backup.wanted} == backup.wanted
    assert all(found["ground_truth"] == {"twice": 1} for found in backup.wanted.values())


def test_keys_are_as_they_were(backup: Backup, target: Server) -> None:
    path = "/v1/deployments/twice/predict"
    assert target.call("POST", path, {"x": 1}, backup.kept_key)[0] == 200
    assert target.call("POST", path, {"x": 1}, backup.revoked_key)[0] == 401


def test_answers_are_replayed(backup: Backup, target: Server) -> None:
    owner = json.loads((backup.home / "profile.json").read_text())["key"]
    assert keyed(target, owner) == ("true", backup.answer)


def test_what_comes_after_it_is_kept_once(backup: Backup, target: Server) -> None:
    with Load(target, "twice") as load:
        load.more(600)
    assert set(load.acknowledged) <= set(target.logged("twice"))
    query = {"query": 'SELECT count(*), count(DISTINCT id) FROM "twice"'}
    status, answer = target.call("POST", "/v1/sql", query)
    assert status == 200
    ((rows, ids),) = answer["rows"]
    assert rows == ids >= len(backup.before) + 600


def test_its_journals_are_good(target: Server) -> None:
    assert target.run("journal", "verify", "--data-dir", str(target.data)).returncode == 0


def test_a_new_version_can_be_deployed_on_it(target: Server) -> None:
    target.deploy("twice")
    assert target.predict("twice", 3.0)[0] == 200


def test_a_directory_in_use_or_not_empty_is_refused(backup: Backup, target: Server, tmp_path: Path) -> None:
    assert "runs on this data directory" in restore(target, backup.archive).stdout
    other = Server(tmp_path)
    other.data.mkdir()
    (other.data / "mine.txt").write_text("mine")
    done = restore(other, backup.archive)
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (5, "conflict")
    assert [path.name for path in other.data.iterdir()] == ["mine.txt"]


def test_every_flipped_bit_and_every_cut_is_found(backup: Backup) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    dice, data = random.Random(seed), bytearray(backup.archive.read_bytes())
    for _ in range(60):
        place, bit = dice.randrange(len(data)), 1 << dice.randrange(8)
        data[place] ^= bit
        with pytest.raises(Invalid) as found:
            reading.read(io.BytesIO(data))
        assert found.value.message
        data[place] ^= bit
    for _ in range(30):
        with pytest.raises(Invalid):
            reading.read(io.BytesIO(data[: dice.randrange(len(data))]))
    assert reading.read(io.BytesIO(data)).files == backup.told["files"]


def test_a_damaged_backup_is_named_and_nothing_is_put_in_place(backup: Backup, tmp_path: Path) -> None:
    data = bytearray(backup.archive.read_bytes())
    data[data.index(b'{"table":"keys"')] ^= 1
    broken = tmp_path / "broken.tar"
    broken.write_bytes(data)
    server = Server(tmp_path)
    done = restore(server, broken)
    assert done.returncode == 2
    assert "metadata.jsonl" in json.loads(done.stdout)["error"]["message"]
    assert not server.data.exists()
    assert server.run("backup", "--verify", str(broken)).returncode == 2


def test_a_restore_that_is_killed_leaves_nothing_to_start_on(backup: Backup, tmp_path: Path) -> None:
    server = Server(tmp_path)
    data = backup.archive.read_bytes()
    words = [str(KONAN), "restore", "-", "--data-dir", str(server.data)]
    running = subprocess.Popen(words, stdin=subprocess.PIPE, env=server.environment)
    assert running.stdin is not None
    running.stdin.write(data[: len(data) // 2])
    running.stdin.flush()
    place = tmp_path / ".data.restoring" / "data"
    eventually(lambda: any(place.rglob("*.parquet")) or any(place.rglob("blobs/*/*")), "files are laid out")
    running.kill()
    running.wait()
    running.stdin.close()
    assert not server.data.exists()
    assert restore(server, backup.archive).returncode == 0
    assert not (tmp_path / ".data.restoring").exists()


class Slow:
    """A client that has begun to read a backup and reads on when it is told."""

    def __init__(self, server: Server) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        headers = {"Authorization": f"Bearer {server.profile['key']}"}
        self._connection.request("GET", "/v1/backup", headers=headers)
        self.answer = self._connection.getresponse()
        assert self.answer.status == 200
        self.first = self.answer.read(65536)

    def close(self) -> None:
        self.answer.close()
        self._connection.close()


@pytest.fixture(scope="module")
def large(source: Server) -> Server:
    """The server, with so much that a backup does not fit into pipes and sockets."""
    for number in range(12):
        (source.data / f"ballast-{number}").write_bytes(random.Random(number).randbytes(8 * 1024 * 1024))
    return source


def test_one_backup_at_a_time_and_one_that_nobody_reads_ends(large: Server, tmp_path: Path) -> None:
    slow = Slow(large)
    done = large.run("backup", str(tmp_path / "second.tar"), "--json")
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (5, "conflict")
    assert list(tmp_path.iterdir()) == []
    slow.close()
    eventually(lambda: not (large.data / "run" / "backup").exists(), "it has cleared up")
    backed_up(large, tmp_path / "third.tar")


def test_control_may_be_killed_in_the_middle(large: Server, tmp_path: Path) -> None:
    slow = Slow(large)
    with Load(large, "twice") as load:
        os.kill(large.pids()["control"], signal.SIGKILL)
        with pytest.raises((http.client.HTTPException, OSError)):
            slow.answer.read()
        slow.close()
        load.more()
    assert not load.refused
    eventually(lambda: large.call("GET", "/v1/system")[0] == 200, "control is back")
    eventually(lambda: not (large.data / "run" / "backup").exists(), "nothing is left")
    assert backed_up(large, tmp_path / "konan.tar")["files"] > 12


def test_a_full_disk_or_a_lost_server_leaves_no_file(large: Server, tmp_path: Path) -> None:
    limited = f"ulimit -f 20000; exec {KONAN} backup {tmp_path / 'konan.tar'} --json"
    done = subprocess.run(
        ["bash", "-c", limited], env=large.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "storage_full"
    assert list(tmp_path.iterdir()) == []
    assert alive(large.pids()["control"])
