"""Framing of bodies, however the bytes are cut on their way (attack cases 27 and 79)."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from konan.errors import BodyTooLarge, RequestMalformed
from konan.serving.bodies import ChunkedBody, CountedBody, Framing, framing_of


def fed(framing: Framing, data: bytes, sizes: list[int]) -> tuple[bytes, bytes]:
    """What a framing makes of data that arrives in parts of given sizes, the last size over and over."""
    body, rest, position = b"", b"", 0
    while position < len(data) and not framing.done:
        size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
        piece, rest = framing.feed(data[position : position + size])
        body += piece
        position += size
    return body, rest + data[position:]


def chunks(parts: list[bytes], extension: bytes = b"", trailers: bytes = b"") -> bytes:
    lines = [b"%x%b\r\n%b\r\n" % (len(part), extension, part) for part in parts]
    return b"".join(lines) + b"0\r\n" + trailers + b"\r\n"


@given(
    parts=st.lists(st.binary(min_size=1, max_size=40), max_size=6),
    extension=st.sampled_from([b"", b";a=b", b" ; a", b';a="b c"']),
    trailers=st.sampled_from([b"", b"X: y\r\n", b"A: 1\r\nB:\r\n"]),
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=5),
)
def test_chunks_are_joined_however_they_arrive(
    parts: list[bytes], extension: bytes, trailers: bytes, sizes: list[int]
) -> None:
    framing = ChunkedBody(1000)
    body, rest = fed(framing, chunks(parts, extension, trailers) + b"GET /next", sizes)
    assert (body, rest, framing.done) == (b"".join(parts), b"GET /next", True)


@pytest.mark.parametrize(
    "data",
    [
        b"3\r\nabcX\r\n",
        b"3\r\nabcd",
        b"3\r\nabc\n",
        b"3\r\nabc\rX",
        b"3\nabc\r\n",
        b"3;a\nb\r\nabc\r\n",
        b"3;a\rb\r\nabc\r\n",
        b"3 a\r\nabc\r\n",
        b"+3\r\nabc\r\n",
        b"-3\r\nabc\r\n",
        b"0x3\r\nabc\r\n",
        b" 3\r\nabc\r\n",
        b"\r\n",
        b"g\r\n",
        b"123456789\r\n",
        b"3;" + b"a" * 300,
        b"0\r\nX : y\r\n\r\n",
        b"0\r\nbad\r\n\r\n",
        b"0\r\nX: y\n\r\n",
        b"0\r\n" + b"X: y\r\n" * 2000,
        b"0\r\nX: " + b"y" * 9000,
    ],
)
@pytest.mark.parametrize("size", [1, 5, 100_000])
def test_broken_chunks_are_refused(data: bytes, size: int) -> None:
    with pytest.raises(RequestMalformed):
        fed(ChunkedBody(1000), data, [size])


@given(st.binary(max_size=100), st.integers(1, 20))
def test_no_bytes_raise_anything_but_our_errors(data: bytes, size: int) -> None:
    with contextlib.suppress(RequestMalformed, BodyTooLarge):
        fed(ChunkedBody(50), data, [size])


def test_chunks_over_the_limit_are_refused_before_they_arrive() -> None:
    framing = ChunkedBody(10)
    framing.feed(b"6\r\nabcdef\r\n")
    with pytest.raises(BodyTooLarge):
        framing.feed(b"5\r\n")
    exactly = ChunkedBody(10)
    exactly.feed(b"a\r\n0123456789\r\n0\r\n\r\n")
    assert exactly.done


@given(st.binary(max_size=50), st.binary(max_size=20), st.integers(1, 20))
def test_counted_bodies(body: bytes, behind: bytes, size: int) -> None:
    framing = CountedBody(len(body))
    if not body:
        assert framing.done
        return
    assert fed(framing, body + behind, [size]) == (body, behind)


def test_what_is_announced_over_the_limit_is_refused_at_once() -> None:
    framing_of(10, chunked=False, limit=10)
    with pytest.raises(BodyTooLarge):
        framing_of(11, chunked=False, limit=10)
