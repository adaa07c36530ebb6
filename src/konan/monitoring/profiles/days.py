"""The file with the profiles of one day of a log, by hour, version, role, and value of a segment column.

It names the files of the log's table that are counted in it. So what is missing after a crash, or gone since,
is seen by comparing names; nothing is counted twice or left out. A file is replaced as a whole. Beside the
profiles are the summaries of answers whose truth is known (`konan.monitoring.performance`).
"""

import os
import struct
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

import google_crc32c
import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from konan.journal.segments import Damage
from konan.monitoring.profiles import sparse
from konan.monitoring.profiles.profile import Vector
from konan.monitoring.profiles.sparse import Sparse

_HEAD = struct.Struct("<8sII")
_MAGIC = b"KONANDA2"
_CODEC = pa.Codec("zstd", compression_level=1)
_ONCE = 8192
_NARROW = ("i1", "i2", "i4", "i8")

SPARSE = "sparse"
"""Kind of a block with sparse numbers."""

FEW = 2048
"""Of summaries the numbers at positions from 0 to this are also kept alone, for who needs no more."""

Matrix = npt.NDArray[np.int64]


class Key(msgspec.Struct, frozen=True, array_like=True):
    """Which rows of a day.

    Attributes:
        version: number of the version.
        role: ``live``, ``canary``, ``challenger``, …
        column: the segment column; empty for all rows.
        value: its value; None where it has none.
        of_truth: whether the numbers are counts of the target's cells, which become known later.
        labelled: whether they are of those rows only whose truth is known.
    """

    version: int
    role: str
    column: str = ""
    value: str | None = None
    of_truth: bool = False
    labelled: bool = False


class Block(msgspec.Struct, frozen=True, array_like=True):
    """Where numbers lie: ``rows`` times ``width`` integers of a type, compressed.

    Where the kind is `SPARSE`, they are so many sparse ones, ``width`` bytes before they are compressed.
    """

    offset: int
    length: int
    crc: int
    kind: str
    rows: int
    width: int


class Series(msgspec.Struct, frozen=True, array_like=True):
    """The profiles of some rows of a day.

    Attributes:
        key: which rows.
        hours: the hours of the day that have any, in [0, 23], increasing.
        whole: the sum of all hours.
        each: a row for each hour.
        few: of the whole of a summary the numbers at positions in [0, `FEW`); None in files made before.
    """

    key: Key
    hours: list[int]
    whole: Block
    each: Block
    few: Block | None = None


class Head(msgspec.Struct, frozen=True):
    """What a file says of itself.

    Attributes:
        files: names of the table's files that are counted, sorted.
        truths: names of the files of the truths' table that are, sorted.
        seen: names of the table's files with which those truths were joined.
        layouts: digest of the layout with which each version's rows were counted, empty for none.
        series: what there is.
        measured: the summaries of answers, likewise.
    """

    files: list[str]
    truths: list[str]
    seen: list[str]
    layouts: dict[int, str]
    series: list[Series]
    measured: list[Series] = []


@dataclass(slots=True)
class Day:
    """All profiles of a day, to be changed; attributes as of `Head`.

    Attributes:
        found: numbers by which rows they are of, then by the hour.
        measured: the numbers of summaries, likewise.
    """

    files: set[str] = field(default_factory=set)
    truths: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    layouts: dict[int, str] = field(default_factory=dict)
    found: dict[Key, dict[int, Vector]] = field(default_factory=dict)
    measured: dict[Key, dict[int, Sparse]] = field(default_factory=dict)

    def add(self, key: Key, hour: int, vector: Vector) -> None:
        """Add what was counted."""
        hours = self.found.setdefault(key, {})
        hours[hour] = hours[hour] + vector if hour in hours else vector.copy()

    def measure(self, key: Key, hour: int, numbers: Sparse) -> None:
        """Add what was counted for a summary."""
        hours = self.measured.setdefault(key, {})
        hours[hour] = sparse.merged([hours[hour], numbers]) if hour in hours else numbers


