"""Heads of requests: what is allowed is read exactly, all else is refused (attack cases 2, 3, 30, 79)."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konan.errors import HeadTooLarge, RequestMalformed
from konan.serving.http1 import Head, Limits, check_partial, parse_head

LIMITS = Limits(head_bytes=16384, head_count=100, target_bytes=8192)


def parse(text: str) -> Head:
    return parse_head(text.encode("latin-1"), LIMITS)


def head(*lines: str, start: str = "GET / HTTP/1.1") -> str:
    return "\r\n".join([start, "Host: localhost", *lines, "", ""])


def test_a_plain_request() -> None:
    found = parse(
        "POST /v1/deployments/bikes/predict?version=2 HTTP/1.1\r\n"
        "Host: LocalHost:8000\r\ncontent-type: application/json\r\nContent-Length: 12\r\n"
        "Authorization: \t Bearer kn_x \r\nIdempotency-Key: k\r\nX-Empty:\r\n\r\n"
    )
    assert (found.method, found.path, found.query) == ("POST", "/v1/deployments/bikes/predict", "version=2")
    assert (found.host, found.length, found.chunked, found.keep_alive) == ("localhost", 12, False, True)
    assert (found.content_type, found.authorization) == ("application/json", "Bearer kn_x")
    assert (found.idempotency_key, found.expects_continue, found.version) == ("k", False, 1)
    assert found.fields[-1] == ("x-empty", "")


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Content-Length: 5", "Content-Length: 5"],
        ["Content-Length: 5, 5"],
        ["Content-Length: +5"],
        ["Content-Length: -1"],
        ["Content-Length: 0x5"],
        ["Content-Length: 5 5"],
        ["Content-Length: \xb2"],
        ["Content-Length:"],
        ["Content-Length: " + "9" * 16],
        ["Transfer-Encoding: xchunked"],
        ["Transfer-Encoding: chunked, chunked"],
        ["Transfer-Encoding: gzip, chunked"],
        ["Transfer-Encoding: identity"],
        ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
        ["Transfer-Encoding:"],
        ["Transfer-Encoding : chunked"],
        ["Content-Length : 5"],
        ["X: a", " folded"],
        ["X: a", "\tfolded"],
        ["X: a\nY: b"],
        ["X: a\rY: b"],
        ["X: a\0b"],
        ["X: a\x7f"],
        ["X\0: a"],
        [": nameless"],
        ["no colon"],
        ["X(y): a"],
        ["Host: other"],
        ["Authorization: Bearer a", "Authorization: Bearer b"],
        ["Expect: 200-ok"],
    ],
)
def test_headers_that_are_refused(lines: list[str]) -> None:
    with pytest.raises(RequestMalformed):
        parse(head(*lines))


@pytest.mark.parametrize(
    "start",
    [
        "GET /",
        "GET / HTTP/0.9",
        "GET / HTTP/2.0",
        "GET / HTTP/1.1 ",
        "GET  / HTTP/1.1",
        " GET / HTTP/1.1",
        "GET\t/\tHTTP/1.1",
        "GET / http/1.1",
        "G(T / HTTP/1.1",
        "GET http://localhost/ HTTP/1.1",
        "GET localhost:80 HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "PRI * HTTP/2.0",
        "GET /a#b HTTP/1.1",
        "GET /a\\b HTTP/1.1",
        "GET /a\x00 HTTP/1.1",
        "GET /\xe9 HTTP/1.1",
        "GET /%zz HTTP/1.1",
        "GET /% HTTP/1.1",
        "GET /a?%0 HTTP/1.1",
        "",
    ],
)
def test_request_lines_that_are_refused(start: str) -> None:
    with pytest.raises(RequestMalformed):
        parse(head(start=start))


@pytest.mark.parametrize(
    "path",
    [
        "//etc/passwd",
        "/a//b",
        "/a//",
        "/../../etc/passwd",
        "/a/..",
        "/a/.",
        "/./a",
        "/v1/deployments/%2e%2e/%2e%2e/secret",
        "/v1/deployments/..%2f..%2f",
        "/a%2Fb",
        "/a%5cb",
        "/..%c0%af",
        "/.%00.",
        "/a%0d%0aSet-Cookie:%20x",
        "/%7f",
    ],
)
def test_paths_that_are_refused(path: str) -> None:
    with pytest.raises(RequestMalformed):
        parse(head(start=f"GET {path} HTTP/1.1"))


@pytest.mark.parametrize(
    ("path", "decoded"),
    [
        ("/", "/"),
        ("/a/", "/a/"),
        ("/a%20b", "/a b"),
        ("/%252e%252e", "/%2e%2e"),
        ("/..;/", "/..;/"),
        ("/...", "/..."),
    ],
)
def test_paths_are_decoded_once(path: str, decoded: str) -> None:
    assert parse(head(start=f"GET {path} HTTP/1.1")).path == decoded


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("localhost", "localhost"),
        ("127.0.0.1:8000", "127.0.0.1"),
        ("[::1]:8000", "[::1]"),
        ("A.Example", "a.example"),
    ],
)
def test_hosts(host: str, name: str) -> None:
    assert parse(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").host == name


@pytest.mark.parametrize("host", ["", "a b", "a,b", "user@a", "a:b", "a:123456", "[::1", "a/b", "ä", "-a"])
def test_hosts_that_are_refused(host: str) -> None:
    with pytest.raises(RequestMalformed):
        parse(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_without_a_host_nothing_is_read(version: str) -> None:
    with pytest.raises(RequestMalformed):
        parse(f"GET / HTTP/{version}\r\nAccept: */*\r\n\r\n")


def test_when_the_connection_may_be_kept() -> None:
    assert parse(head()).keep_alive
    assert not parse(head("Connection: x, Close")).keep_alive
    assert not parse(head("Connection: x", "Connection: close")).keep_alive
    assert not parse(head(start="GET / HTTP/1.0")).keep_alive


def test_chunks_need_http_1_1() -> None:
    assert parse(head("Transfer-Encoding: Chunked")).chunked
    with pytest.raises(RequestMalformed):
        parse(head("Transfer-Encoding: chunked", start="POST / HTTP/1.0"))


def test_expectations() -> None:
    assert parse(head("Expect: 100-Continue")).expects_continue
    assert not parse(head("Expect: 100-continue", start="POST / HTTP/1.0")).expects_continue


@pytest.mark.parametrize(
    "text",
    [
        head("X: " + "a" * 65536),
        head(*[f"X{number}: a" for number in range(100)]),
        head(start="GET /" + "a" * 8192 + " HTTP/1.1"),
        head("Cookie: " + "; ".join(f"c{number}=1" for number in range(5000))),
    ],
)
def test_heads_that_are_too_large(text: str) -> None:
    with pytest.raises(HeadTooLarge):
        parse(text)


def test_the_largest_head_that_is_taken() -> None:
    assert parse(head(*[f"X{number}: a" for number in range(99)])).path == "/"
    assert len(parse(head(start="GET /" + "a" * 8191 + " HTTP/1.1")).target) == 8192


@pytest.mark.parametrize(
    "begun",
    [
        b"GET /\r\n",
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET / HTTP/1.1\r\nA: b\nC: d",
        b"GET / HTTP/1.1\r\nA: b\rC",
        b"\r\nGET / HTTP/1.1",
        b"\x16\x03\x01\x02\x00\x01",
        b" ",
        b"\x00",
    ],
)
def test_a_beginning_that_cannot_become_good_is_refused_early(begun: bytes) -> None:
    with pytest.raises(RequestMalformed):
        check_partial(begun, LIMITS)


def test_a_beginning_that_is_too_large_is_refused_early() -> None:
    for begun in (b"GET / HTTP/1.1\r\nA: " + b"b" * 16384, b"GET /" + b"a" * 8193):
        with pytest.raises(HeadTooLarge):
            check_partial(begun, LIMITS)


_TOKEN = st.text("abcXYZ019-_!~", min_size=1, max_size=12)
_VALUE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20)


@given(
    method=_TOKEN,
    segments=st.lists(st.text("abz019-_~!$&'()*+,;=:@", min_size=1, max_size=8), max_size=5),
    query=st.text("abz019-_~=&/?", max_size=20),
    fields=st.lists(st.tuples(_TOKEN.map(lambda name: "x-" + name), _VALUE), max_size=20),
    length=st.integers(0, 10**14),
)
def test_what_is_written_is_read_back(
    method: str, segments: list[str], query: str, fields: list[tuple[str, str]], length: int
) -> None:
    path = "/" + "/".join(segments)
    lines = [f"{name}: {value}" for name, value in fields]
    start = f"{method} {path}?{query} HTTP/1.1"
    text = head(*lines, f"Content-Length: {length}", start=start)
    for end in range(1, len(text) - 4, 7):
        check_partial(text[:end].encode(), LIMITS)
    found = parse(text)
    assert (found.method, found.path, found.query, found.length) == (method, path, query, length)
    assert list(found.fields[1:-1]) == [(name.lower(), value) for name, value in fields]


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_our_errors(data: bytes) -> None:
    for text in (data + b"\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n" + data + b"\r\n\r\n"):
        with contextlib.suppress(RequestMalformed, HeadTooLarge):
            parse_head(text, LIMITS)


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_what_is_refused_early_would_be_refused_whole(begun: bytes, rest: bytes) -> None:
    try:
        check_partial(begun, LIMITS)
    except RequestMalformed:
        with pytest.raises(RequestMalformed):
            parse_head(begun + rest + b"\r\n\r\n", LIMITS)
