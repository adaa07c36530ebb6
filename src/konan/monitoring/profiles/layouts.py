"""What is counted of each version's rows: layouts in files, where the process that counts reads them.

The control plane lays them there when a version has a reference; profiles that were counted before are made
again from the log.
"""

import os
from pathlib import Path

import msgspec

from konan import ids
from konan.monitoring.profiles import LAYOUT
from konan.monitoring.profiles.profile import Layout

NOTHING = Layout(())
"""Of rows of which only the number is counted."""


class Layouts:
    """The layouts of one deployment's versions.

    Args:
        directory: where its profiles are.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._known: dict[int, tuple[tuple[int, int], Layout]] = {}

    def __call__(self, version: int) -> Layout:
        """What is counted of a version's rows; `NOTHING` while it has no reference."""
        path = self._path(version)
        try:
            found = path.stat()
        except FileNotFoundError:
            return NOTHING
        known = self._known.get(version)
        if known is None or known[0] != (found.st_ino, found.st_mtime_ns):
            try:
                layout = Layout.from_json(path.read_bytes())
            except (msgspec.DecodeError, FileNotFoundError):  # cut short by a power cut: it is laid again
                layout = NOTHING
            known = self._known[version] = (found.st_ino, found.st_mtime_ns), layout
        return known[1]

    def put(self, version: int, layout: Layout) -> bool:
        """Lay down what is to be counted of a version's rows; whether that is new."""
        if self(version).digest == layout.digest:
            return False
        self._directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory.mkdir(mode=0o700, exist_ok=True)
        fresh = self._directory / f"{ids.new_uuid()}.new"
        fresh.touch(mode=0o600)
        with fresh.open("wb") as file:
            file.write(layout.to_json())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path(version))
        return True

    def _path(self, version: int) -> Path:
        return self._directory / f"{version}{LAYOUT}"
