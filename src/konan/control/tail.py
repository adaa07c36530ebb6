"""The last lines of a log file, read from its end, whatever its size."""

import os
from pathlib import Path

LARGEST = 1024 * 1024
"""Bytes that are looked at."""


def last_lines(path: Path, count: int) -> list[str]:
    """The newest lines, oldest first; none when there is no such file.

    Args:
        path: of the file; a link is not followed.
        count: most lines.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return []
    with os.fdopen(descriptor, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        start = file.seek(max(0, size - LARGEST))
        data = file.read(LARGEST)
    lines = data.split(b"\n")
    if start:
        del lines[0]  # its beginning lies before what was read
    if lines and not lines[-1]:
        del lines[-1]
    return [line.decode(errors="replace") for line in lines[-count:]]
