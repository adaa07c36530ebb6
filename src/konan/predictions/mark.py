"""Undoes a change of a table that may be half on disk (see `konan.predictions.table`), with files alone."""

import os
from pathlib import Path

LOG = "_delta_log"
NAME = "change"
"""The file beside a table, while it is changed, that says which version it had before."""


def recover(directory: Path) -> None:
    """Undo a change that was broken off, if there is one; nobody may be at work.

    Args:
        directory: of the log.
    """
    mark = directory / NAME
    if not mark.exists():
        return
    text = mark.read_text()
    if text.strip("-").isdecimal():  # an empty mark: the change had not begun
        for path in behind(directory / "table", int(text)):
            path.unlink()
    mark.unlink()
    sync(directory)


def behind(table: Path, version: int) -> list[Path]:
    """Files of a table's log that are about versions after one."""
    log = table / LOG
    paths = list(log.iterdir()) if log.is_dir() else []
    numbers = {path: path.name.partition(".")[0] for path in paths}
    return [
        path
        for path, number in numbers.items()
        if path.name == "_last_checkpoint" or (number.isdecimal() and int(number) > version)
    ]


def sync(path: Path) -> None:
    """Wait until a file or a directory is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
