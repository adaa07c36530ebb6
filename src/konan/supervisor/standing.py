"""What an earlier start has left on disk: enough to serve predictions at once, before or without control."""

import logging
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from konan import profile
from konan.access import permissions
from konan.config import Paths
from konan.records.routes import Snapshot, Workers, WorkerSpec

_log = logging.getLogger(__name__)
_Kept = TypeVar("_Kept", Snapshot, Workers)


class Standing(NamedTuple):
    """What can be served as it stands.

    Attributes:
        key: text of the owner key; the gateways know it.
        workers: those that ran last and can be started.
    """

    key: str
    workers: tuple[WorkerSpec, ...]


def standing(paths: Paths, at: datetime) -> Standing | None:
    """What stands on disk; None if control must come first, because there are no routes or no owner key.

    Args:
        paths: where the data directory is.
        at: the present.
    """
    snapshot = _read(paths.snapshot, Snapshot)
    key = profile.known_key(paths.root)
    if snapshot is None or not permissions.is_owner(key, snapshot.keys, at):
        return None
    wanted = _read(paths.workers, Workers)
    return Standing(key, tuple(spec for spec in wanted.workers if _is_there(spec)) if wanted else ())


def _read(path: Path, kind: type[_Kept]) -> _Kept | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        _log.warning(
            "a file cannot be read; control makes it anew", extra={"file": path.name, "reason": str(error)}
        )
        return None


def _is_there(spec: WorkerSpec) -> bool:
    """Whether its files are laid out; control lays out what is missing."""
    return Path(spec.python).exists() and Path(spec.package).is_dir()
