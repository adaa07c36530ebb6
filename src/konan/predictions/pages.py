"""Reads single cells of a Parquet file: of a column the one page that they are in, not the whole row group.

What Arrow reads at least is a column of a row group, and to unpack sixteen thousand rows for one of them
takes milliseconds. Pages are written small (`konan.predictions.table`), so that a row costs a fraction of
one. Only flat columns are read, in the encodings that our writers use; what is in any other form is told, and
left to Arrow (Apache Parquet, "File Format" and "Encodings", parquet-format 2.10).
"""

import os
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

_V = rb"([\x80-\xff]*[\x00-\x7f])"
_DATA = re.compile(
    rb"\x15\x00\x15" + _V + rb"\x15" + _V + rb"\x2c\x15" + _V + rb"\x15" + _V + rb"\x15\x06\x15.\x00\x00",
    re.DOTALL,
)
"""The header of a data page, without a checksum and statistics: sizes, number of cells, encoding."""

_DICTIONARY = re.compile(
    rb"\x15\x04\x15" + _V + rb"\x15" + _V + rb"\x4c\x15" + _V + rb"\x15" + _V + rb"[\x11\x12]?\x00\x00",
    re.DOTALL,
)
_HEADER = 64
"""No header that is read here is longer."""

_PLAIN, _CODED = 0, (2, 8)
_FIXED = {"DOUBLE": "<f8", "FLOAT": "<f4", "INT64": "<i8", "INT32": "<i4"}
_FLOATING = {"DOUBLE", "FLOAT"}
"""NaN is in no statistics."""

_CODECS = {"ZSTD": "zstd", "SNAPPY": "snappy"}

Ints = np.ndarray[Any, np.dtype[np.int64]]


class Unfamiliar(Exception):
    """A file has a form that is not read here."""


class _Page(NamedTuple):
    """A page as it lies in the file.

    Attributes:
        start: of its bytes, behind the header.
        end: of them.
        size: of the bytes when they are unpacked.
        cells: number of its cells.
        encoding: of these.
    """

    start: int
    end: int
    size: int
    cells: int
    encoding: int


class Chunk:
    """A column of one row group; remembers where pages are.

    Args:
        column: where it lies in its file.
        optional: whether cells may be null.

    Raises:
        Unfamiliar: it is packed in a way that is not read here.
    """

    def __init__(self, column: pq.ColumnChunkMetaData, *, optional: bool) -> None:
        if column.compression not in {*_CODECS, "UNCOMPRESSED"}:
            raise Unfamiliar(column.compression)
        self._kind: str = column.physical_type
        self._codec = _CODECS.get(column.compression)
        self._optional = optional
        self._nulls = _nulls(column)
        self._same = self._kind not in _FLOATING and self._nulls == 0 and _same(column)
        self._value = column.statistics.min_raw if self._same else None
        self._empty = self._nulls == column.num_values
        self._dictionary: int | None = column.dictionary_page_offset if column.has_dictionary_page else None
        start = column.data_page_offset if self._dictionary is None else self._dictionary
        self._end = start + column.total_compressed_size
        self._next: int = column.data_page_offset
        self._pages: list[_Page] = []
        self._behind: list[int] = []

    def cells(self, file: int, rows: Sequence[int]) -> list[Any]:
        """The cells of some rows, as they are stored: texts as bytes, moments and days as integers.

        Args:
            file: descriptor of the file.
            rows: positions in the row group, ascending.

        Raises:
            Unfamiliar: a page is of a form that is not read here.
        """
        if self._same or self._empty:
            return [self._value] * len(rows)
        found: list[Any] = []
        while len(found) < len(rows):
            number = self._of(file, rows[len(found)])
            page, behind = self._pages[number], self._behind[number]
            begin = behind - page.cells
            here = [row - begin for row in rows[len(found) :] if row < behind]
            found += self._read(file, page, here)
        return found

    def _of(self, file: int, row: int) -> int:
        """Which page a row is in; pages are looked for up to there."""
        while not self._behind or self._behind[-1] <= row:
            if self._next >= self._end:
                raise Unfamiliar("a column that ends before its rows")
            page = _page(file, _DATA, self._next)
            behind = page.cells + (self._behind[-1] if self._behind else 0)
            self._next = page.end
            self._pages.append(page)
            self._behind.append(behind)
        return bisect_right(self._behind, row)

    def _unpacked(self, file: int, page: _Page) -> bytes:
        packed = os.pread(file, page.end - page.start, page.start)
        if self._codec is None:
            return packed
        found: bytes = pa.decompress(packed, decompressed_size=page.size, codec=self._codec, asbytes=True)
        return found

    def _read(self, file: int, page: _Page, rows: list[int]) -> list[Any]:
        body = self._unpacked(file, page)
        if not self._optional:
            return self._values(file, page, body, page.cells, rows)
        behind = 4 + int.from_bytes(body[:4], "little")
        if self._nulls == 0:
            return self._values(file, page, body[behind:], page.cells, rows)
        present = _levels(body[4:behind], page.cells)
        before = np.cumsum(present)
        there = [int(before[row]) - 1 for row in rows if present[row]]
        values = iter(self._values(file, page, body[behind:], int(before[-1]), there))
        return [next(values) if present[row] else None for row in rows]

    def _values(self, file: int, page: _Page, body: bytes, count: int, rows: list[int]) -> list[Any]:
        """Some of the values of a page, of which null cells have none."""
        if not rows:
            return []
        if page.encoding == _PLAIN:
            return _plain(self._kind, body, count, rows)
        if page.encoding not in _CODED or self._dictionary is None:
            raise Unfamiliar(f"encoding {page.encoding}")
        codes = _some(body[1:], body[0], rows)
        entries = _page(file, _DICTIONARY, self._dictionary)
        known = sorted(set(codes))
        values = _plain(self._kind, self._unpacked(file, entries), entries.cells, known)
        meant = dict(zip(known, values, strict=True))
        return [meant[code] for code in codes]


