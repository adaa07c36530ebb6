"""The head of an HTTP/1.1 request, parsed strictly (RFC 9112), as a pure function.

Two programs that read one request differently are how requests are smuggled, hence nothing is repaired
here: what the grammar does not allow is refused. A client on a kept connection sends the same head again
and again, so callers may remember the result by the head's bytes.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from konan.errors import HeadTooLarge, RequestMalformed

HEAD_END = b"\r\n\r\n"
LARGEST_LENGTH_DIGITS = 15
Fields = tuple[tuple[str, str], ...]
"""Headers in their order: name in lower case, value without blanks around it."""

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]"
_VALUE = rb"[\t\x20-\x7e\x80-\xff]"
_TARGET = (
    rb"/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*+"
    rb"(?:\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?\[\]|-]|%[0-9A-Fa-f]{2})*+)?"
)
_HEAD = re.compile(
    rb"(" + _TOKEN + rb"++) (" + _TARGET + rb") HTTP/1\.([01])\r\n"
    rb"((?:" + _TOKEN + rb"++:" + _VALUE + rb"*+\r\n)*+)\r\n"
)
_FIELD = re.compile(rb"(" + _TOKEN + rb"++):(" + _VALUE + rb"*+)\r\n")
_BARE_LINE_END = re.compile(rb"(?<!\r)\n|\r(?=[^\n])")
_LINE_START = re.compile(rb"[!-~][ -~]*+\r?")
_HOST = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]*)|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_UNCLEAN_PATH = re.compile(r"[\x00-\x1f\x7f\\]|//|/\.{1,2}(?:/|$)")
_AT_MOST_ONCE = (
    "host",
    "authorization",
    "content-length",
    "content-type",
    "transfer-encoding",
    "expect",
    "idempotency-key",
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a head may be.

    Attributes:
        head_bytes: request line and headers together.
        head_count: headers.
        target_bytes: path and query.
    """

    head_bytes: int
    head_count: int
    target_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What the head of a request says.

    Attributes:
        method: as sent, as ``POST``.
        target: path and query as sent.
        path: the path, percent-decoded once; absolute, without empty, ``.`` and ``..`` segments.
        query: what follows the question mark, as sent.
        version: minor version of HTTP/1: 0 or 1.
        length: bytes of the body as announced; 0 when ``chunked``.
        chunked: whether the body comes in chunks.
        keep_alive: whether the connection may be used again.
        host: name or address in lower case, without the port; an IPv6 address in brackets.
        authorization: value of that header, or null.
        content_type: value of that header, or empty.
        idempotency_key: value of that header, or null.
        expects_continue: whether the client waits for ``100 Continue`` before it sends the body.
        fields: all headers, names in lower case, in their order.
    """

    method: str
    target: str
    path: str
    query: str
    version: int
    length: int
    chunked: bool
    keep_alive: bool
    host: str
    authorization: str | None
    content_type: str
    idempotency_key: str | None
    expects_continue: bool
    fields: Fields


def parse_head(data: bytes, limits: Limits) -> Head:
    r"""Parse the head of a request.

    Args:
        data: the bytes up to and with the empty line.
        limits: how large it may be.

    Raises:
        HeadTooLarge: it is larger, or has more headers, or a longer target.
        RequestMalformed: it is not what RFC 9112 allows, or not safe to route.

    >>> limits = Limits(16384, 100, 8192)
    >>> head = parse_head(b"GET /a%20b?x=1 HTTP/1.1\r\nHost: localhost:8000\r\n\r\n", limits)
    >>> head.path, head.query, head.host, head.keep_alive
    ('/a b', 'x=1', 'localhost', True)
    """
    if len(data) > limits.head_bytes:
        raise HeadTooLarge(f"The request line and headers are larger than {limits.head_bytes} bytes.")
    _check_target_size(data, limits.target_bytes)
    parts = _HEAD.fullmatch(data)
    if parts is None:
        raise RequestMalformed("The request line or a header is not what HTTP/1.1 allows (RFC 9112).")
    method, target, minor, block = parts.groups()
    found = _FIELD.findall(block)
    if len(found) > limits.head_count:
        raise HeadTooLarge(f"The request has more than {limits.head_count} headers.")
    fields = tuple((name.decode().lower(), value.strip(b" \t").decode("latin-1")) for name, value in found)
    return _assemble(method.decode(), target.decode(), int(minor), fields)


def check_partial(data: bytes, limits: Limits) -> None:
    r"""Refuse the beginning of a head that can no longer become a good one.

    Without this, a request with bare line feeds or of HTTP/0.9 would only end at its deadline.

    Raises:
        HeadTooLarge: it is too large already.
        RequestMalformed: its lines end wrongly, or its first line is not one of HTTP/1.1.
    """
    if len(data) > limits.head_bytes:
        raise HeadTooLarge(f"The request line and headers are larger than {limits.head_bytes} bytes.")
    _check_target_size(data, limits.target_bytes)
    line, ended, _ = data.partition(b"\r\n")
    begins_well = _HEAD.fullmatch(line + HEAD_END) if ended else _LINE_START.fullmatch(data)
    if begins_well is None or _BARE_LINE_END.search(data):
        raise RequestMalformed("The request line or a header is not what HTTP/1.1 allows (RFC 9112).")


def _check_target_size(data: bytes, largest: int) -> None:
    start = data.find(b" ") + 1
    if start and data.find(b" ", start, start + largest + 1) < 0 and len(data) - start > largest:
        raise HeadTooLarge(f"The request target is longer than {largest} bytes.")


def _assemble(method: str, target: str, version: int, fields: Fields) -> Head:
    single = _single_fields(fields)
    raw_path, _, query = target.partition("?")
    length, chunked = _framing(single, version)
    return Head(
        method=method,
        target=target,
        path=_clean_path(raw_path),
        query=query,
        version=version,
        length=length,
        chunked=chunked,
        keep_alive=version == 1 and "close" not in connection_options(fields),
        host=_host(single.get("host", "")),
        authorization=single.get("authorization"),
        content_type=single.get("content-type", ""),
        idempotency_key=single.get("idempotency-key"),
        expects_continue=_expects_continue(single.get("expect", ""), version),
        fields=fields,
    )


def connection_options(fields: Fields) -> frozenset[str]:
    """The options of all ``Connection`` headers, in lower case.

    >>> sorted(connection_options((("connection", "Close, x-mine"),)))
    ['close', 'x-mine']
    """
    values = ",".join(value for name, value in fields if name == "connection")
    return frozenset(option.strip().lower() for option in values.split(",") if option.strip())


def _single_fields(fields: Fields) -> dict[str, str]:
    single: dict[str, str] = {}
    for name, value in fields:
        if name in single and name in _AT_MOST_ONCE:
            raise RequestMalformed(f"The header {name} may be sent only once.")
        single[name] = value
    return single


def _framing(single: dict[str, str], version: int) -> tuple[int, bool]:
    coding, length = single.get("transfer-encoding"), single.get("content-length")
    if coding is not None:
        if length is not None or version == 0 or coding.lower() != "chunked":
            raise RequestMalformed(
                "Transfer-Encoding must be exactly `chunked`, in HTTP/1.1, without Content-Length."
            )
        return 0, True
    if length is None:
        return 0, False
    if not (length.isascii() and length.isdigit() and len(length) <= LARGEST_LENGTH_DIGITS):
        raise RequestMalformed("Content-Length must be a plain decimal number.")
    return int(length), False


def _host(value: str) -> str:
    parts = _HOST.fullmatch(value)
    if parts is None:
        raise RequestMalformed("The request must have exactly one valid Host header.")
    return parts.group(1).lower()


def _expects_continue(value: str, version: int) -> bool:
    if value and value.lower() != "100-continue":
        raise RequestMalformed("The only expectation that can be met is `100-continue`.")
    return bool(value) and version == 1


def _clean_path(raw: str) -> str:
    if "%2f" in raw.lower():
        raise RequestMalformed("The path must not contain an encoded slash.")
    try:
        path = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise RequestMalformed("The path must be UTF-8.") from None
    if _UNCLEAN_PATH.search(path):
        raise RequestMalformed(
            "The path must not contain empty, `.` or `..` segments, backslashes or control characters."
        )
    return path
