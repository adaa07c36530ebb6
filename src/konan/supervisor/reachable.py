"""Where commands find this server: a profile beside its data, and the user's own where that is free.

The user's own profile is not taken from another server that still answers.
"""

from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from konan import config, profile
from konan.config import Paths
from konan.errors import Invalid, StorageFull
from konan.profile import Profile

_PATIENCE = 1.0


class Reachable:
    """Where the address and the key of this server are written.

    Args:
        paths: where the data directory is.
        url: origin of the server.

    Attributes:
        url: as given.
        path: a file with both.
        note: what the user must know of it; empty when commands find it by themselves.
    """

    def __init__(self, paths: Paths, url: str) -> None:
        self.url = url
        self.path = paths.root / profile.FILE_NAME
        self.note = ""
        self._root = paths.root
        self._key = ""

    def keep(self, key: str) -> None:
        """Write them, unless that is done.

        Args:
            key: text of the owner key.

        Raises:
            StorageFull: they cannot be written.
        """
        if key == self._key:
            return
        known, ours = self._last(), Profile(url=self.url, key=key)
        try:
            profile.write(ours, self._root)
        except OSError as error:
            raise StorageFull(
                f"The profile in the data directory cannot be written: {error.strerror}.",
                hint="Make room on the disk, then start again.",
            ) from None
        self._key = key
        self.path, self.note = self._kept(ours, known)

    def _last(self) -> str:
        """The key that this server had when it was started last; empty if that is not known."""
        try:
            present = profile.read(self._root)
        except (Invalid, OSError):
            return ""
        return present.key if present else ""

    def _kept(self, ours: Profile, known: str) -> tuple[Path, str]:
        beside = self._root / profile.FILE_NAME
        reach = f"Reach this server with: export KONAN_HOME={self._root}"
        other = _other(self.url, {known, ours.key})
        if other:
            return beside, f"Your profile goes on naming {other}, which runs too. {reach}"
        try:
            return profile.write(ours), ""
        except OSError as error:
            return beside, f"Your profile in {config.home()} cannot be written: {error.strerror}. {reach}"


def _other(url: str, keys: set[str]) -> str:
    """Address of another server that the user's profile names and that answers; empty if there is none."""
    try:
        present = profile.read()
    except (Invalid, OSError):
        return ""
    if present is None or present.url == url or present.key in keys or not answers(present.url):
        return ""
    return present.url


def answers(url: str) -> bool:
    """Whether a Konan server answers at an address."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=_PATIENCE)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().read(64) == b'{"status":"ok"}'
        finally:
            connection.close()
    except (OSError, ValueError, HTTPException):
        return False
