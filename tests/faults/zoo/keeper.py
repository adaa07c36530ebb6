"""Starts workers for the tests, at the level that a test asks for, and talks to them."""

import asyncio
import contextlib
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from konan.adapters.processes import WorkerFailed, WorkerProcess, start_message, start_worker
from konan.records.routes import WorkerSpec
from konan.worker import frames

ZOO = Path(__file__).parent
WORKER = Path(frames.__file__).parent
NOBODY = 65534
PATIENCE = 60.0


def spec(package: Path, **changes: Any) -> WorkerSpec:
    """A worker for a Python class of the zoo; ``model`` and all else can be changed."""
    values: dict[str, Any] = {
        "version_uuid": "01",
        "label": "zoo v1",
        "python": sys.executable,
        "package": str(package),
        "model": {"loader": "python", "files": ["model.py"], "features": []},
        "replicas": 1,
        "memory": 1 << 30,
        "files": 128,
        "file_bytes": 8 << 20,
        "threads": 1,
        "start_timeout": PATIENCE,
        "crashes": 5,
    }
    return WorkerSpec(**{**values, **changes})


def package(directory: Path, source: str, **files: bytes) -> Path:
    """A package with one file of the zoo as ``model.py``, and others beside it."""
    made = directory / "package"
    made.mkdir(parents=True)
    shutil.copy(ZOO / source, made / "model.py")
    for name, content in files.items():
        (made / name).write_bytes(content)
    return made


@dataclass
class Kept:
    """A worker that is ready.

    Attributes:
        process: the process as the supervisor sees it.
        link: a link to it.
        ready: what it said.
    """

    process: WorkerProcess
    link: socket.socket
    ready: dict[str, Any]

    def ask(self, rows: list[list[Any]], numbers: bytes = b"") -> frames.Frame:
        """Send rows as texts and wait for the answer.

        Raises:
            EOFError: the worker has gone.
        """
        texts = json.dumps(rows).encode() if rows else b""
        frames.write(self.link, frames.Frame(frames.PREDICT, max(len(rows), 1), numbers, texts))
        try:
            found = frames.read(self.link)
        except ConnectionResetError:
            found = None
        if found is None:
            raise EOFError
        return found

    def told(self, rows: list[list[Any]]) -> Any:
        """The answers of a model that answers JSON."""
        frame = self.ask(rows)
        assert frame.kind == frames.DONE, frame.texts
        return json.loads(frame.texts)

    def ended(self) -> int:
        """Wait for its end; its status."""
        return asyncio.run(asyncio.wait_for(self.process.wait(), PATIENCE))


@contextlib.contextmanager
def kept(wanted: WorkerSpec, log: Path) -> Iterator[Kept]:
    """A ready worker, started as the supervisor does; it is gone afterwards."""
    with log.open("ab") as file:
        process = start_worker(wanted, log=file.fileno())
    with _kept(process) as worker:
        yield worker


@contextlib.contextmanager
def bystander(directory: Path) -> Iterator[Kept]:
    """A well-behaved worker, to see that it goes on."""
    model = {"loader": "python", "files": ["model.py"], "features": [["x", "number", "float64"]]}
    with kept(spec(package(directory, "bystander.py"), model=model), directory / "log") as worker:
        yield worker


def well(worker: Kept) -> bool:
    """Whether a `bystander` answers as it should."""
    return worker.ask([], numbers=struct.pack("d", 21.0)).texts == b"[42.0]"


def refusal(wanted: WorkerSpec, log: Path, within: float = PATIENCE) -> dict[str, str]:
    """Why a worker did not become ready."""
    with log.open("ab") as file:
        process = start_worker(wanted, log=file.fileno())
    return why_not(process, within)


def why_not(process: WorkerProcess, within: float = PATIENCE) -> dict[str, str]:
    """Why a worker that was started did not become ready; it is gone afterwards."""
    try:
        asyncio.run(process.ready(within))
    except WorkerFailed as failed:
        return failed.failure
    finally:
        process.kill()
        asyncio.run(process.wait())
    raise AssertionError("the worker became ready")


@contextlib.contextmanager
def kept_by_nobody(wanted: WorkerSpec, log: Path, *, own_root: bool) -> Iterator[Kept]:
    """A ready worker that an unprivileged user started (this one, or nobody when this is root).

    Its code is run from the folder ``worker`` beside its package.
    """
    boot = Path(wanted.package).parent / "worker" / "boot.py"
    user = None if os.geteuid() else NOBODY
    message = start_message(wanted, parent=os.getpid(), unsafe=False, own_root=own_root)
    with _kept(_started([wanted.python, "-I", "-S", str(boot)], message, log, user)) as worker:
        yield worker


def started_without(
    calls: list[str], wanted: WorkerSpec, log: Path, *, unsafe: bool = False
) -> WorkerProcess:
    """A worker started on a system that lacks some system calls."""
    command = [sys.executable, str(ZOO / "without.py"), *calls, "--"]
    message = start_message(wanted, parent=os.getpid(), unsafe=unsafe)
    return _started([*command, sys.executable, "-I", "-S", str(WORKER / "boot.py")], message, log, None)


@contextlib.contextmanager
def kept_without(calls: list[str], wanted: WorkerSpec, log: Path, *, unsafe: bool = False) -> Iterator[Kept]:
    """A ready worker on a system that lacks some system calls."""
    with _kept(started_without(calls, wanted, log, unsafe=unsafe)) as worker:
        yield worker


def _started(command: list[str], message: dict[str, Any], log: Path, user: int | None) -> WorkerProcess:
    ours, theirs = socket.socketpair()
    ours.settimeout(0)
    with theirs, log.open("ab") as output, tempfile.TemporaryFile() as start:
        start.write(json.dumps(message).encode())
        start.flush()
        process = subprocess.Popen(
            [*command, "launch", str(theirs.fileno())],
            stdin=start,
            stdout=output,
            stderr=output,
            pass_fds=(theirs.fileno(),),
            env={},
            cwd="/",
            start_new_session=True,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
    return WorkerProcess(process, ours)


@contextlib.contextmanager
def open_to_all() -> Iterator[Path]:
    """A directory that every user can read, with the worker's own code in it."""
    with tempfile.TemporaryDirectory(prefix="konan-zoo-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        shutil.copytree(WORKER, directory / "worker", ignore=shutil.ignore_patterns("__pycache__"))
        yield directory


def own_root_is_possible() -> bool:
    """Whether this system lets an unprivileged user make namespaces."""
    user = None if os.geteuid() else NOBODY
    command = ["unshare", "--user", "--map-root-user", "--mount", "--net", "true"]
    try:
        return not subprocess.run(command, user=user, group=user, capture_output=True, check=False).returncode
    except FileNotFoundError:
        return False


def python_for_all() -> str:
    """An interpreter that every user can run; this one when this is not root."""
    if os.geteuid():
        return sys.executable
    for candidate in (str(Path(sys.executable).resolve()), "/usr/local/bin/python3", "/usr/bin/python3"):
        with contextlib.suppress(OSError):
            tried = subprocess.run([candidate, "-c", ""], user=NOBODY, group=NOBODY, env={}, check=False)
            if not tried.returncode:
                return candidate
    raise AssertionError("there is no interpreter that every user can run")


@contextlib.contextmanager
def _kept(process: WorkerProcess) -> Iterator[Kept]:
    try:
        ready = asyncio.run(process.ready(PATIENCE))
        with process.add_link() as link:
            link.settimeout(PATIENCE)
            yield Kept(process, link, ready)
    finally:
        process.kill()
        asyncio.run(process.wait())
