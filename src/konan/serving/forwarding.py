"""Heads of requests and answers as they are passed between clients and the control plane (pure).

Framing is never copied: each side gets the framing that this side understood, so that both agree where a
message ends (RFC 9112, section 6.3; RFC 9110, section 7.6.1).
"""

import re
from dataclasses import dataclass

from konan.serving.answers import CLOSE, SECURITY
from konan.serving.http1 import Fields, Head, connection_options

LARGEST_ANSWER_HEAD = 64 * 1024
_HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
        "konan-request-id",
    )
)
_NOT_FOR_CONTROL = frozenset(("expect", "forwarded"))
_NOT_FOR_CLIENTS = frozenset(("server",))
_STATUS_LINE = re.compile(r"HTTP/1\.[01] ([1-9][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?")
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerHead:
    """What the head of control's answer says.

    Attributes:
        status: HTTP status.
        reason: the phrase beside it.
        length: bytes of the body, or null when it is chunked or ends with the connection.
        chunked: whether the body comes in chunks.
        fields: all headers, names in lower case.
    """

    status: int
    reason: str
    length: int | None
    chunked: bool
    fields: Fields


def request_head(head: Head, request_id: str, *, waits: bool) -> bytes:
    """The head under which a request goes to control.

    Args:
        head: as the client sent it.
        request_id: the id under which the logs name this request.
        waits: whether the body is sent only after control has asked for it.
    """
    lines = [f"{head.method} {head.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in _end_to_end(head.fields, _NOT_FOR_CONTROL)]
    if head.chunked:
        lines.append("transfer-encoding: chunked")
    elif head.length or head.method in {"POST", "PUT", "PATCH"}:
        lines.append(f"content-length: {head.length}")
    if waits:
        lines.append("expect: 100-continue")
    lines += [f"konan-request-id: {request_id}", "connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1")


def parse_answer(raw: bytes) -> AnswerHead:
    r"""Parse the head of control's answer.

    Args:
        raw: the bytes up to and with the empty line.

    >>> parse_answer(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n").length
    2

    Raises:
        ValueError: it is not the head of an answer.
    """
    status_line, *lines = raw.decode("latin-1").split("\r\n")[:-2]
    start = _STATUS_LINE.fullmatch(status_line)
    fields = [_FIELD.fullmatch(line) for line in lines]
    if start is None or not all(fields):
        raise ValueError("not the head of an answer")
    named = tuple((field[1].lower(), field[2].strip(" \t")) for field in fields if field)
    single = dict(named)
    length = single.get("content-length")
    chunked = single.get("transfer-encoding", "").lower() == "chunked"
    return AnswerHead(
        status=int(start[1]),
        reason=start[2] or "",
        length=int(length) if length is not None and not chunked else None,
        chunked=chunked,
        fields=named,
    )


def answer_head(answer: AnswerHead, request_id: str, *, chunked: bool, keep: bool) -> bytes:
    """The head under which control's answer goes to the client.

    Args:
        answer: as control sent it.
        request_id: the id under which the logs name this request.
        chunked: whether the body is sent in chunks, because its length is not known.
        keep: whether the connection stays open.
    """
    fields = _end_to_end(answer.fields, _NOT_FOR_CLIENTS)
    present = {name for name, _ in fields}
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}"]
    lines += [f"{name}: {value}" for name, value in fields]
    lines += [f"{name}: {value}" for name, value in SECURITY if name.lower() not in present]
    if chunked:
        lines.append("Transfer-Encoding: chunked")
    elif answer.length is not None:
        lines.append(f"Content-Length: {answer.length}")
    lines += [f"Konan-Request-Id: {request_id}", ""]
    return "\r\n".join(lines).encode("latin-1") + (b"" if keep else CLOSE) + b"\r\n"


def _end_to_end(fields: Fields, others: frozenset[str]) -> Fields:
    dropped = _HOP_BY_HOP | others | connection_options(fields)
    return tuple(
        (name, value)
        for name, value in fields
        if name not in dropped and not (others is _NOT_FOR_CONTROL and name.startswith("x-forwarded-"))
    )
