"""A backup made under load, put back elsewhere, and everything that was acknowledged before is there."""

import json
import os
import random
import secrets
import signal
import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.http.platform.load import Load
from tests.http.platform.server import KONAN, Server, eventually

from konan.backup import members


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


def restored(archive: Path, root: Path, home: Path) -> Server:
    """A server on what a backup holds; its commands use another server's profile."""
    made = Server(root)
    made.home = home
    done = made.run("restore", str(archive), "--data-dir", str(made.data), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return made


def backed_up(server: Server, archive: Path) -> dict[str, Any]:
    done = server.run("backup", str(archive), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def content(server: Server, prediction: str) -> dict[str, Any]:
    status, found = server.call("GET", f"/v1/deployments/twice/predictions/{prediction}")
    assert status == 200, found
    return dict(found)


def truth(server: Server, prediction: str, value: object) -> None:
    body = {"prediction_id": prediction, "target": value}
    status, answer = server.call("POST", "/v1/deployments/twice/feedback", body)
    assert status in {200, 202}, answer


def keyed(server: Server, key: str) -> tuple[dict[str, str], bytes]:
    """An answer to a request with an Idempotency-Key, and its headers."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"Authorization": f"Bearer {server.profile['key']}", "Content-Type": "application/json"}
    connection.request(
        "POST", "/v1/deployments/twice/predict", '{"x": 4}', {**headers, "Idempotency-Key": key}
    )
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 200, body
    return dict(answer.getheaders()), body


def test_a_restored_server_has_all_that_was_acknowledged_before(source: Server, tmp_path: Path) -> None:
    _, kept_key = source.call("POST", "/v1/keys", {"name": "kept", "scopes": ["predict"]})
    _, revoked_key = source.call("POST", "/v1/keys", {"name": "revoked", "scopes": ["predict"]})
    assert source.call("DELETE", f"/v1/keys/{revoked_key['id']}")[0] == 200
    _, first_answer = keyed(source, "once")
    archive = tmp_path / "konan.tar"
    with Load(source, "twice") as load:
        load.more(1500)
        joined = load.acknowledged[::50]
        for prediction in joined:
            truth(source, prediction, {"twice": 1})
        deploying = threading.Thread(target=source.deploy, args=("twice",))
        deploying.start()
        before = list(load.acknowledged)
        told = backed_up(source, archive)
        load.more(100)
        deploying.join()
    assert not load.refused
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert told["bytes"] > 0
    wanted = {one: content(source, one) for one in joined}

    target = restored(archive, tmp_path, source.home)
    pids = source.pids()
    target_home = source.home
    os.kill(pids["supervisor"], signal.SIGTERM)
    source.end()
    source.gone()
    target.start()
    try:
        eventually(lambda: target.predict("twice", 2.0)[0] == 200, "the model runs again")
        logged = target.logged("twice")
        assert set(before) <= set(logged)
        assert len(set(logged)) == len(logged)
        assert {one: content(target, one) for one in joined} == wanted
        assert all(found["ground_truth"] == {"twice": 1} for found in wanted.values())
        assert target.call("POST", "/v1/deployments/twice/predict", {"x": 1}, kept_key["key"])[0] == 200
        assert target.call("POST", "/v1/deployments/twice/predict", {"x": 1}, revoked_key["key"])[0] == 401
        headers, again = keyed(target, "once")
        assert (headers["Idempotent-Replayed"], again) == ("true", first_answer)
        with Load(target, "twice") as load:  # rows behind those that were restored are kept too
            load.more(600)
        eventually(lambda: set(load.acknowledged) <= set(target.logged("twice")), "new rows are listed")
        count = {"query": 'SELECT count(*) AS n, count(DISTINCT id) AS m FROM "twice"'}
        status, answer = target.call("POST", "/v1/sql", count)
        assert status == 200
        assert answer["rows"][0][0] == answer["rows"][0][1] >= len(before) + 600
        assert target.run("journal", "verify", "--data-dir", str(target.data)).returncode == 0
    finally:
        target.stop()
        assert target_home == source.home
        source.start()
