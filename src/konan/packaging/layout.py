"""Package directories: files laid out from blobs, their digests checked each time they are about to be used.

The names in a package are checked member names and our own; the directory is named by the version's uuid.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from konan.ids import new_uuid
from konan.ports import Blobs
from konan.records.deployments import FileDigest

MAKING = ".making-"
_CHUNK = 1024 * 1024


def lay_out(place: Path, files: Iterable[FileDigest], blobs: Blobs) -> None:
    """Make a package directory from blobs; whatever is at the place is replaced.

    Its modes let a worker under another user id read it; the data directory around it is private.

    Raises:
        NotFound: a blob is missing.
        Conflict: a blob has been damaged.
        StorageFull: there is no room.
    """
    fresh = place.with_name(f"{MAKING}{new_uuid()}")
    try:
        _directory(fresh)
        for file in files:
            target = fresh / file.path
            _directories(fresh, target.parent)
            blobs.copy_to(file.sha256, target)
            target.chmod(0o444)  # the server's umask keeps everything else to itself
        shutil.rmtree(place, ignore_errors=True)
        fresh.rename(place)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def add(place: Path, texts: Mapping[str, bytes]) -> None:
    """Add small files to a package directory, or put them in the place of others."""
    for path, text in texts.items():
        target = place / path
        _directories(place, target.parent)
        fresh = target.with_name(f"{MAKING}{new_uuid()}")
        fresh.write_bytes(text)
        fresh.chmod(0o444)
        fresh.replace(target)


def remove(place: Path) -> None:
    """Remove a package directory, if there is one."""
    shutil.rmtree(place, ignore_errors=True)


def is_whole(place: Path, files: Iterable[FileDigest]) -> bool:
    """Whether a package directory holds all files with their digests, read just now."""
    return all(_has(place / file.path, file.sha256) for file in files)


def _has(path: Path, digest: str) -> bool:
    hasher = hashlib.sha256()
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            while chunk := file.read(_CHUNK):
                hasher.update(chunk)
    except OSError:
        return False
    return hasher.hexdigest() == digest


def _directories(root: Path, wanted: Path) -> None:
    if wanted != root and not wanted.is_dir():
        _directories(root, wanted.parent)
        _directory(wanted)


def _directory(path: Path) -> None:
    path.mkdir()
    path.chmod(0o755)
