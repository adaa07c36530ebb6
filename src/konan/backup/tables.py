"""The part of a snapshot that is a Delta table: one version of it, with the files that it names."""

import re
from pathlib import Path

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from konan.backup.journals import Gone
from konan.backup.linking import link

_LOG = "_delta_log"
_NUMBER = re.compile(r"(\d{20})\..*", re.ASCII)
_TRIES = 10


def hold(source: Path, target: Path) -> None:
    """Make a second table of the newest version of a table that is being written.

    Args:
        source: the table.
        target: where; does not exist.

    Raises:
        Gone: it changed faster than it could be followed.
    """
    for attempt in range(_TRIES):
        place = target.with_name(f"{target.name}.{attempt}")
        if _held(source, place):
            if place.exists():
                place.rename(target)
            return
    raise Gone(source.parent.name)


def _held(source: Path, target: Path) -> bool:
    """Whether all of a version could be had; nothing is there when the table has no version yet."""
    numbered = [(int(match[1]), path) for path in _log(source) if (match := _NUMBER.fullmatch(path.name))]
    newest = max((number for number, path in numbered if path.suffix == ".json"), default=None)
    if newest is None:
        return True
    # Not the hint `_last_checkpoint`: it may name what is newer than this version.
    for number, path in numbered:
        if number <= newest and not link(path, target / _LOG / path.name):
            return False
    try:
        table = DeltaTable(target)
        names = [Path(name).relative_to(target) for name in table.file_uris()]
    except (DeltaError, FileNotFoundError):
        return False
    return table.version() == newest and all(link(source / name, target / name) for name in names)


def _log(source: Path) -> list[Path]:
    try:
        return list((source / _LOG).iterdir())
    except FileNotFoundError:
        return []
