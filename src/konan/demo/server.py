"""A server for the demonstration: one of its own, apart from the user's, or the one that runs already."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from konan import config, profile
from konan.client.address import find
from konan.errors import KonanError, by_code


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs.

    Attributes:
        url: its address.
        key: text of a key with every scope.
        journal: where its log is; ``None`` when that is not on this machine.
        folder: for files that outlast the story.
    """

    url: str
    key: str = field(repr=False)
    journal: Path | None
    folder: Path


class _Started(msgspec.Struct, frozen=True):
    url: str
    profile: str


class _Error(msgspec.Struct, frozen=True):
    code: str
    message: str
    hint: str = ""


class _Failed(msgspec.Struct, frozen=True):
    error: _Error


@contextmanager
def own(folder: Path, *, keep: bool) -> Iterator[Server]:
    """Start a server on a free port in the background, and stop it in the end.

    Its profile is kept in the same folder, so that the user's own profile stays as it is.

    Args:
        folder: for its data and its profile.
        keep: leave it running when all went well.

    Raises:
        KonanError: it does not start, with the error that it gave.
    """
    started = msgspec.json.decode(
        _konan(folder, "up", "--port", "0", "--data-dir", _data(folder), "--detach", "--json"), type=_Started
    )
    finished = False
    try:
        found = msgspec.json.decode(Path(started.profile).read_bytes(), type=profile.Profile)
        yield Server(started.url, found.key, config.Paths(folder / "data").journal, folder)
        finished = True
    finally:
        if not (keep and finished):
            _konan(folder, "down", "--data-dir", _data(folder), "--json")


@contextmanager
def running() -> Iterator[Server]:
    """The server that environment or profile name.

    Raises:
        Unreachable: none is named.
    """
    address = find()
    settings, _ = config.load()
    journal = config.paths(settings).journal
    here = journal if address.loopback and journal.is_dir() else None
    yield Server(address.url, address.key, here, Path.cwd())


def _data(folder: Path) -> str:
    return str(folder / "data")


def _konan(home: Path, *words: str) -> bytes:
    """Run a command of Konan's with a home of its own, and give what it says.

    Raises:
        KonanError: of the class that the command told.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    done = subprocess.run(
        ["env", f"KONAN_HOME={home}", sys.executable, "-m", "konan.cli.main", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode == 0:
        return done.stdout
    try:
        error = msgspec.json.decode(done.stdout, type=_Failed).error
    except msgspec.DecodeError:
        raise KonanError(f"`konan {words[0]}` ended with exit code {done.returncode}.") from None
    classes = by_code()
    raise classes.get(error.code, KonanError)(error.message, hint=error.hint)
