"""The frames between a gateway and a worker: a fixed head and two blocks, never pickle.

Head, little-endian: kind (4 bytes), rows n, bytes of the numeric block, bytes of the text block
(uint32 each), and nanoseconds the model took (uint64; 0 in requests).

========  ==============================================  =============================================
kind      numeric block                                   text block
========  ==============================================  =============================================
``PRED``  n x k float64, row after row: the features of   JSON: n lists of t texts or null: the features
          type number, integer and boolean, in schema     of type string and datetime, in schema order;
          order; NaN is null                              empty when t = 0
``DONE``  n x K float64, row after row: a classifier's    JSON: n labels or outputs; empty when the
          probabilities or a regressor's values; empty    numeric block says all
          for other models
``FAIL``  empty                                           JSON: {"type", "message", "traceback"}
========  ==============================================  =============================================

One frame is in flight per link; a worker answers each ``PRED`` with one ``DONE`` or ``FAIL``.
"""

import socket
import struct
from typing import NamedTuple

HEAD = struct.Struct("<4sIIIQ")
PREDICT = b"PRED"
DONE = b"DONE"
FAIL = b"FAIL"
LARGEST_FRAME = 1 << 30


class Frame(NamedTuple):
    """One frame.

    Attributes:
        kind: `PREDICT`, `DONE` or `FAIL`.
        rows: number of rows.
        numbers: the numeric block.
        texts: the text block.
        nanoseconds: time the model took.
    """

    kind: bytes
    rows: int
    numbers: bytes
    texts: bytes
    nanoseconds: int = 0


def pack(frame: Frame) -> bytes:
    """A frame as bytes.

    >>> unpack_head(pack(Frame(PREDICT, 1, b"12345678", b""))[: HEAD.size])
    (b'PRED', 1, 8, 0, 0)
    """
    head = HEAD.pack(frame.kind, frame.rows, len(frame.numbers), len(frame.texts), frame.nanoseconds)
    return head + frame.numbers + frame.texts


def unpack_head(head: bytes) -> "tuple[bytes, int, int, int, int]":
    """Kind, rows, bytes of numbers, bytes of texts, nanoseconds.

    Raises:
        ValueError: the bytes are not the head of a frame, or its blocks are too large.
    """
    kind, rows, numbers, texts, nanoseconds = HEAD.unpack(head)
    if kind not in (PREDICT, DONE, FAIL) or numbers + texts > LARGEST_FRAME:
        raise ValueError("not the head of a frame")
    return kind, rows, numbers, texts, nanoseconds


def read(link: socket.socket) -> "Frame | None":
    """Read one frame from a blocking socket; None when the other side has gone.

    Raises:
        ValueError: what was read is not a frame.
    """
    head = _exactly(link, HEAD.size)
    if head is None:
        return None
    kind, rows, numbers_size, texts_size, nanoseconds = unpack_head(bytes(head))
    body = _exactly(link, numbers_size + texts_size)
    if body is None:
        return None
    return Frame(kind, rows, bytes(body[:numbers_size]), bytes(body[numbers_size:]), nanoseconds)


def write(link: socket.socket, frame: Frame) -> None:
    """Write one frame to a blocking socket.

    Raises:
        OSError: the other side has gone.
    """
    link.sendall(pack(frame))


def _exactly(link: socket.socket, size: int) -> "bytearray | None":
    buffer = bytearray(size)
    view, got = memoryview(buffer), 0
    while got < size:
        count = link.recv_into(view[got:], size - got)
        if count == 0:
            return None
        got += count
    return buffer