class DayFile:
    """A file of a day, open until the end of a ``with`` block.

    Args:
        path: of the file.

    Attributes:
        head: what it says of itself.

    Raises:
        FileNotFoundError: there is none.
        Damage: it is not as it was written.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = path
        self._latest: tuple[int, memoryview] = -1, memoryview(b"")
        self._file = FileIO(path)
        try:
            self.head, self._begin = self._begun()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> "DayFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def numbers(self, block: Block) -> Matrix:
        """What a block holds, ``(rows, width) int64``.

        Raises:
            Damage: it is not as it was written.
        """
        size = block.rows * block.width
        plain = self._plain(block, size * np.dtype(block.kind).itemsize)
        found = np.frombuffer(plain, block.kind, size).reshape(block.rows, block.width)
        return found.astype(np.int64)

    def sparse(self, block: Block, only: tuple[int, int] | None = None) -> list[Sparse]:
        """What a block of sparse numbers holds.

        Args:
            block: one of the head's.
            only: first of the positions that are wanted, and one behind the last; None is all.

        Raises:
            Damage: it is not as it was written.
        """
        if self._latest[0] != block.offset:
            self._latest = block.offset, self._plain(block, block.width)
        return sparse.unpacked(self._latest[1], block.rows, only)

    def day(self) -> Day:
        """All of it, to be changed.

        Raises:
            Damage: it is not as it was written.
        """
        head = self.head
        day = Day(set(head.files), set(head.truths), set(head.seen), dict(head.layouts))
        for series in head.series:
            day.found[series.key] = dict(zip(series.hours, self.numbers(series.each), strict=True))
        for series in head.measured:
            day.measured[series.key] = dict(zip(series.hours, self.sparse(series.each), strict=True))
        return day

    def _plain(self, block: Block, size: int) -> memoryview:
        packed = os.pread(self._file.fileno(), block.length, self._begin + block.offset)
        if google_crc32c.value(packed) != block.crc:
            raise Damage(Path(self._path), self._begin + block.offset, "a block's checksum is wrong")
        return memoryview(_CODEC.decompress(packed, size))

    def _begun(self) -> tuple[Head, int]:
        begin = os.pread(self._file.fileno(), _ONCE, 0)
        start = begin[: _HEAD.size]
        if len(start) < _HEAD.size:
            raise Damage(Path(self._path), 0, "the file is cut short")
        magic, length, crc = _HEAD.unpack(start)
        head = begin[_HEAD.size : _HEAD.size + length]
        if len(head) < length:
            head += os.pread(self._file.fileno(), length - len(head), _HEAD.size + len(head))
        if magic != _MAGIC or google_crc32c.value(head) != crc:
            raise Damage(Path(self._path), 0, "the head's checksum is wrong")
        return _head.decode(head), _HEAD.size + length


def write(path: Path, day: Day) -> None:
    """Replace the file of a day.

    Args:
        path: of the file.
        day: what it shall hold.

    Raises:
        OSError: it could not be written; the old one stays.
    """
    blocks: list[bytes] = []
    series = [_series(key, day.found[key], blocks) for key in sorted(day.found, key=_order)]
    measured = [_measured(key, day.measured[key], blocks) for key in sorted(day.measured, key=_order)]
    head = _encode(
        Head(
            files=sorted(day.files),
            truths=sorted(day.truths),
            seen=sorted(day.seen),
            layouts=day.layouts,
            series=series,
            measured=measured,
        )
    )
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    with fresh.open("wb") as file:
        file.write(_HEAD.pack(_MAGIC, len(head), google_crc32c.value(head)))
        file.write(head)
        file.writelines(blocks)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


_head = msgspec.msgpack.Decoder(Head)
_encode = msgspec.msgpack.Encoder().encode


def _series(key: Key, hours: dict[int, Vector], blocks: list[bytes]) -> Series:
    numbers = np.stack([hours[hour] for hour in sorted(hours)])
    whole = numbers.sum(axis=0, keepdims=True)
    return Series(key, sorted(hours), _packed(whole, blocks), _packed(numbers, blocks))


def _measured(key: Key, hours: dict[int, Sparse], blocks: list[bytes]) -> Series:
    parts = [hours[hour] for hour in sorted(hours)]
    whole = sparse.merged(parts)
    low, high = whole.at.searchsorted((0, FEW))
    few = _sparse([Sparse(whole.at[low:high], whole.values[low:high])], blocks)
    return Series(key, sorted(hours), _sparse([whole], blocks), _sparse(parts, blocks), few)


def _packed(numbers: Matrix, blocks: list[bytes]) -> Block:
    least, most = int(numbers.min(initial=0)), int(numbers.max(initial=0))
    kind = next(one for one in _NARROW if np.iinfo(one).min <= least and most <= np.iinfo(one).max)
    return _block(numbers.astype(kind).tobytes(), kind, numbers.shape, blocks)


def _sparse(parts: list[Sparse], blocks: list[bytes]) -> Block:
    plain = sparse.packed(parts)
    return _block(plain, SPARSE, (len(parts), len(plain)), blocks)


def _block(plain: bytes, kind: str, shape: tuple[int, ...], blocks: list[bytes]) -> Block:
    packed = bytes(_CODEC.compress(plain))
    offset = sum(map(len, blocks))
    blocks.append(packed)
    return Block(offset, len(packed), google_crc32c.value(packed), kind, *shape)


def _order(key: Key) -> tuple[int, str, str, bool, str, bool, bool]:
    told = key.value is None, key.value or ""
    return key.version, key.role, key.column, *told, key.of_truth, key.labelled
