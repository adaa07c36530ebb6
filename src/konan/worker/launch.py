"""Starts a worker: run by the platform's own Python, it locks itself in and becomes the model's interpreter.

Nothing of the model's environment runs before the sandbox is whole, not even its interpreter, which a
package could have replaced. Descriptor 0 holds the start message as JSON, 1 and 2 are the log, and the
argument is the number of the channel's descriptor (see `wire`).

The start message: ``python``, ``package``, ``model`` (see `main`), ``memory``, ``files``,
``file_bytes``, ``threads``, ``parent`` (id of the supervisor's process), ``unsafe``, ``own_root``.
"""

import contextlib
import json
import os
import socket
import sys
import tempfile
import traceback
from typing import Any, Dict, List, NoReturn, Tuple

from . import interpreter, kernel, root, sandbox, wire

_HERE = os.path.dirname(os.path.abspath(__file__))
_UNREADABLE = (
    "The worker's user cannot read %s. Environments and packages must be readable by others (umask 022) "
    "inside the data directory, which itself is private."
)


def main(arguments: "list[str]") -> None:
    """Lock this process in and start the model's interpreter in it.

    Args:
        arguments: number of the channel's descriptor.
    """
    channel = _channel(int(arguments[0]))
    try:
        start = json.loads(_whole(0).decode())
        layers, temporary = confine(start)
        reached = {"level": sandbox.level(layers), "layers": layers}
        wire.send(channel, {"kind": "sandboxed", "temporary": temporary[1], **reached})
        become_worker(start, temporary[0], filtered="seccomp" in layers)
    except Exception as error:  # noqa: BLE001 - whatever it is, the supervisor hears of it
        wire.send(channel, wire.failed(type(error).__name__, str(error), traceback.format_exc()))
        sys.exit(1)


def confine(start: "Dict[str, Any]") -> "Tuple[List[str], Tuple[str, str]]":
    """Lock this process in as far as the machine allows.

    Args:
        start: the start message.

    Returns:
        The layers that hold, and the temporary directory: its path, and the same again if somebody
        else must remove it.

    Raises:
        sandbox.Refused: the machine allows too little.
        interpreter.NotFound: a path does not exist.
        OSError: the kernel refuses something that it offers.
    """
    _die_with(int(start["parent"]))
    os.umask(0o022)
    needed = _needed(start)
    user = _free_user()
    layers: "List[str]" = []
    if start["own_root"] and root.enter():
        root.fill(needed, interpreter.DEVICES, int(start["file_bytes"]))
        layers += ["root", *_take(user)]
        temporary = (root.TEMPORARY, "")
    else:
        made = tempfile.mkdtemp(prefix="konan-worker-")
        temporary = (made, made)
    _die_with(int(start["parent"]))
    reach = sandbox.Reach(needed.readable, [temporary[0]], list(interpreter.DEVICES))
    limits = sandbox.Limits(int(start["memory"]), int(start["files"]), int(start["file_bytes"]))
    try:
        _check_readable(start)
        return sandbox.lock_in(reach, limits, layers, unsafe=bool(start["unsafe"])), temporary
    except Exception:
        with contextlib.suppress(OSError):
            os.rmdir(temporary[1] or root.TEMPORARY)
        raise


def become_worker(start: "Dict[str, Any]", temporary: str, *, filtered: bool) -> NoReturn:
    """Start the model's interpreter in this process, with `main` and a cleared environment.

    Args:
        start: the start message.
        temporary: the directory that the worker may write.
        filtered: whether system calls are filtered, so that the worker closes what is left.
    """
    python = str(start["python"])
    options = ["-I", "-S", "-B", "-u"]
    arguments = [python, *options, os.path.join(_HERE, "boot.py"), "main", "filtered" if filtered else ""]
    os.lseek(0, 0, os.SEEK_SET)
    os.umask(0o077)
    os.execve(python, arguments, environment(temporary, int(start["threads"])))  # noqa: S606 - no shell is wanted


def environment(temporary: str, threads: int) -> "Dict[str, str]":
    """All environment variables of a worker.

    Args:
        temporary: the directory that it may write.
        threads: numeric threads.
    """
    pools = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "BLIS", "RAYON")
    values = {pool + "_NUM_THREADS": str(threads) for pool in pools}
    values.update(NUMEXPR_MAX_THREADS=str(threads), VECLIB_MAXIMUM_THREADS=str(threads))
    values.update(HOME=temporary, TMPDIR=temporary, LANG="C.UTF-8", USER="model", LOGNAME="model")
    values.update(JOBLIB_MULTIPROCESSING="0", LOKY_MAX_CPU_COUNT=str(threads))  # no processes to be had
    return values


def _channel(number: int) -> socket.socket:
    if number != wire.CHANNEL:
        os.dup2(number, wire.CHANNEL, inheritable=True)
        os.close(number)
    return socket.socket(fileno=wire.CHANNEL)


def _whole(descriptor: int) -> bytes:
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return file.read()


def _needed(start: "Dict[str, Any]") -> interpreter.Needs:
    for path in _own_paths(start):
        if not os.path.exists(path):
            raise interpreter.NotFound("There is no %s." % path)
    python = interpreter.needs(str(start["python"]))
    return interpreter.real([*python.readable, str(start["package"]), _HERE], python.links)


def _own_paths(start: "Dict[str, Any]") -> "List[str]":
    package = str(start["package"])
    return [str(start["python"]), package, *(os.path.join(package, name) for name in start["model"]["files"])]


def _check_readable(start: "Dict[str, Any]") -> None:
    for path in _own_paths(start):
        if not os.access(path, os.R_OK | (os.X_OK if os.path.isdir(path) else 0)):
            raise PermissionError(_UNREADABLE % path)


def _free_user() -> int:
    if os.getuid() or not kernel.machine():
        return os.getuid()
    with open("/proc/self/uid_map", encoding="ascii") as file:
        return root.free_user(os.getpid(), file.read())


def _take(user: int) -> "List[str]":
    own = user != os.getuid()
    root.own_temporary(user, user if own else os.getgid())
    if own:
        root.become(user)
    return ["user"] if own else []


def _die_with(parent: int) -> None:
    if not kernel.machine():
        return
    kernel.die_with_parent()
    if os.getppid() != parent:  # it ended before this could be asked for
        os._exit(1)
