"""Writes an archive as a stream; no more than a piece of a file is in memory."""

import hashlib
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from konan.backup import members
from konan.backup.members import Entry, Head

_CHUNK = 1024 * 1024


class Source(NamedTuple):
    """A file that goes into an archive.

    Attributes:
        name: of the member.
        path: of the file.
        size: so many bytes of it; None for all that are there when it is opened.
    """

    name: str
    path: Path
    size: int | None = None


def archive(head: Head, sources: Iterable[Source]) -> Iterator[bytes]:
    """The bytes of an archive.

    Args:
        head: what it says of itself.
        sources: its members.

    Raises:
        OSError: a file cannot be read, or is shorter than it was.
    """
    manifest: list[bytes] = []
    text = msgspec.json.encode(head) + b"\n"
    manifest.append(_line(members.HEAD, len(text), hashlib.sha256(text).hexdigest()))
    yield _small(members.HEAD, text)
    for source in sources:
        entry = yield from _file(source)
        manifest.append(entry)
    listed = b"".join(manifest)
    yield _small(members.MANIFEST, listed)
    seal = hashlib.sha256(listed).hexdigest().encode() + b"\n"
    yield _small(members.SEAL, seal) + members.END


def _file(source: Source) -> Generator[bytes, None, bytes]:
    """The bytes of one member; its line of the manifest is the result."""
    hasher = hashlib.sha256()
    with source.path.open("rb", buffering=0) as file:
        size = file.seek(0, 2) if source.size is None else source.size
        file.seek(0)
        yield members.header(source.name, size)
        left = size
        while left:
            chunk = file.read(min(_CHUNK, left))
            if not chunk:
                raise OSError(f"{source.name} became shorter while it was read")
            hasher.update(chunk)
            left -= len(chunk)
            yield chunk
    if members.padding(size):
        yield bytes(members.padding(size))
    return _line(source.name, size, hasher.hexdigest())


def _small(name: str, data: bytes) -> bytes:
    return members.header(name, len(data)) + data + bytes(members.padding(len(data)))


def _line(name: str, size: int, digest: str) -> bytes:
    return msgspec.json.encode(Entry(name=name, bytes=size, sha256=digest)) + b"\n"
