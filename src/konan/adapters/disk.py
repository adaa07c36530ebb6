"""Blobs on the local disk: a file per content, named by its SHA-256, never changed.

A blob is written to a temporary file, synced and then renamed, so that a name never stands for less than all
of its bytes; what a crash leaves has a name that no blob has, and is removed at the next start.
"""

import errno
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from konan import ids
from konan.errors import Conflict, NotFound, StorageFull

_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_CHUNK = 1024 * 1024
_TEMPORARY = ".new-"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class DiskBlobs:
    """`konan.ports.Blobs` in a directory that one process writes to.

    Args:
        directory: exists and is private to this user.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        for left_over in directory.glob(f"{_TEMPORARY}*"):
            left_over.unlink(missing_ok=True)

    def put(self, chunks: Iterator[bytes]) -> tuple[str, int]:
        """Keep bytes; see `konan.ports.Blobs.put`."""
        temporary = self._directory / f"{_TEMPORARY}{ids.new_uuid()}"
        hasher, size = hashlib.sha256(), 0
        with _whole_or_nothing(temporary):
            with _create(temporary, 0o400) as file:
                for chunk in chunks:
                    hasher.update(chunk)
                    size += len(chunk)
                    file.write(chunk)
                _sync(file)
            target = self._path(hasher.hexdigest())
            if not target.parent.is_dir():
                target.parent.mkdir(mode=0o700, exist_ok=True)
                _sync_directory(self._directory)
            # An equal blob is replaced, so that putting it again heals one that was damaged.
            temporary.replace(target)
            _sync_directory(target.parent)
        return hasher.hexdigest(), size

    def read(self, digest: str) -> bytes:
        """The bytes of a small blob; see `konan.ports.Blobs.read`."""
        return b"".join(self._checked(digest))

    def copy_to(self, digest: str, path: Path) -> None:
        """Write a blob to a new file; see `konan.ports.Blobs.copy_to`.

        Raises:
            FileExistsError: there is a file already.
            StorageFull: there is no room; no file is left behind.
        """
        chunks = self._checked(digest)
        first = next(chunks, b"")
        # A worker may run as another user; what keeps others out is the directory above.
        with _create(path, 0o444) as file, _whole_or_nothing(path):
            file.write(first)
            for chunk in chunks:
                file.write(chunk)
            _sync(file)

    def remove(self, digest: str) -> None:
        """Keep a blob no longer; see `konan.ports.Blobs.remove`."""
        if _DIGEST.fullmatch(digest) is not None and self._path(digest).exists():
            self._path(digest).unlink(missing_ok=True)
            _sync_directory(self._path(digest).parent)

    def _path(self, digest: str) -> Path:
        return self._directory / digest[:2] / digest

    def _checked(self, digest: str) -> Iterator[bytes]:
        """The bytes in chunks; raises after the last one when their digest is wrong."""
        if _DIGEST.fullmatch(digest) is None:
            raise NotFound("There is no such file.")
        try:
            descriptor = os.open(self._path(digest), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            raise NotFound("There is no such file.") from None
        hasher = hashlib.sha256()
        with os.fdopen(descriptor, "rb") as file:
            while chunk := file.read(_CHUNK):
                hasher.update(chunk)
                yield chunk
        if hasher.hexdigest() != digest:
            raise Conflict(
                "A stored file has been damaged: its bytes do not have its digest.",
                hint="Deploy the model again; that stores the file anew.",
            )


def _create(path: Path, mode: int) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb")


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _whole_or_nothing(path: Path) -> Iterator[None]:
    """Remove a file when the block fails, and name the failure of a full disk."""
    try:
        yield
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in _FULL:
            raise StorageFull("The disk is full.", hint="Make room, then try again.") from error
        raise
