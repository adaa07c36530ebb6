"""Requests that two programs could read differently are refused, and what follows is never run (case 79)."""

import socket

import msgspec
import pytest
from tests.http.gateway.raw import Client
from tests.http.gateway.rig import Rig

ROW = {"temp": 1.5, "hr": 2}
BODY = msgspec.json.encode(ROW)
PATH = "/v1/deployments/bikes/predict"


def request(client: Client, *lines: str, body: bytes = BODY, start: str = f"POST {PATH} HTTP/1.1") -> bytes:
    fixed = ["Host: localhost", f"Authorization: Bearer {client.key}", "Content-Type: application/json"]
    return "\r\n".join([start, *fixed, *lines, "", ""]).encode("latin-1") + body


def good(client: Client) -> bytes:
    return request(client, f"Content-Length: {len(BODY)}")


MALFORMED = [
    ([f"Content-Length: {len(BODY)}", "Transfer-Encoding: chunked"], BODY),
    (["Transfer-Encoding: chunked", f"Content-Length: {len(BODY)}"], b"0\r\n\r\n"),
    ([f"Content-Length: {len(BODY)}", f"Content-Length: {len(BODY)}"], BODY),
    (["Content-Length: 0", f"Content-Length: {len(BODY)}"], BODY),
    ([f"Content-Length: +{len(BODY)}"], BODY),
    ([f"Content-Length: {len(BODY)}, {len(BODY)}"], BODY),
    (["Transfer-Encoding: xchunked"], b"0\r\n\r\n"),
    (["Transfer-Encoding: chunked, identity"], b"0\r\n\r\n"),
    (["Transfer-Encoding : chunked"], b"0\r\n\r\n"),
    (["Transfer-Encoding: chunked"], b"5\r\nabcdeX\r\n0\r\n\r\n"),
    (["Transfer-Encoding: chunked"], b"5;a\nb\r\nabcde\r\n0\r\n\r\n"),
    (["Transfer-Encoding: chunked"], b"5\nabcde\r\n0\r\n\r\n"),
    (["Transfer-Encoding: chunked"], b"-5\r\nabcde\r\n0\r\n\r\n"),
    (["Transfer-Encoding: chunked"], b"zz\r\n"),
    ([f"Content-Length: {len(BODY)}", "X: a", " folded"], BODY),
    ([f"Content-Length: {len(BODY)}", "X: a\nY: b"], BODY),
    ([f"Content-Length: {len(BODY)}", "X: a\rY: b"], BODY),
    ([f"Content-Length: {len(BODY)}", "X: a\0b"], BODY),
    ([f"Content-Length: {len(BODY)}", "Host: localhost"], BODY),
    ([f"Content-Length: {len(BODY)}", "Authorization: Bearer x"], BODY),
]


@pytest.mark.parametrize(("lines", "body"), MALFORMED)
def test_malformed_requests_are_refused_and_the_next_is_never_run(
    rig: Rig, lines: list[str], body: bytes
) -> None:
    before = len(rig.workers[0].frames)
    with rig.client() as client:
        client.send(request(client, *lines, body=body) + good(client))
        reply = client.read()
        assert (reply.status, reply.code) == (400, "request_malformed")
        assert reply.headers["connection"] == "close"
        assert client.is_closed()
    assert len(rig.workers[0].frames) == before


@pytest.mark.parametrize(
    "data",
    [
        b"GET /healthz\r\n",
        b"GET /healthz\r\n\r\n",
        b"GET /healthz HTTP/1.1\nHost: localhost\n\n",
        b"GET /healthz HTTP/0.9\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /healthz HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /../../../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET //etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /v1/deployments/%2e%2e/%2e%2e/secret HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /a%2fb HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /.%00. HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /a\\b HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00" * 100,
    ],
)
def test_what_is_no_request_is_refused_at_once(rig: Rig, data: bytes) -> None:
    with rig.client() as client:
        client.send(data)
        reply = client.read()
        assert (reply.status, reply.code) == (400, "request_malformed")
        assert client.is_closed()


@pytest.mark.parametrize(
    "data",
    [
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 65536,
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 65536 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * 100 + b"\r\n",
        b"GET /" + b"a" * 16384,
        b"GET /healthz?" + b"&".join(b"parameter=1" for _ in range(1000)) + b" HTTP/1.1\r\n\r\n",
    ],
)
def test_heads_that_are_too_large_are_refused(rig: Rig, data: bytes) -> None:
    with rig.client() as client:
        client.send(data)
        reply = client.read()
        assert (reply.status, reply.code) == (431, "head_too_large")
        assert client.is_closed()


def test_pipelined_requests_are_answered_in_order(rig: Rig) -> None:
    with rig.client() as client:
        rows = [msgspec.json.encode({"temp": 0, "hr": number}) for number in range(300)]
        client.send(b"".join(request(client, f"Content-Length: {len(row)}", body=row) for row in rows))
        values = [client.read().json["output"]["value"] for _ in rows]
        assert values == [float(number) for number in range(300)]


