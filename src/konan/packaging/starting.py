"""How a worker is started for a build: where its output goes, and what it means when it does not come up."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from konan.errors import GateFailed
from konan.packaging.features import Described
from konan.packaging.trial import ModelRaised, Worker

_OWN_WORDS = frozenset({"Refused", "StartTimeout", "WorkerDied"})
"""Kinds of failure whose message is the platform's and not the model's."""


@contextmanager
def piped(path: Path, most: int, purpose: str = "") -> Iterator[int]:
    """A descriptor whose output is appended to a log file, at most so many bytes of it.

    It is a pipe, so that a model can neither rewrite the log nor fill the disk. What still comes after the
    block, from processes that inherited the descriptor, is written too.

    Args:
        path: the log file.
        most: bytes.
        purpose: a line that tells readers what the model is being asked.
    """
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    reader, writer = os.pipe()
    threading.Thread(target=_copy, args=(reader, file, most), daemon=True).start()
    try:
        if purpose:
            os.write(writer, f"--- {purpose}\n".encode())
        yield writer
    finally:
        os.close(writer)


def _copy(reader: int, file: int, most: int) -> None:
    with os.fdopen(reader, "rb", buffering=0) as source, os.fdopen(file, "ab", buffering=0) as target:
        while data := source.read(65536):
            with suppress(OSError):  # a full disk costs log lines, never the build
                target.write(data[:most])
            most = max(0, most - len(data))


async def ready(worker: Worker, within: float) -> dict[str, Any]:
    """What a worker says when its model is loaded; otherwise the worker is ended.

    Raises:
        GateFailed: it could not be loaded; the cause is a `ModelRaised` with the model's traceback.
    """
    try:
        return await worker.ready(within)
    except BaseException as error:
        worker.kill()
        await worker.wait()
        failure = getattr(error, "failure", None)
        if failure is None:
            raise
        raise _refused(failure) from ModelRaised(str(failure["type"]), str(failure["traceback"]))


def _refused(failure: dict[str, str]) -> GateFailed:
    kind = failure["type"]
    if kind in _OWN_WORDS or not failure["traceback"]:
        return GateFailed(failure["message"])
    hint = "Its traceback is kept with the version."
    if kind in ("ModuleNotFoundError", "ImportError"):
        hint = "A package is missing: give its requirements, as --requirements FILE."
    return GateFailed(f"The model could not be loaded: it raised {kind}.", hint=hint)


def described(said: dict[str, Any]) -> Described:
    """What the model says about itself, out of what its worker said.

    Raises:
        GateFailed: it makes no sense.
    """
    try:
        return msgspec.convert(said["described"], type=Described)
    except (KeyError, msgspec.ValidationError):
        raise GateFailed("What the model says about itself cannot be understood.") from None
