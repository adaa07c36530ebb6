"""The secret of a server, under which private values are hashed: a file that only its owner may read.

It never stands in arguments, messages or logs: each process that needs it reads the file. A backup holds it,
because hashes made under another secret are equal to none of those in the log. So one that was lost is not
silently replaced while anything is hashed under it.
"""

import hmac
import os
import secrets
from pathlib import Path

import msgspec

from konan import ids
from konan.errors import Conflict
from konan.records.private import treatments
from konan.records.routes import Snapshot
from konan.records.schema import Schema

_BYTES = 32


def load(path: Path) -> bytes:
    """The secret in a file, which is made if there is none; of processes that race, all read the same.

    Args:
        path: of the file; its directory exists.

    Returns:
        32 bytes.

    Raises:
        Conflict: the file is not what was written.
        OSError: it can be neither read nor made.
    """
    if not path.exists():
        _make(path)
    secret = path.read_bytes()
    if len(secret) != _BYTES:
        raise Conflict(
            "The file with the secret of this server is damaged.",
            hint="Put the file `secret` back from a backup: without it hashed values are found no more.",
        )
    return secret


def is_lost(path: Path, snapshot: Path) -> bool:
    """Whether the file is gone though gateways serve versions with hashed columns.

    Args:
        path: of the file.
        snapshot: the routes that gateways served last; without them nothing is known to be hashed.
    """
    if path.exists():
        return False
    try:
        routes = msgspec.json.decode(snapshot.read_bytes(), type=Snapshot).routes
    except (OSError, msgspec.MsgspecError):
        return False
    return any(hashes(version.schema) for route in routes for version in route.versions)


def hashes(schema: Schema) -> bool:
    """Whether a version hashes any column."""
    return "hash" in treatments(schema).values()


def lost(path: Path) -> Conflict:
    """What is to be said of a secret that is lost."""
    return Conflict(
        f"The file {path} is gone, under whose secret columns are hashed; a new one would find none of them.",
        hint="Put it back from a backup. Is there none, make another with "
        f"`umask 077; head -c {_BYTES} /dev/urandom > {path}`; then older hashes are found no more, "
        "neither by key nor for an erasure.",
    )


def of_project(secret: bytes, project: str) -> bytes:
    """The key under which values of one project are hashed, 32 bytes.

    >>> of_project(b"s" * 32, "a") == of_project(b"s" * 32, "b")
    False
    """
    return hmac.digest(secret, b"project:" + project.encode(), "sha256")


def _make(path: Path) -> None:
    part = path.with_name(f".{path.name}-{ids.new_uuid()}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(part)
        except FileExistsError:  # another process was faster
            return
    finally:
        part.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