def _nulls(column: pq.ColumnChunkMetaData) -> int | None:
    """Number of null cells, None if that is not known."""
    statistics = column.statistics
    known = statistics is not None and statistics.has_null_count
    return statistics.null_count if known else None


def _same(column: pq.ColumnChunkMetaData) -> bool:
    """Whether no two values differ."""
    statistics = column.statistics
    return statistics is not None and statistics.has_min_max and statistics.min_raw == statistics.max_raw


def _page(file: int, header: "re.Pattern[bytes]", at: int) -> _Page:
    found = header.match(os.pread(file, _HEADER, at))
    if found is None:
        raise Unfamiliar("the header of a page")
    size, packed, cells, encoding = map(_number, found.groups())
    start = at + found.end()
    return _Page(start, start + packed, size, cells, encoding)


def _number(varint: bytes) -> int:
    r"""A number that is not negative, as Thrift's compact protocol writes it.

    >>> _number(b"\xba\x07"), _number(b"\x06")
    (477, 3)
    """
    found = 0
    for byte in reversed(varint):
        found = found << 7 | byte & 0x7F
    return found >> 1


def _runs(data: bytes, width: int) -> Iterator[tuple[int, int, bool]]:
    """Runs of small numbers: how many, where they begin, and whether it is one number for all of them."""
    at = 0
    while at < len(data):
        head = place = 0
        while data[at] >= 0x80:
            head |= (data[at] & 0x7F) << place
            place += 7
            at += 1
        head |= data[at] << place
        at += 1
        if head & 1:
            yield 8 * (head >> 1), at, False
            at += (head >> 1) * width
        else:
            yield head >> 1, at, True
            at += (width + 7) // 8


def _levels(data: bytes, count: int) -> Ints:
    """Which cells are there, one by one.

    >>> _levels(bytes([6, 1, 3, 0b10110001]), 11).tolist()
    [1, 1, 1, 1, 0, 0, 0, 1, 1, 0, 1]
    """
    parts = [
        np.full(many, data[at])
        if same
        else np.unpackbits(np.frombuffer(data, np.uint8, many // 8, at), bitorder="little")
        for many, at, same in _runs(data, 1)
    ]
    return np.concatenate(parts).astype(np.int64)[:count]


def _some(data: bytes, width: int, rows: list[int]) -> list[int]:
    """The numbers at some places, ascending.

    >>> _some(bytes([6, 1, 3, 0b10110001]), 1, [0, 3, 4, 7, 9])
    [1, 1, 0, 1, 0]
    """
    found: list[int] = []
    behind = 0
    for many, at, same in _runs(data, width):
        begin, behind = behind, behind + many
        while len(found) < len(rows) and rows[len(found)] < behind:
            first = 0 if same else (rows[len(found)] - begin) * width
            part = data[at + first // 8 : at + (first + width + 7) // 8]
            found.append(int.from_bytes(part, "little") >> first % 8 & (1 << width) - 1)
        if len(found) == len(rows):
            return found
    raise Unfamiliar("a page with fewer cells than it says")


def _plain(kind: str, body: bytes, count: int, rows: list[int]) -> list[Any]:
    if kind == "BYTE_ARRAY":
        return _texts(body, count, rows)
    if kind == "BOOLEAN":
        return [bool(body[row // 8] >> row % 8 & 1) for row in rows]
    if kind not in _FIXED:
        raise Unfamiliar(kind)
    found: list[Any] = np.frombuffer(body, _FIXED[kind], count)[rows].tolist()
    return found


def _texts(body: bytes, count: int, rows: list[int]) -> list[bytes]:
    """Texts of a page, each behind its length; if all are as long as the first, nothing is looked through."""
    step = 4 + int.from_bytes(body[:4], "little")
    if step * count == len(body) and _all_alike(body, step, count):
        return [body[row * step + 4 : (row + 1) * step] for row in rows]
    found: list[bytes] = []
    at = number = 0
    for row in rows:
        while number < row:
            at += 4 + int.from_bytes(body[at : at + 4], "little")
            number += 1
        found.append(body[at + 4 : at + 4 + int.from_bytes(body[at : at + 4], "little")])
    return found


def _all_alike(body: bytes, step: int, count: int) -> bool:
    heads = np.frombuffer(body, np.uint8).reshape(count, step)[:, :4]
    return bool((heads == heads[0]).all())
