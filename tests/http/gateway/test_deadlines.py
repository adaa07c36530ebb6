"""Slow and silent clients are ended, and cost the others nothing (cases 27 to 29)."""

import contextlib
import socket
import threading

import pytest
from tests.http.gateway.raw import Client
from tests.http.gateway.rig import Rig, running, until

ROW = {"temp": 1.5, "hr": 2}
PATH = "/v1/deployments/bikes/predict"


def test_a_connection_without_a_request_is_closed(hasty: Rig) -> None:
    with hasty.client() as client:
        assert client.is_closed()


def test_a_kept_connection_without_a_further_request_is_closed(hasty: Rig) -> None:
    with hasty.client() as client:
        assert client.predict(ROW).status == 200
        assert client.is_closed()


@pytest.mark.parametrize("begun", [b"G", b"GET /healthz HTTP/1.1\r\n", b"GET /healthz HTTP/1.1\r\nHost: a\r"])
def test_a_head_that_does_not_end_is_refused(hasty: Rig, begun: bytes) -> None:
    with hasty.client() as client:
        client.send(begun)
        reply = client.read()
        assert (reply.status, reply.code) == (408, "request_timeout")
        assert client.is_closed()


def test_a_trickling_head_does_not_move_its_deadline(hasty: Rig) -> None:
    with hasty.client() as client:
        client.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
        client.socket.settimeout(0.05)
        for _ in range(400):
            client.send(b"X: a\r\n")
            try:
                assert client.socket.recv(1000).startswith(b"HTTP/1.1 408 ")
                break
            except TimeoutError:
                continue
        else:
            pytest.fail("the head was never refused")


@pytest.mark.parametrize("framing", [{"content_length": "100"}, {"transfer_encoding": "chunked"}])
def test_a_body_that_does_not_end_is_refused(hasty: Rig, framing: dict[str, str]) -> None:
    with hasty.client() as client:
        client.send(client.head("POST", PATH, content_type="application/json", **framing))
        reply = client.read()
        assert (reply.status, reply.code) == (408, "request_timeout")
        assert client.is_closed()


def test_a_body_that_was_asked_for_and_never_comes_is_refused(hasty: Rig) -> None:
    with hasty.client() as client:
        head = client.head(
            "POST", PATH, content_type="application/json", content_length="100", expect="100-continue"
        )
        client.send(head)
        assert client.read().status == 100
        assert client.read().status == 408


def test_a_client_that_does_not_read_is_cut(hasty: Rig) -> None:
    with Client(hasty.address, hasty.key) as client:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        rows = b"[" + b",".join([b'{"temp":1,"hr":2}'] * 5000) + b"]"
        head = client.head("POST", PATH, content_type="application/json", content_length=str(len(rows)))
        client.socket.setblocking(False)

        def is_cut() -> bool:
            try:
                client.socket.send(head + rows)
            except BlockingIOError:
                return False
            except ConnectionError:
                return True
            return False

        until(is_cut)


def test_more_connections_than_allowed_are_closed_at_once(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with running(tmp_path_factory.mktemp("few"), connections=5) as rig:
        clients = [rig.client() for _ in range(5)]
        until(lambda: all(client.ask("GET", "/healthz").status == 200 for client in clients))
        with rig.client() as sixth:
            assert sixth.is_closed()
        assert clients[0].predict(ROW).status == 200
        clients.pop().socket.close()

        def has_room() -> bool:
            with rig.client() as client, contextlib.suppress(EOFError, ConnectionError):
                return client.ask("GET", "/healthz").status == 200
            return False

        until(has_room)
        for client in clients:
            client.socket.close()


def test_good_requests_are_answered_among_slow_ones(own_rig: Rig) -> None:
    slow = [own_rig.client() for _ in range(200)]
    for number, client in enumerate(slow):
        head = client.head("POST", PATH, content_type="application/json", content_length="100")
        client.send([b"GET /he", head, b"", head + b"{"][number % 4])
    failures: list[int] = []

    def ask() -> None:
        with own_rig.client() as client:
            failures.extend(status for _ in range(50) if (status := client.predict(ROW).status) != 200)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    for client in slow:
        client.socket.close()
