"""Heads on their way to control and back."""

import pytest

from konan.serving.forwarding import answer_head, parse_answer, request_head
from konan.serving.http1 import Head, Limits, parse_head

LIMITS = Limits(16384, 100, 8192)


def head(*lines: str, start: str = "POST /v1/keys?a=%20b HTTP/1.1") -> Head:
    return parse_head("\r\n".join([start, "Host: localhost", *lines, "", ""]).encode("latin-1"), LIMITS)


def test_a_request_keeps_its_target_and_end_to_end_headers() -> None:
    sent = request_head(
        head("Content-Length: 2", "X: \xe9", "Connection: X-Hop", "X-Hop: 1", "Expect: 100-continue"),
        "r1",
        waits=False,
    )
    assert sent.decode("latin-1").split("\r\n") == [
        "POST /v1/keys?a=%20b HTTP/1.1",
        "host: localhost",
        "x: \xe9",
        "content-length: 2",
        "konan-request-id: r1",
        "connection: close",
        "",
        "",
    ]


@pytest.mark.parametrize(
    ("lines", "start", "framing"),
    [
        (["Transfer-Encoding: chunked"], "POST / HTTP/1.1", ["transfer-encoding: chunked"]),
        ([], "POST / HTTP/1.1", ["content-length: 0"]),
        ([], "GET / HTTP/1.1", []),
        (["Content-Length: 3"], "DELETE / HTTP/1.1", ["content-length: 3"]),
    ],
)
def test_a_request_is_framed_as_it_was_understood(lines: list[str], start: str, framing: list[str]) -> None:
    sent = request_head(head(*lines, start=start), "r1", waits=False).decode().split("\r\n")
    assert [line for line in sent if line.startswith(("transfer", "content"))] == framing


def test_a_body_to_come_is_announced() -> None:
    assert b"\r\nexpect: 100-continue\r\n" in request_head(head("Content-Length: 3"), "r1", waits=True)


def test_an_answer_keeps_its_end_to_end_headers() -> None:
    answer = parse_answer(
        b"HTTP/1.1 202 Accepted\r\nServer: x\r\nCache-Control: max-age=1\r\nKonan-Request-Id: z\r\n"
        b"Transfer-Encoding: chunked\r\nConnection: close\r\nDate: now\r\n\r\n"
    )
    assert (answer.status, answer.reason, answer.length, answer.chunked) == (202, "Accepted", None, True)
    sent = answer_head(answer, "r1", chunked=True, keep=False).decode().split("\r\n")
    assert sent[0] == "HTTP/1.1 202 Accepted"
    assert sent[-3:] == ["Connection: close", "", ""]
    assert {"cache-control: max-age=1", "date: now", "Transfer-Encoding: chunked"} <= set(sent)
    assert [line for line in sent if line.lower().startswith("konan-request-id")] == ["Konan-Request-Id: r1"]
    assert [line for line in sent if line.lower().startswith(("server", "cache-control: no"))] == []
    assert "X-Content-Type-Options: nosniff" in sent


@pytest.mark.parametrize(
    "raw",
    [
        b"\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad\r\n\r\n",
        b"HTTP/1.1 200 OK\r\na: b\nc: d\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -x\r\n\r\n",
    ],
)
def test_what_is_no_answer_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"answer|int"):
        parse_answer(raw)
