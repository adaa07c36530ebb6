"""The requests of one log counted by hour, version, role and outcome, and the file of a day that holds them.

A file names the files of the log's table that are counted in it, so that what is missing after a crash, or
gone after an erasure, is seen by comparing names. It is replaced as a whole.
"""

import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import google_crc32c
import msgspec
import numpy as np

from konan.journal.segments import Damage
from konan.monitoring.operations.latency import CELLS, Ints

_HEAD = struct.Struct("<8sI16s")
_MAGIC = b"KONANTRF"
_NARROW = ("u1", "u2", "u4", "i8")


class Group(msgspec.Struct, frozen=True, array_like=True):
    """Which requests.

    Attributes:
        version: number of the version; 0 if the request reached none.
        role: as ``live``.
        hour: of the day, in [0, 23].
        code: why it was refused or failed; empty if it was answered.
        status: of HTTP.
    """

    version: int
    role: str
    hour: int
    code: str
    status: int


@dataclass(slots=True)
class Count:
    """How many requests of a group there were.

    Attributes:
        requests: their number.
        rows: predictions in them; 0 of what was refused.
        microseconds: sum of their latencies.
        latencies: in cells (`konan.monitoring.operations.latency`).
    """

    requests: int = 0
    rows: int = 0
    microseconds: int = 0
    latencies: Ints = field(default_factory=lambda: np.zeros(CELLS, np.int64))

    def add(self, other: "Count") -> None:
        """Add what was counted elsewhere."""
        self.requests += other.requests
        self.rows += other.rows
        self.microseconds += other.microseconds
        self.latencies += other.latencies


@dataclass(slots=True)
class Day:
    """The requests of a day.

    Attributes:
        files: names of the table's files that are counted.
        table: version of the table that was looked at.
        found: what was counted.
    """

    files: set[str] = field(default_factory=set)
    table: int = -1
    found: dict[Group, Count] = field(default_factory=dict)

    def add(self, group: Group, count: Count) -> None:
        """Add requests of a group."""
        known = self.found.get(group)
        if known is None:
            self.found[group] = count
        else:
            known.add(count)


class _Stored(msgspec.Struct, frozen=True, array_like=True):
    group: Group
    requests: int
    rows: int
    microseconds: int
    cells: bytes
    kind: str
    counts: bytes


class _Body(msgspec.Struct, frozen=True, array_like=True):
    files: list[str]
    table: int
    found: list[_Stored]


def digest_of(names: Iterable[str]) -> bytes:
    """A digest of some names, in any order."""
    return blake2b("\n".join(sorted(names)).encode(), digest_size=16).digest()


def counted(path: Path) -> bytes:
    """Digest of the names of the files that are counted in a file; empty if there is no good one."""
    try:
        with path.open("rb") as file:
            magic, _, digest = _HEAD.unpack(file.read(_HEAD.size))
    except (FileNotFoundError, struct.error):
        return b""
    return bytes(digest) if magic == _MAGIC else b""


def read(path: Path) -> Day:
    """What the file of a day holds.

    Raises:
        FileNotFoundError: there is none.
        Damage: it is not as it was written.
    """
    data = path.read_bytes()
    content = data[_HEAD.size :]
    if len(data) < _HEAD.size:
        raise Damage(path, 0, "the file is cut short")
    magic, crc, digest = _HEAD.unpack(data[: _HEAD.size])
    if magic != _MAGIC or google_crc32c.value(digest + content) != crc:
        raise Damage(path, 0, "the checksum is wrong")
    body = _decode(content)
    return Day(set(body.files), body.table, {one.group: _count(one) for one in body.found})


def write(path: Path, day: Day) -> None:
    """Replace the file of a day, on disk when this returns.

    Raises:
        OSError: it could not be written; the old one stays.
    """
    found = [_stored(group, count) for group, count in sorted(day.found.items(), key=_order)]
    content = _encode(_Body(sorted(day.files), day.table, found))
    digest = digest_of(day.files)
    head = _HEAD.pack(_MAGIC, google_crc32c.value(digest + content), digest)
    fresh = path.with_name(f"{path.name}.new")
    fresh.touch(mode=0o600)
    with fresh.open("wb") as file:
        file.write(head + content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Body).decode


def _stored(group: Group, count: Count) -> _Stored:
    cells = np.flatnonzero(count.latencies)
    counts = count.latencies[cells]
    kind = next(one for one in _NARROW if int(counts.max(initial=0)) <= np.iinfo(one).max)
    return _Stored(
        group,
        count.requests,
        count.rows,
        count.microseconds,
        cells.astype("u2").tobytes(),
        kind,
        counts.astype(kind).tobytes(),
    )


def _count(one: _Stored) -> Count:
    made = Count(one.requests, one.rows, one.microseconds)
    made.latencies[np.frombuffer(one.cells, "u2")] = np.frombuffer(one.counts, one.kind)
    return made


def _order(item: tuple[Group, Count]) -> tuple[int, str, int, str, int]:
    group = item[0]
    return group.version, group.role, group.hour, group.code, group.status
