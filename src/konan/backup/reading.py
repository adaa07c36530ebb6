"""Reads an archive without any trust: every bit is checked, and what is wrong is named."""

import hashlib
from collections.abc import Callable
from typing import Protocol

import msgspec

from konan.backup import members
from konan.backup.members import BLOCK, Entry, Head
from konan.errors import Invalid

_CHUNK = 1024 * 1024
_MOST = 1024 * 1024 * 1024
"""Most bytes of a manifest that are read."""


class Readable(Protocol):
    """Where an archive comes from."""

    def read(self, size: int, /) -> bytes:
        """So many bytes, fewer at the end or in between, none behind it."""
        ...


class Keeps(Protocol):
    """What takes the bytes of one member."""

    def write(self, data: bytes, /) -> object:
        """Take bytes."""
        ...

    def close(self) -> None:
        """All of its bytes were given; they have not been compared with the manifest yet."""
        ...


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What a whole archive holds.

    Attributes:
        head: what it says of itself.
        files: number of its files.
        bytes: of them together.
    """

    head: Head
    files: int
    bytes: int


class _Read:
    """An archive while it is read."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self.offset = 0

    def some(self, most: int) -> bytes:
        data = self._source.read(most)
        self.offset += len(data)
        return data

    def exactly(self, size: int, what: str) -> bytes:
        parts = []
        while size:
            part = self.some(size)
            if not part:
                raise _damaged(f"it ends at byte {self.offset}, within {what}")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def header(self) -> tuple[str, int]:
        at = self.offset
        block = self.exactly(BLOCK, "a header, or it has no end")
        try:
            return members.parsed(block)
        except ValueError as error:
            raise _damaged(f"at byte {at}, {error}") from None

    def padding(self, name: str, size: int) -> None:
        if any(self.exactly(members.padding(size), f"the padding of {name}")):
            raise _damaged(f"the padding behind {name} is not zero")

    def small(self, name: str, size: int, most: int) -> bytes:
        if size > most:
            raise _damaged(f"{name} is too large")
        data = self.exactly(size, name)
        self.padding(name, size)
        return data


def read(source: Readable, sink: Callable[[str], Keeps | None] = lambda _: None) -> Contents:
    """Read an archive to its end and check all of it.

    Args:
        source: its bytes.
        sink: told the name of each file of it; gives what takes its bytes, if anything shall.

    Raises:
        Invalid: it is no archive, is damaged or cut off, or a newer Konan made it. What was given to sinks
            is worth nothing then.
    """
    reading = _Read(source)
    first = reading.some(BLOCK)
    if first[: len(members.HEAD)] != members.HEAD.encode():
        raise Invalid("This is no backup of Konan, or its first bytes are damaged.")
    head_entry, head = _head(reading, first + reading.exactly(BLOCK - len(first), "its first header"))
    seen = [head_entry]
    name, size = reading.header()
    while name not in {members.MANIFEST, members.SEAL, members.HEAD}:
        seen.append(_member(reading, name, size, sink))
        name, size = reading.header()
    if name != members.MANIFEST:
        raise _damaged(f"{name} stands where the manifest should")
    _compare(seen, reading.small(name, size, _MOST))
    _end(reading, seen)
    return Contents(head=head, files=len(seen) - 1, bytes=sum(entry.bytes for entry in seen[1:]))


def _head(reading: _Read, block: bytes) -> tuple[Entry, Head]:
    try:
        name, size = members.parsed(block)
        text = reading.small(name, size, _CHUNK)
        head = msgspec.json.decode(text, type=Head)
    except (ValueError, msgspec.MsgspecError) as error:
        raise _damaged(f"its first member is not as it was written: {error}") from None
    if head.format > members.FORMAT:
        raise Invalid(
            f"Konan {head.konan} made this backup, in a form that is newer than this Konan can read.",
            hint=f"Install Konan {head.konan} or a newer one.",
        )
    return Entry(name=name, bytes=size, sha256=hashlib.sha256(text).hexdigest()), head


def _member(reading: _Read, name: str, size: int, sink: Callable[[str], Keeps | None]) -> Entry:
    kept, hasher, left = sink(name), hashlib.sha256(), size
    try:
        while left:
            chunk = reading.some(min(_CHUNK, left))
            if not chunk:
                raise _damaged(f"it ends at byte {reading.offset}, within {name}")
            hasher.update(chunk)
            left -= len(chunk)
            if kept is not None:
                kept.write(chunk)
    finally:
        if kept is not None:
            kept.close()
    reading.padding(name, size)
    return Entry(name=name, bytes=size, sha256=hasher.hexdigest())


def _compare(seen: list[Entry], manifest: bytes) -> None:
    """Name the first member that is not as the manifest has it."""
    lines = manifest.splitlines(keepends=True)
    for entry, line in zip(seen, lines, strict=False):
        if msgspec.json.encode(entry) + b"\n" != line:
            raise _damaged(f"{entry.name} does not have the SHA-256 and size that the manifest gives")
    if len(seen) != len(lines):
        raise _damaged(f"the manifest names {len(lines)} files, and it holds {len(seen)}")


def _end(reading: _Read, seen: list[Entry]) -> None:
    text = b"".join(msgspec.json.encode(entry) + b"\n" for entry in seen)
    name, size = reading.header()
    seal = reading.small(name, size, BLOCK)
    if name != members.SEAL or seal != hashlib.sha256(text).hexdigest().encode() + b"\n":
        raise _damaged("its seal is not that of its manifest")
    if reading.exactly(len(members.END), "its end") != members.END or reading.some(1):
        raise _damaged("it does not end where it should")


def _damaged(what: str) -> Invalid:
    return Invalid(f"The backup is damaged: {what}.", hint="Use another backup; nothing was restored.")
