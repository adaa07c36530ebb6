"""Workers as local processes: starts one in its sandbox, hears whether it is ready, and ends it."""

import asyncio
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

import konan.worker
from konan.records.routes import WorkerSpec

_BOOT = Path(konan.worker.__file__).with_name("boot.py")
_LENGTH = struct.Struct("<I")
_LARGEST = 1 << 22
_LINK = b'{"kind":"link"}'


class WorkerFailed(Exception):
    """A worker did not become ready, or is no more.

    Attributes:
        failure: ``{"type", "message", "traceback"}``; the traceback is the model's own, for its owner.
    """

    def __init__(self, failure: dict[str, str]) -> None:
        super().__init__(failure["message"])
        self.failure = failure


class WorkerProcess:
    """One worker.

    Args:
        process: the process.
        channel: the supervisor's end of the channel.

    Attributes:
        pid: id of the process.
        channel: the supervisor's end of the channel; it ends when the worker does.
    """

    def __init__(self, process: subprocess.Popen[bytes], channel: socket.socket) -> None:
        self.pid = process.pid
        self.channel = channel
        self._process = process
        self._temporary: Path | None = None

    @property
    def returncode(self) -> int | None:
        """Exit status, below 0 the signal that ended it; None while it runs."""
        return self._process.poll()

    async def ready(self, within: float) -> dict[str, Any]:
        """Wait until the model is loaded.

        Args:
            within: seconds that it may take; after them the worker is killed.

        Returns:
            The worker's ``ready`` message: ``sandbox``, ``load_seconds``, ``memory_bytes``, ``described``.

        Raises:
            WorkerFailed: it failed, died, or was not ready in time; it has been killed.
        """
        try:
            async with asyncio.timeout(within):
                sandbox = await self._message("sandboxed")
                self._temporary = Path(sandbox["temporary"]) if sandbox.get("temporary") else None
                ready = await self._message("ready")
        except TimeoutError:
            self.kill()
            raise WorkerFailed(
                _failure("StartTimeout", f"The model was not loaded within {within:g} seconds.")
            ) from None
        except (OSError, ValueError, KeyError) as error:
            self.kill()
            raise WorkerFailed(_failure("WorkerDied", f"The worker spoke nonsense: {error}.")) from None
        return {**ready, "sandbox": {"level": sandbox["level"], "layers": sandbox["layers"]}}

    async def configure(self, model: dict[str, Any], within: float) -> None:
        """Say how to call the model, after it was loaded without.

        Args:
            model: has ``features``, ``output`` and ``input``.
            within: seconds that it may take; after them the worker is killed.

        Raises:
            WorkerFailed: it failed, died, or took too long; it has been killed.
        """
        body = json.dumps({"kind": "configure", **model}).encode()
        try:
            async with asyncio.timeout(within):
                await asyncio.get_running_loop().sock_sendall(self.channel, _LENGTH.pack(len(body)) + body)
                await self._message("configured")
        except (OSError, ValueError, KeyError, TimeoutError):
            self.kill()
            raise WorkerFailed(_failure("WorkerDied", "The worker could not be told how to call.")) from None

    def add_link(self) -> socket.socket:
        """Make a link to the worker.

        Returns:
            The gateway's end; it speaks `konan.worker.frames`.

        Raises:
            WorkerFailed: the worker is no more, or takes no messages.
        """
        ours, theirs = socket.socketpair()
        try:
            socket.send_fds(self.channel, [_LENGTH.pack(len(_LINK)) + _LINK], [theirs.fileno()])
        except OSError as error:
            ours.close()
            raise WorkerFailed(
                _failure("WorkerDied", f"The worker takes no links: {error.strerror}.")
            ) from None
        finally:
            theirs.close()
        return ours

    def close(self) -> None:
        """Ask the worker to end, by closing its channel; it ends when its call is answered."""
        self.channel.close()

    def kill(self) -> None:
        """End the worker at once."""
        self._process.kill()

    async def wait(self) -> int:
        """Wait until the worker has ended, and clear away what it left.

        Returns:
            Exit status, below 0 the signal that ended it.
        """
        while self._process.poll() is None:
            await _ended(self._process)
        self.channel.close()
        if self._temporary is not None:
            await asyncio.to_thread(_remove, self._temporary)
        return self._process.returncode

    async def _message(self, kind: str) -> dict[str, Any]:
        head = await self._exactly(_LENGTH.size)
        (size,) = _LENGTH.unpack(head)
        if size > _LARGEST:
            raise ValueError("a message is too long")
        message = json.loads(await self._exactly(size))
        if message["kind"] == "failed":
            self.kill()
            names = ("type", "message", "traceback")
            raise WorkerFailed({name: str(message[name]) for name in names})
        if message["kind"] != kind:
            raise ValueError("a message is out of turn")
        checked: dict[str, Any] = message
        return checked

    async def _exactly(self, size: int) -> bytes:
        loop, parts = asyncio.get_running_loop(), bytearray()
        while len(parts) < size:
            data = await loop.sock_recv(self.channel, size - len(parts))
            if not data:
                self.kill()  # it may have closed the channel only
                raise WorkerFailed(_failure("WorkerDied", _ending(await self.wait())))
            parts += data
        return bytes(parts)


