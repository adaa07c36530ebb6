"""``kill -9`` of each process under load: what was acknowledged is in the log, and service comes back."""

import os
import random
import secrets
import signal
from collections.abc import Iterator

import pytest
from tests.http.platform.load import Load
from tests.http.platform.server import Server, eventually


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two deployments of the same model."""
    made = Server(tmp_path_factory.mktemp("kill"))
    made.start()
    try:
        made.deploy("twice")
        made.deploy("other")
        yield made
    finally:
        made.stop()


def assert_kept(load: Load, server: Server, deployment: str = "twice") -> None:
    """Every acknowledged prediction is in the log, and nothing is in it twice."""
    kept = server.logged(deployment)
    assert len(load.acknowledged) > 0
    assert len(set(load.acknowledged)) == len(load.acknowledged)
    assert set(load.acknowledged) <= set(kept)
    assert len(set(kept)) == len(kept)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def restarts(server: Server, name: str) -> int:
    """How often a process was started again."""
    _, system = server.call("GET", "/v1/system")
    found = [entry["restarts"] for entry in system["processes"] if entry["name"].startswith(name)]
    return found[0] if found else -1


def test_a_gateway(server: Server) -> None:
    with Load(server, "twice") as load:
        load.more()
        kill(server.pids()["gateway-0"])
        load.more()
    assert_kept(load, server)
    assert not set(load.refused) - {503}
    eventually(lambda: restarts(server, "gateway-0") == 1, "the restart is told")


def test_control_is_not_missed_by_predictions(server: Server) -> None:
    before = server.pids()["control"]
    with Load(server, "twice") as load:
        load.more()
        kill(before)
        eventually(lambda: server.call("GET", "/v1/deployments")[0] == 200, "control is back")
        load.more()
    assert not load.refused
    assert not load.broken
    assert_kept(load, server)
    after = server.pids()
    assert after["control"] != before
    assert server.worker("twice v1") == after[next(name for name in after if name.startswith("worker twice"))]
    server.deploy("third")
    assert server.predict("third", 3.0)[0] == 200


def test_a_worker_costs_its_own_calls_only(server: Server) -> None:
    worker = server.worker("twice v1")
    assert worker is not None
    with Load(server, "twice") as load, Load(server, "other") as others:
        load.more()
        others.more()
        kill(worker)
        load.more()
        others.more()
    assert not others.refused
    assert not others.broken
    assert not load.broken
    assert set(load.refused) <= {502, 503}
    assert_kept(load, server)
    assert_kept(others, server, "other")
    assert server.worker("twice v1") not in {worker, None}


def test_a_model_that_ends_its_worker_is_not_given_to_its_neighbours(server: Server) -> None:
    with Load(server, "other") as others:
        others.more()
        assert server.predict("twice", 13.0)[0] in {502, 503}
        eventually(lambda: server.predict("twice", 1.0)[0] == 200, "the worker is replaced")
        others.more()
    assert not others.refused
    assert not others.broken


def test_the_supervisor(server: Server) -> None:
    port = server.port
    with Load(server, "twice") as load:
        load.more()
        server.pids()
        assert server.process is not None
        kill(server.process.pid)
        server.end()
        server.gone()
        server.start(port=port)
        load.more()
    assert_kept(load, server)
    assert not set(load.refused) - {503}


def test_all_at_once(server: Server) -> None:
    port = server.port
    with Load(server, "twice") as load:
        load.more()
        for pid in server.pids().values():
            kill(pid)
        server.end()
        server.gone()
        server.start(port=port)
        load.more()
    assert_kept(load, server)
    assert server.call("GET", "/readyz", key="")[0] == 200


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_thirty_times_any(server: Server) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    dice, port = random.Random(seed), server.port
    with Load(server, "twice") as load:
        for _ in range(30):
            load.more(dice.randrange(1, 200))
            name, pid = dice.choice(sorted(server.pids().items()))
            kill(pid)
            if name == "supervisor":
                server.end()
                server.gone()
                server.start(port=port)
            eventually(lambda: server.call("GET", "/v1/system")[0] == 200, f"control is back after {name}")
    assert_kept(load, server)
