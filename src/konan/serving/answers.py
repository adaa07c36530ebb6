"""Answers as bytes: status line, the headers that every answer has, and the body.

What stays the same for a second (the date among it) is prepared once, because an answer is built for
every prediction.
"""

import http
from dataclasses import dataclass

from konan import clock
from konan.errors import KonanError, MethodNotAllowed, Unauthenticated
from konan.serving import problems

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CLOSE = b"Connection: close\r\n"
SECURITY = (
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
)
"""What every answer of the gateway's own says; answers of control keep their own where they have them."""

_SECURITY_LINES = "".join(f"{name}: {value}\r\n" for name, value in SECURITY).encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer that is not a prediction.

    Attributes:
        status: HTTP status.
        body: as it is sent.
        media_type: of the body.
        headers: more headers.
    """

    status: int
    body: bytes
    media_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


def of_error(error: KonanError, request_id: str, allow: str = "") -> Answer:
    """The answer to a request that ended with an error.

    Args:
        error: what happened.
        request_id: the id under which the log names this request.
        allow: the methods that the path takes, said when the method was wrong.

    >>> of_error(Unauthenticated("No key."), "r1").headers
    (('WWW-Authenticate', 'Bearer'),)
    """
    headers = []
    if isinstance(error, Unauthenticated):
        headers.append(("WWW-Authenticate", "Bearer"))
    if isinstance(error, MethodNotAllowed):
        headers.append(("Allow", allow))
    if error.retry_after is not None:
        headers.append(("Retry-After", str(error.retry_after)))
    return Answer(
        problems.status_of(error), problems.problem(error, request_id), problems.MEDIA_TYPE, tuple(headers)
    )


class Answers:
    """Turns answers into bytes; `tick` must be called about once a second."""

    def __init__(self) -> None:
        self._date = b""
        self._durable = self._buffered = b""
        self.tick()

    def tick(self) -> None:
        """Take over the present second for the Date header."""
        self._date = clock.now().strftime("Date: %a, %d %b %Y %H:%M:%S GMT\r\n").encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + self._date + _SECURITY_LINES
        self._durable = head + b"Konan-Durability: durable\r\nKonan-Request-Id: "
        self._buffered = head + b"Konan-Durability: buffered\r\nKonan-Request-Id: "

    def predicted(self, body: bytes, request_id: bytes, *, keep: bool, durable: bool = True) -> bytes:
        """The answer to a prediction whose record is in the journal.

        Args:
            body: the JSON text.
            request_id: ASCII.
            keep: whether the connection stays open.
            durable: whether the record is on disk.
        """
        return b"%b%b\r\nContent-Length: %d\r\n%b\r\n%b" % (
            self._durable if durable else self._buffered,
            request_id,
            len(body),
            b"" if keep else CLOSE,
            body,
        )

    def render(self, answer: Answer, request_id: str, *, keep: bool, with_body: bool = True) -> bytes:
        """Any other answer.

        Args:
            answer: what to say.
            request_id: ASCII.
            keep: whether the connection stays open.
            with_body: false for requests with HEAD.
        """
        extra = "".join(f"{name}: {value}\r\n" for name, value in answer.headers)
        phrase = http.HTTPStatus(answer.status).phrase
        return b"".join(
            (
                f"HTTP/1.1 {answer.status} {phrase}\r\nContent-Type: {answer.media_type}\r\n".encode(),
                self._date,
                _SECURITY_LINES,
                f"Konan-Request-Id: {request_id}\r\n{extra}Content-Length: {len(answer.body)}\r\n".encode(),
                b"" if keep else CLOSE,
                b"\r\n",
                answer.body if with_body else b"",
            )
        )
