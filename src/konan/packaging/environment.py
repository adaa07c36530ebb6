"""Locked virtual environments: the same requirements give the same bytes, built once and shared.

A lock names every package with the hashes of its files. Its digest is the name of the environment, so
versions with the same lock share one, and a warm deploy neither resolves nor builds. Only wheels are
installed, and nothing of the environment is ever run outside a worker's sandbox: building a source
package would run its author's code with the rights of the server.
"""

import asyncio
import errno
import os
import re
import shutil
import sys
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec
import uv

from konan import config
from konan.errors import GateFailed, Invalid, KonanError, StorageFull
from konan.ids import new_uuid, sha256_hex
from konan.packaging.child import Finished, Limits, run

_BUILDING = ".building-"
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
_MINOR = re.compile(r"3\.\d{1,2}", re.ASCII)
_LAST_LINES = 12
_OURS = Path(sys.executable).resolve()


class Lock(NamedTuple):
    """Every package of an environment with its hashes.

    Attributes:
        text: requirements with hashes, below a line that names the minor version of Python.
        digest: SHA-256 of the text; the name of the environment.
        python: minor version of Python, as ``3.11``.
    """

    text: str
    digest: str
    python: str


class Environments:
    """The environments of one server.

    Args:
        root: directory that holds an environment per digest of a lock, and ``locks``.
        build_timeout: seconds that resolving and building may each take.
    """

    def __init__(self, root: Path, build_timeout: float) -> None:
        self._root = root
        self._locks = root / "locks"
        self._limits = Limits(build_timeout)
        self._turn: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def python(self, digest: str) -> Path:
        """The interpreter of an environment, whether it exists or not."""
        return self._root / digest / "bin" / "python"

    def exists(self, digest: str) -> bool:
        """Whether an environment is built."""
        return self.python(digest).exists()

    async def lock(self, requirements: tuple[str, ...], python: str) -> Lock:
        """The lock of some requirements; the same for the same requirements from then on.

        Args:
            requirements: as ``scikit-learn==1.9.1``.
            python: minor version of Python, as ``3.11``.

        Raises:
            Invalid: that Python is not installed here.
            GateFailed: the requirements cannot be met with wheels.
            DeadlineExceeded: it took too long.
        """
        question = sha256_hex(msgspec.json.encode([sorted(requirements), python, sys.platform]))
        known = self._locks / f"{question}.txt"
        async with self._turn[question]:
            with suppress(FileNotFoundError):
                return read_lock(known.read_text("utf-8"))
            lock = await self._resolve(requirements, python)
            _write(known, lock.text)
        return lock

    async def build(self, lock: Lock) -> Path:
        """The interpreter of the lock's environment, which is built if there is none.

        Raises:
            Invalid: that Python is not installed here.
            GateFailed: a package cannot be had.
            StorageFull: there is no room.
            DeadlineExceeded: it took too long.
        """
        async with self._turn[lock.digest]:
            if not self.exists(lock.digest):
                await self._build(lock)
        return self.python(lock.digest)

    def sweep(self) -> None:
        """Remove what builds that were killed have left; only while none runs."""
        for left in self._root.glob(f"{_BUILDING}*"):
            shutil.rmtree(left, ignore_errors=True)

    async def _resolve(self, requirements: tuple[str, ...], python: str) -> Lock:
        command = ["pip", "compile", "-", "--generate-hashes", "--only-binary", ":all:", "--quiet"]
        command += ["--no-header", "--no-annotate", "--no-python-downloads"]
        command += ["--python", str(await self._interpreter(python))]
        done = await self._uv(command, "\n".join(requirements))
        if done.status:
            raise refused("The requirements cannot be met", done)
        text = f"# python {python}\n{done.output.decode()}"
        return Lock(text, sha256_hex(text.encode()), python)

    async def _build(self, lock: Lock) -> None:
        interpreter = await self._interpreter(lock.python)
        place = self._root / f"{_BUILDING}{new_uuid()}"
        python = str(place / "bin" / "python")
        make = ["venv", "--quiet", "--relocatable", "--no-project", "--no-python-downloads"]
        install = ["pip", "sync", "-", "--quiet", "--python", python, "--require-hashes"]
        install += ["--only-binary", ":all:", "--link-mode", "hardlink", "--allow-empty-requirements"]
        try:
            for command, data in (
                ([*make, "--python", str(interpreter), str(place)], ""),
                (install, lock.text),
            ):
                done = await self._uv(command, data)
                if done.status:
                    raise refused("The environment could not be built", done)
            await self._compile(place)
            await asyncio.to_thread(os.sync)
            _take_place(place, self._root / lock.digest)
        finally:
            shutil.rmtree(place, ignore_errors=True)

    async def _compile(self, place: Path) -> None:
        """Write byte code next to the sources, because workers cannot, and would compile at every start.

        ``-I -S`` keeps the environment's own start-up files from running outside the sandbox. A file
        that does not compile is the package's affair, so the status says nothing.
        """
        python = place / "bin" / "python"
        packages = str(next((place / "lib").glob("python*")) / "site-packages")
        command = [str(python), "-I", "-S", "-m", "compileall", "-q", "-j", "0", "-x", "/tests/", packages]
        await run(command, self._limits, environment={}, directory=self._root)

    async def _interpreter(self, minor: str) -> Path:
        """A Python of that minor version: our own if it fits, else the one that uv finds."""
        if _MINOR.fullmatch(minor) is None:
            raise Invalid("The Python version must be a minor version, as 3.11.")
        if minor == f"{sys.version_info.major}.{sys.version_info.minor}":
            return _OURS
        done = await self._uv(["python", "find", "--no-project", "--no-python-downloads", minor])
        if done.status:
            raise Invalid(
                f"Python {minor}, on which the model was made, is not installed here"
                f" (installed: {', '.join(await self._installed())}).",
                hint=f"Install Python {minor} on the server, or save the model with one that is installed.",
            )
        return Path(done.output.decode().strip())

    async def _installed(self) -> list[str]:
        done = await self._uv(["python", "list", "--only-installed", "--output-format", "json"])
        with suppress(msgspec.DecodeError):
            found = msgspec.json.decode(done.output, type=list[dict[str, object]])
            minors = {tuple(str(one["version"]).split(".")[:2]) for one in found}
            return [".".join(minor) for minor in sorted(minors, key=lambda pair: int(pair[1]))]
        return [f"{sys.version_info.major}.{sys.version_info.minor}"]

    async def _uv(self, arguments: list[str], data: str = "") -> Finished:
        return await run(
            [uv.find_uv_bin(), *arguments],
            self._limits,
            environment=builder_settings(),
            directory=self._root,
            data=data.encode(),
        )


