"""How the bytes of a request's body are told from the bytes of the next request.

Both framings have one shape: ``feed`` takes what arrived and gives the body's bytes and what lies behind
the body, and ``done`` says whether the body is whole.
"""

import re
from typing import Protocol

from konan.errors import BodyTooLarge, RequestMalformed

_LINE_BYTES = 256
_TRAILER_BYTES = 8 * 1024
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?\r\n")
_TRAILER_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n")


class Framing(Protocol):
    """Finds the end of a body.

    Attributes:
        done: whether all of the body has been fed.
    """

    done: bool

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Take what arrived; gives the bytes of the body in it, and what lies behind the body.

        Raises:
            RequestMalformed: the framing is broken.
            BodyTooLarge: the body is larger than allowed.
        """
        ...


class CountedBody:
    """A body whose size was announced.

    >>> body = CountedBody(3)
    >>> body.feed(b"ab"), body.done
    ((b'ab', b''), False)
    >>> body.feed(b"cdef"), body.done
    ((b'c', b'def'), True)
    """

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = length == 0

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Take what arrived; see `Framing.feed`."""
        if len(data) < self._left:
            self._left -= len(data)
            return data, b""
        body, rest = data[: self._left], data[self._left :]
        self._left = 0
        self.done = True
        return body, rest


class ChunkedBody:
    r"""A body in chunks (RFC 9112, section 7.1); extensions and trailers are checked and dropped.

    Args:
        limit: most bytes of the decoded body.

    >>> body = ChunkedBody(100)
    >>> body.feed(b"3\r\nabc\r\n0\r\n\r\nGET"), body.done
    ((b'abc', b'GET'), True)
    """

    def __init__(self, limit: int) -> None:
        self.done = False
        self._room = limit
        self._limit = limit
        self._pending = b""
        self._in_chunk = 0
        self._after_chunk = False
        self._trailers: int | None = None

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Take what arrived; see `Framing.feed`."""
        data = self._pending + data if self._pending else data
        pieces: list[bytes] = []
        position, moved = 0, True
        while moved and not self.done:
            before = position
            position = self._step(data, position, pieces)
            moved = position > before
        rest = data[position:]
        self._pending = b"" if self.done else rest
        return b"".join(pieces), rest if self.done else b""

    def _step(self, data: bytes, position: int, pieces: list[bytes]) -> int:
        if self._in_chunk:
            piece = data[position : position + self._in_chunk]
            pieces.append(piece)
            self._in_chunk -= len(piece)
            self._after_chunk = self._in_chunk == 0
            return position + len(piece)
        if self._after_chunk:
            return self._chunk_end(data, position)
        if self._trailers is not None:
            return self._trailer(data, position)
        return self._size(data, position)

    def _chunk_end(self, data: bytes, position: int) -> int:
        end = data[position : position + 2]
        if not b"\r\n".startswith(end):
            raise RequestMalformed("A chunk of the body does not end where it says.")
        if len(end) < 2:
            return position
        self._after_chunk = False
        return position + 2

    def _size(self, data: bytes, position: int) -> int:
        line = _line(data, position, _LINE_BYTES)
        if line is None:
            return position
        parts = _SIZE_LINE.fullmatch(line)
        if parts is None:
            raise RequestMalformed("The size of a chunk of the body is malformed.")
        self._in_chunk = int(parts.group(1), 16)
        self._room -= self._in_chunk
        if self._room < 0:
            raise BodyTooLarge(f"The body is larger than {self._limit} bytes.")
        if self._in_chunk == 0:
            self._trailers = 0
        return position + len(line)

    def _trailer(self, data: bytes, position: int) -> int:
        line = _line(data, position, _TRAILER_BYTES)
        if line is None:
            return position
        self._trailers = (self._trailers or 0) + len(line)
        if line == b"\r\n":
            self.done = True
        elif _TRAILER_LINE.fullmatch(line) is None or self._trailers > _TRAILER_BYTES:
            raise RequestMalformed("The trailers of the body are malformed.")
        return position + len(line)


def _line(data: bytes, position: int, largest: int) -> bytes | None:
    """The line that starts there with its end, or null when it has not arrived whole."""
    end = data.find(b"\n", position, position + largest)
    if end >= 0:
        return data[position : end + 1]
    if len(data) - position >= largest:
        raise RequestMalformed("A line of the body's framing is too long.")
    return None


def framing_of(length: int, *, chunked: bool, limit: int) -> Framing:
    """The framing that a head announces.

    Args:
        length: announced bytes.
        chunked: whether the body comes in chunks instead.
        limit: most bytes of the body.

    Raises:
        BodyTooLarge: more is announced than allowed.
    """
    if chunked:
        return ChunkedBody(limit)
    if length > limit:
        raise BodyTooLarge(f"The body is larger than {limit} bytes.")
    return CountedBody(length)
