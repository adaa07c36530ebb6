"""Answers as bytes."""

import pytest

from konan.errors import KonanError, MethodNotAllowed, NotFound, TooMany, Unauthenticated
from konan.serving.answers import Answer, Answers, of_error


def parts(data: bytes) -> tuple[str, dict[str, str], bytes]:
    head, _, body = data.partition(b"\r\n\r\n")
    start, *lines = head.decode().split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines)
    assert len(fields) == len(lines)
    return start, fields, body


def test_a_prediction() -> None:
    start, fields, body = parts(Answers().predicted(b'{"id":1}', b"r1", keep=True))
    assert start == "HTTP/1.1 200 OK"
    assert (fields["Content-Length"], fields["Konan-Request-Id"]) == ("8", "r1")
    assert (fields["Konan-Durability"], "Connection" in fields) == ("durable", False)
    assert body == b'{"id":1}'
    assert parts(Answers().predicted(b"", b"r1", keep=False))[1]["Connection"] == "close"


def test_another_answer() -> None:
    answer = Answer(200, b"abc", "text/plain", (("X", "y"),))
    start, fields, body = parts(Answers().render(answer, "r1", keep=False))
    assert (start, body) == ("HTTP/1.1 200 OK", b"abc")
    assert (fields["Content-Type"], fields["X"], fields["Connection"]) == ("text/plain", "y", "close")
    assert (fields["X-Content-Type-Options"], fields["Cache-Control"]) == ("nosniff", "no-store")
    _, fields, body = parts(Answers().render(answer, "r1", keep=True, with_body=False))
    assert (fields["Content-Length"], body) == ("3", b"")


@pytest.mark.parametrize(
    ("error", "status", "headers"),
    [
        (Unauthenticated("x"), 401, {"WWW-Authenticate": "Bearer"}),
        (MethodNotAllowed("x"), 405, {"Allow": "POST"}),
        (TooMany("x", retry_after=3), 429, {"Retry-After": "3"}),
        (NotFound("x"), 404, {}),
    ],
)
def test_errors(error: KonanError, status: int, headers: dict[str, str]) -> None:
    answer = of_error(error, "r1", "POST")
    assert (answer.status, dict(answer.headers)) == (status, headers)
    assert answer.media_type == "application/problem+json"