def start_worker(spec: WorkerSpec, *, log: int, unsafe: bool = False) -> WorkerProcess:
    """Start one worker; it is killed when the thread that calls this ends.

    Args:
        spec: what to run.
        log: descriptor that its output goes to; a pipe, so that the model cannot rewrite it.
        unsafe: run it also where the machine cannot lock it in.

    Returns:
        The worker, which loads its model now; see `WorkerProcess.ready`.

    Raises:
        OSError: no process can be started.
    """
    ours, theirs = socket.socketpair()
    ours.settimeout(0)
    with theirs, _unnamed_file() as start:
        start.write(json.dumps(start_message(spec, parent=os.getpid(), unsafe=unsafe)).encode())
        start.flush()
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_BOOT), "launch", str(theirs.fileno())],
                stdin=start,
                stdout=log,
                stderr=log,
                pass_fds=(theirs.fileno(),),
                env={"LANG": "C.UTF-8"},
                cwd="/",
                start_new_session=True,
            )
        except OSError:
            ours.close()
            raise
    return WorkerProcess(process, ours)


def start_message(spec: WorkerSpec, *, parent: int, unsafe: bool, own_root: bool = True) -> dict[str, Any]:
    """What the launcher is told (see `konan.worker.launch`).

    Args:
        spec: what to run.
        parent: id of the process that starts it.
        unsafe: run it also where the machine cannot lock it in.
        own_root: try to give it a root and a user of its own.
    """
    return {
        "python": spec.python,
        "package": spec.package,
        "model": spec.model,
        "memory": spec.memory,
        "files": spec.files,
        "file_bytes": spec.file_bytes,
        "threads": spec.threads,
        "parent": parent,
        "unsafe": unsafe,
        "own_root": own_root,
    }


def _unnamed_file() -> IO[bytes]:
    if sys.platform != "linux":
        return tempfile.TemporaryFile()
    return os.fdopen(os.memfd_create("konan-start"), "w+b")


async def _ended(process: subprocess.Popen[bytes]) -> None:
    if sys.platform != "linux":
        await asyncio.to_thread(process.wait)
        return
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    try:
        loop.add_reader(descriptor, ended.set)
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _remove(directory: Path) -> None:
    try:
        shutil.rmtree(directory, ignore_errors=True)
    except RecursionError:  # the model nested deeper than Python goes
        subprocess.run(["rm", "-rf", "--", str(directory)], check=False)


def _ending(status: int) -> str:
    if status >= 0:
        return f"The worker ended with status {status} while it loaded the model."
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"The worker was ended by {name} while it loaded the model."


def _failure(kind: str, message: str) -> dict[str, str]:
    return {"type": kind, "message": message, "traceback": ""}