def test_many_pipelined_refusals_need_no_deep_stack(rig: Rig) -> None:
    with rig.client(key=None) as client:
        client.send(b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3000)
        assert {client.read().status for _ in range(3000)} == {401}


def test_a_malformed_request_behind_a_good_one_ends_the_connection(rig: Rig) -> None:
    with rig.client() as client:
        client.send(good(client) + b"BAD\r\n\r\n" + good(client))
        assert client.read().status == 200
        assert client.read().status == 400
        assert client.is_closed()


@pytest.mark.parametrize("size", [1, 7, 100])
def test_requests_may_arrive_in_pieces(rig: Rig, size: int) -> None:
    with rig.client() as client:
        chunked = request(client, "Transfer-Encoding: chunked", body=b"") + (
            b"%x;note=1\r\n%b\r\n0\r\nX-Trailer: y\r\n\r\n" % (len(BODY), BODY)
        )
        data = chunked + good(client)
        for start in range(0, len(data), size):
            client.send(data[start : start + size])
        assert [client.read().status, client.read().status] == [200, 200]


def test_a_connection_is_closed_when_the_client_asks_for_it(rig: Rig) -> None:
    with rig.client() as client:
        reply = client.predict(ROW, connection="close")
        assert (reply.status, reply.headers["connection"]) == (200, "close")
        assert client.is_closed()


def test_http_1_0_is_answered_and_closed(rig: Rig) -> None:
    with rig.client() as client:
        client.send(request(client, f"Content-Length: {len(BODY)}", start=f"POST {PATH} HTTP/1.0"))
        assert client.read().status == 200
        assert client.is_closed()


def test_a_client_that_has_said_all_it_will_is_still_answered(rig: Rig) -> None:
    with rig.client() as client:
        client.send(good(client) + good(client))
        client.socket.shutdown(socket.SHUT_WR)
        assert [client.read().status, client.read().status] == [200, 200]
        assert client.is_closed()


def test_a_body_is_asked_for_when_the_client_waits(rig: Rig) -> None:
    with rig.client() as client:
        client.send(request(client, f"Content-Length: {len(BODY)}", "Expect: 100-continue", body=b""))
        assert client.read().status == 100
        client.send(BODY)
        assert client.read().status == 200


def test_a_refused_body_is_not_asked_for(rig: Rig) -> None:
    with rig.client(key=None) as client:
        client.send(request(client, f"Content-Length: {len(BODY)}", "Expect: 100-continue", body=b""))
        assert client.read().status == 401
        assert client.is_closed()


def test_a_body_one_byte_over_the_cap_is_refused_before_it_is_sent(hasty: Rig) -> None:
    with hasty.client() as client:
        client.send(request(client, "Content-Length: 100001", body=b""))
        reply = client.read()
        assert (reply.status, reply.code) == (413, "body_too_large")
        assert client.is_closed()
    with hasty.client() as client:
        client.send(request(client, "Content-Length: 100000", body=b" " * 100_000))
        assert client.read().code == "json_malformed"


def test_a_client_in_the_middle_of_a_large_body_reads_why_it_is_refused(hasty: Rig) -> None:
    with hasty.client() as client:
        client.send(request(client, "Content-Length: 4000000", body=b"x" * 4_000_000))
        assert client.read().status == 413


def test_endless_chunks_are_refused_at_the_cap(hasty: Rig) -> None:
    with hasty.client() as client:
        client.send(request(client, "Transfer-Encoding: chunked", body=b"2710\r\n" + b"x" * 10_000 + b"\r\n"))
        client.send((b"2710\r\n" + b"x" * 10_000 + b"\r\n") * 20)
        assert client.read().status == 413


def test_the_small_body_of_a_refused_request_is_read_so_that_the_connection_stays(rig: Rig) -> None:
    with rig.client(key=None) as client:
        client.send(client.head("POST", PATH, content_length="20"))
        client.send(b"x" * 10)
        client.send(b"x" * 10)
        assert client.read().status == 401
        assert client.ask("GET", "/healthz").status == 200


def test_an_answer_to_head_has_no_body(rig: Rig) -> None:
    with rig.client() as client:
        assert client.ask("HEAD", "/healthz").headers["content-length"] == "15"
        assert client.ask("HEAD", PATH).status == 405
        assert client.ask("GET", "/healthz").json == {"status": "ok"}


def test_a_health_path_takes_no_body(rig: Rig) -> None:
    with rig.client(key=None) as client:
        assert client.ask("GET", "/healthz", b"x").status == 413
        assert client.is_closed()
    with rig.client(key=None) as client:
        assert client.ask("GET", "/healthz", b"1\r\nx\r\n", transfer_encoding="chunked").status == 400
    with rig.client(key=None) as client:
        reply = client.ask("GET", "/healthz", b"0\r\n\r\n", transfer_encoding="chunked")
        assert (reply.status, reply.code) == (400, "request_malformed")
