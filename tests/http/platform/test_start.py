"""``konan up``: what it makes, whom it refuses, and that it ends without leftovers."""

import http.client
import signal
import socket
import threading
from typing import Any

import pytest
from tests.http.platform.load import Load
from tests.http.platform.server import Server, eventually


def test_it_serves_with_the_key_of_the_profile_only(running: Server) -> None:
    assert running.call("GET", "/healthz", key="")[0] == 200
    assert running.call("GET", "/readyz", key="")[0] == 200
    assert running.call("GET", "/v1/deployments", key="")[0] == 401
    assert running.call("GET", "/v1/deployments", key="kn_live_wrong")[0] == 401
    status, answer = running.call("GET", "/v1/deployments")
    assert status == 200
    assert [found["name"] for found in answer["deployments"]] == ["twice"]


def test_a_prediction_comes_from_the_worker(running: Server) -> None:
    status, answer = running.predict("twice", 21.0)
    assert status == 200
    assert answer["output"] == {"twice": 42.0}


def test_its_processes_are_told(running: Server) -> None:
    names = sorted(running.pids())
    assert names[:2] == ["control", "gateway-0"]
    assert names[-1].startswith("worker twice v1")


def test_everything_it_made_is_private(running: Server) -> None:
    assert running.data.stat().st_mode & 0o077 == 0
    profile = running.home / "profile.json"
    assert profile.stat().st_mode & 0o077 == 0
    assert running.home.stat().st_mode & 0o077 == 0
    logs = [path.stat().st_mode & 0o077 for path in (running.data / "logs").iterdir()]
    assert logs
    assert not any(logs)
    assert (running.data / "run" / "control.sock").stat().st_mode & 0o077 == 0


def test_a_second_one_on_the_same_data_is_refused_and_the_first_goes_on(running: Server) -> None:
    done = running.run("up", "--port", "0", "--data-dir", str(running.data))
    assert done.returncode == 5
    assert "already runs" in done.stderr
    done = running.run("up", "--port", "0", "--detach", "--data-dir", str(running.data))
    assert done.returncode == 5
    assert running.predict("twice", 1.0)[0] == 200


def test_another_on_the_same_port_is_refused(running: Server, server: Server) -> None:
    done = server.run("up", "--port", str(running.port), "--data-dir", str(server.data))
    assert done.returncode == 5
    assert str(running.port) in done.stderr


def test_an_address_of_the_network_is_refused(server: Server) -> None:
    done = server.run("up", "--host", "0.0.0.0", "--port", "0", "--data-dir", str(server.data))
    assert done.returncode == 2
    assert "loopback" in done.stderr


def test_a_data_directory_open_to_others_is_refused(server: Server) -> None:
    server.data.mkdir(mode=0o700)
    server.data.chmod(0o755)
    done = server.run("up", "--port", "0", "--data-dir", str(server.data))
    assert done.returncode == 4
    assert "chmod 700" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_the_next_start_keeps_key_and_deployments(server: Server, number: int) -> None:
    server.start()
    server.deploy("twice")
    key, port = server.profile["key"], server.port
    server.pids()
    assert server.end(number)[0] == 0
    server.gone()
    with pytest.raises(ConnectionRefusedError):
        server.call("GET", "/healthz")
    server.start(port=port)
    assert server.profile == {"url": f"http://127.0.0.1:{port}", "key": key}
    eventually(lambda: server.predict("twice", 1.0)[0] == 200, "the deployment is back")


def test_in_the_background_it_serves_until_down(server: Server) -> None:
    done = server.run("up", "--detach", "--port", "0", "--data-dir", str(server.data))
    assert done.returncode == 0, done.stderr
    assert server.call("GET", "/readyz", key="")[0] == 200
    _, system = server.call("GET", "/v1/system")
    server.seen.update(entry["pid"] for entry in system["processes"])
    done = server.run("down", "--data-dir", str(server.data))
    assert done.returncode == 0, done.stderr
    server.gone()
    assert server.run("down", "--data-dir", str(server.data)).returncode == 6


def test_stopping_under_load_fails_no_request_in_flight(server: Server) -> None:
    server.start()
    server.deploy("twice")
    server.pids()
    with Load(server, "twice", connections=8) as load:
        load.more(200)
        assert server.end(signal.SIGTERM)[0] == 0
    assert not load.refused
    assert not load.broken


def test_a_request_in_flight_is_answered_before_the_end(server: Server) -> None:
    server.start()
    server.deploy("twice")
    server.pids()
    answers: list[tuple[int, Any]] = []
    asking = threading.Thread(target=lambda: answers.append(server.predict("twice", -2.0)))
    asking.start()
    _until_in_flight(server)
    assert server.end(signal.SIGTERM)[0] == 0
    asking.join()
    assert [(status, answer["output"]) for status, answer in answers] == [(200, {"twice": -4.0})]


def test_a_second_signal_does_not_wait(server: Server) -> None:
    server.start()
    server.deploy("twice")
    server.pids()
    asked = socket.create_connection(("127.0.0.1", server.port))
    body = b'{"x": -25}'
    lines = [
        "POST /v1/deployments/twice/predict HTTP/1.1",
        f"Host: 127.0.0.1:{server.port}",
        f"Authorization: Bearer {server.profile['key']}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    asked.sendall("".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body)
    _until_in_flight(server)
    assert server.process is not None
    server.process.send_signal(signal.SIGTERM)
    log = server.data / "logs" / "supervisor.log"
    eventually(lambda: '"stopping"' in log.read_text(), "it says that it stops")
    assert server.end(signal.SIGTERM)[0] == 0
    assert asked.recv(1) == b""
    asked.close()


def _until_in_flight(server: Server) -> None:
    """Wait until the worker computes what was asked of it last: it answers nothing else meanwhile."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=0.3)
    headers = {"Authorization": f"Bearer {server.profile['key']}", "Content-Type": "application/json"}

    def is_busy() -> bool:
        try:
            connection.request("POST", "/v1/deployments/twice/predict", '{"x": 1}', headers)
            connection.getresponse().read()
        except TimeoutError:
            return True
        finally:
            connection.close()
        return False

    eventually(is_busy, "the worker is busy")