def read_lock(text: str) -> Lock:
    r"""A lock from its text.

    >>> read_lock("# python 3.11\n").python
    '3.11'

    Raises:
        Invalid: the text does not begin with the version of Python.
    """
    first = text.partition("\n")[0]
    if not first.startswith("# python "):
        raise Invalid("A lock must begin with the version of Python.")
    return Lock(text, sha256_hex(text.encode()), first.removeprefix("# python "))


def refused(what: str, done: Finished) -> KonanError:
    """Why uv failed, in its own last lines, without the credentials of an index."""
    lines = [line.rstrip() for line in _CREDENTIALS.sub("", done.talk).splitlines() if line.strip()]
    said = " ".join(" ".join(lines[-_LAST_LINES:]).split())
    if "No space left on device" in said:
        return StorageFull("There is no room on the disk for the environment.")
    hint = "Check the names, versions and Python of the requirements, and that the index can be reached."
    if "only-binary" in said or "building from source is disabled" in said or "no usable wheels" in said:
        hint = "Konan installs wheels only. Ask for a version that has one, or put one on your index."
    return GateFailed(f"{what}. uv says: {said}", hint=hint)


def builder_settings() -> dict[str, str]:
    """The user's own settings, with pip's names for an index also under uv's."""
    found = config.builder_environment()
    for name in ("INDEX_URL", "EXTRA_INDEX_URL", "FIND_LINKS"):
        if f"PIP_{name}" in found:
            found.setdefault(f"UV_{name}", found[f"PIP_{name}"].replace(" ", "," if "LINKS" in name else " "))
    if "PIP_CERT" in found:
        found.setdefault("SSL_CERT_FILE", found["PIP_CERT"])
    found["UV_NO_PROGRESS"] = "1"
    return found


def _take_place(fresh: Path, place: Path) -> None:
    """Rename an environment, unless the same one was built meanwhile."""
    try:
        fresh.rename(place)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    fresh = path.with_name(f"{_BUILDING}{new_uuid()}")
    fresh.write_text(text, "utf-8")
    fresh.rename(path)
