"""Several gateways are one server: what one knows all know, and the end of one is not the end of all."""

import os
import signal
from collections.abc import Iterator

import pytest
from tests.http.platform.load import Load
from tests.http.platform.server import Server, eventually


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two gateways and two workers of its deployment."""
    made = Server(tmp_path_factory.mktemp("gateways"))
    made.configure(gateways=2, replicas=2)
    made.start()
    try:
        made.deploy("twice")
        yield made
    finally:
        made.stop()


def test_all_of_them_run_and_all_workers(two: Server) -> None:
    names = sorted(name.partition(" #")[0] for name in two.pids())
    assert names == ["control", "gateway-0", "gateway-1", "supervisor", "worker twice v1", "worker twice v1"]


def test_a_key_is_good_on_all_at_once_and_then_on_none(two: Server) -> None:
    for _ in range(5):
        status, made = two.call("POST", "/v1/keys", {"name": "for a while", "scopes": ["predict"]})
        assert status == 201
        row = {"x": 1.0}
        path = "/v1/deployments/twice/predict"
        assert {two.call("POST", path, row, key=made["key"])[0] for _ in range(10)} == {200}
        assert two.call("DELETE", f"/v1/keys/{made['id']}")[0] == 200
        assert {two.call("POST", path, row, key=made["key"])[0] for _ in range(10)} == {401}


def test_the_end_of_one_leaves_the_other_serving(two: Server) -> None:
    before = two.pids()
    with Load(two, "twice") as load:
        load.more()
        os.kill(before["gateway-1"], signal.SIGKILL)
        load.more()
        eventually(lambda: two.pids().get("gateway-1") not in {None, before["gateway-1"]}, "it is back")
        load.more()
    assert not set(load.refused) - {503}
    journals = sorted(path.name for path in (two.data / "journal").iterdir() if path.is_dir())
    assert journals == ["0", "1", "truth"]
