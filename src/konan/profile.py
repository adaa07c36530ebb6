"""The local profile: where this user's server is and the key for it, written by ``konan up``.

The key is sent to the profile's own address only; a command that is pointed elsewhere needs a key of its own.
Each data directory keeps a profile of its own server beside it, so ``KONAN_HOME`` set to a data directory
reaches that server while the user's profile names another one.
"""

import os
import tempfile
from pathlib import Path

import msgspec

from konan import config
from konan.errors import Invalid

FILE_NAME = "profile.json"


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A server and a key for it.

    Attributes:
        url: origin of the server, as ``http://127.0.0.1:8000``.
        key: text of the key; good for that origin only.
    """

    url: str
    key: str


def read(folder: Path | None = None) -> Profile | None:
    """The profile in a folder, else in ``$KONAN_HOME``, else ``~/.konan``; None if there is none.

    Raises:
        Invalid: the file is not a profile.
    """
    path = (folder or config.home()) / FILE_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Profile)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError:
        raise Invalid(f"{path} is not a profile.", hint="Delete it; `konan up` writes a new one.") from None


def known_key(folder: Path) -> str:
    """Text of the key in the profile of a data directory, else in the user's; empty if there is none."""
    for place in (folder, None):
        try:
            found = read(place)
        except (Invalid, OSError):
            continue
        if found is not None:
            return found.key
    return ""


def write(profile: Profile, folder: Path | None = None) -> Path:
    """Replace the profile; only its owner can read it, and a reader sees the old one or the new one whole.

    Args:
        profile: what it shall say.
        folder: where; else ``$KONAN_HOME``, else ``~/.konan``.

    Returns:
        Where it is.

    Raises:
        OSError: it cannot be written; the old one stays.
    """
    home = folder or config.home()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".profile-", dir=home)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(profile)) + b"\n")
        Path(temporary).replace(home / FILE_NAME)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return home / FILE_NAME
