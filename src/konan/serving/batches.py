"""Frames are made of calls, and answers are cut back to them: pure arithmetic on the two blocks."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from konan.worker.frames import DONE, PREDICT, Frame

_encode = msgspec.json.Encoder().encode
_decode_lists = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Rows(Protocol):
    """What has rows, as a block or a call."""

    @property
    def rows(self) -> int:
        """Number of rows, at least one."""
        ...

    @property
    def numbers(self) -> bytes:
        """The numeric features, row after row."""
        ...

    @property
    def texts(self) -> bytes:
        """A JSON array with one item per row, without white space; or empty."""
        ...


class Block(NamedTuple):
    """Rows as they travel.

    Attributes:
        rows: number of rows.
        numbers: row after row, float64.
        texts: a JSON array with one item per row, without white space; or empty.
    """

    rows: int
    numbers: bytes
    texts: bytes


def merge(blocks: Sequence[Rows]) -> Frame:
    """One request of the rows of all blocks, in order.

    >>> merge([Block(1, b"12345678", b'[["a"]]'), Block(1, b"abcdefgh", b'[["b"]]')])[1:4]
    (2, b'12345678abcdefgh', b'[["a"],["b"]]')
    """
    if len(blocks) == 1:
        return Frame(PREDICT, blocks[0].rows, blocks[0].numbers, blocks[0].texts)
    numbers = b"".join([block.numbers for block in blocks])
    texts = join_lists([block.texts for block in blocks]) if blocks[0].texts else b""
    return Frame(PREDICT, sum([block.rows for block in blocks]), numbers, texts)


def join_lists(texts: Sequence[bytes]) -> bytes:
    """JSON arrays that are not empty, written without white space around them, as one array."""
    return b"[" + b",".join([text[1:-1] for text in texts]) + b"]"


def cut(frame: Frame, sizes: Sequence[int]) -> list[Frame]:
    """An answer as one answer for each call.

    Args:
        frame: the answer for all rows.
        sizes: rows of each call, in order.

    Raises:
        ValueError: the answer cannot be cut into as many rows.

    >>> [part.texts for part in cut(Frame(DONE, 3, b"", b"[1,2,3]"), [2, 1])]
    [b'[1,2]', b'[3]']
    """
    rows = sum(sizes)
    width, rest = divmod(len(frame.numbers), rows)
    lists = _lists(frame.texts) if frame.texts else None
    if frame.rows != rows or rest or (lists is not None and len(lists) != rows):
        raise ValueError("the answer does not hold one output per row")
    parts = []
    start = 0
    for size in sizes:
        end = start + size
        numbers = frame.numbers[start * width : end * width]
        texts = b"" if lists is None else _encode(lists[start:end])
        parts.append(Frame(DONE, size, numbers, texts, frame.nanoseconds))
        start = end
    return parts


def split(block: Rows, most: int) -> list[Block]:
    """A block as blocks of at most ``most`` rows.

    >>> [part.rows for part in split(Block(5, b"", b""), 2)]
    [2, 2, 1]
    """
    width = len(block.numbers) // block.rows
    lists = _lists(block.texts) if block.texts else []
    parts = []
    for start in range(0, block.rows, most):
        end = min(start + most, block.rows)
        texts = _encode(lists[start:end]) if lists else b""
        parts.append(Block(end - start, block.numbers[start * width : end * width], texts))
    return parts


def _lists(texts: bytes) -> list[msgspec.Raw]:
    try:
        return _decode_lists(texts)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ValueError("the text block is not a JSON array") from None
