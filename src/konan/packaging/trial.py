"""A worker on trial: asked what gateways will ask it, with a deadline on every group of questions.

The calls block and belong in a thread. What comes back was made by a stranger's code, so its sizes are
checked before it is read.
"""

import asyncio
import signal
import socket
import struct
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

import msgspec

from konan import clock
from konan.errors import GateFailed
from konan.packaging.golden import Row, frame, width
from konan.records.routes import WorkerSpec
from konan.records.schema import Feature, Output
from konan.worker import frames

Result = TypeVar("Result")
_LENGTH = struct.Struct("<I")
_LARGEST_REPLY = 1 << 20
_LARGEST_TEXT_ROW = 1 << 20
_LARGEST_TEXT = 1 << 26
_LONGEST_TEXT = 20_000


class Worker(Protocol):
    """A worker process, as `konan.adapters.processes` starts one."""

    channel: socket.socket

    @property
    def pid(self) -> int:
        """Its process id."""
        ...

    @property
    def returncode(self) -> int | None:
        """Its exit status once it has ended; negative is a signal."""
        ...

    async def ready(self, within: float) -> dict[str, Any]:
        """Its message that the model is loaded; raises an error with the attribute ``failure`` otherwise."""
        ...

    def add_link(self) -> socket.socket:
        """A new link to it."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...

    async def wait(self) -> int:
        """Its exit status, once it has ended."""
        ...


class StartWorker(Protocol):
    """Starts a sandboxed worker, as `konan.adapters.processes.start_worker` does."""

    def __call__(self, spec: WorkerSpec, *, log: int, unsafe: bool = False) -> Worker:
        """Start one; its output goes to the descriptor ``log``."""
        ...


class ModelRaised(Exception):
    """The model raised; its own words are for its owner only.

    Attributes:
        kind: class of what it raised.
        traceback: its own traceback.
    """

    def __init__(self, kind: str, traceback: str) -> None:
        super().__init__(kind)
        self.kind = kind
        self.traceback = traceback


class WorkerDied(Exception):
    """The worker is no more; the message says when."""


class Form(NamedTuple):
    """How a worker shall give rows to its model and give back what it answers.

    Attributes:
        features: the model's inputs in its order.
        output: what it answers.
        input: how it is given rows, see `konan.records.deployments.Certificate`.
    """

    features: tuple[Feature, ...]
    output: Output
    input: Literal["frame", "array"]

    def model(self) -> dict[str, Any]:
        """The form as a part of a worker's model specification."""
        output = self.output
        return {
            "features": [[one.name, one.type, one.dtype] for one in self.features],
            "output": {
                "kind": output.kind,
                "probabilities": output.probabilities,
                "label": output.label,
                "values": output.values,
            },
            "input": self.input,
        }


class Trial:
    """One ready worker and one link to it.

    Args:
        worker: a worker whose model is loaded.
        seconds: what a group of questions may take.
    """

    def __init__(self, worker: Worker, seconds: float) -> None:
        self._worker = worker
        self._seconds = seconds
        self._link = worker.add_link()
        self._what = ""
        self._end = 0.0
        self._form = Form((), Output(), "frame")

    def begin(self, what: str) -> None:
        """Begin a group of questions: the deadline counts from now.

        Args:
            what: what the model is asked, in words that follow "when it was".
        """
        self._what, self._end = what, clock.monotonic() + self._seconds

    def form(self, form: Form) -> None:
        """Make the worker use a form from now on.

        Raises:
            GateFailed: the worker did not answer in time.
            WorkerDied: it died.
        """
        body = msgspec.json.encode({"kind": "configure", **form.model()})
        reply = self._exchange(self._worker.channel, _LENGTH.pack(len(body)) + body, self._reply)
        if reply.get("kind") != "configured":
            raise GateFailed("The worker could not be told the model's inputs.")
        self._form = form

    def ask(self, rows: tuple[Row, ...] | list[Row]) -> frames.Frame:
        """What the model answers for some rows.

        Raises:
            ModelRaised: it raised.
            GateFailed: it did not answer in time, or answered far too much.
            WorkerDied: it died.
        """
        return self.ask_frame(frame(self._form.features, rows))

    def ask_frame(self, question: frames.Frame) -> frames.Frame:
        """What the model answers for a frame of rows; errors as of `ask`."""
        rows = question.rows
        answer = self._exchange(self._link, frames.pack(question), lambda: self._answer(rows))
        if answer.kind == frames.FAIL:
            said = _said(answer.texts)
            raise ModelRaised(said["type"], said["traceback"])
        return answer

    def close(self) -> None:
        """Close the link; the worker goes on."""
        self._link.close()

    def _exchange(self, sock: socket.socket, data: bytes, read: Callable[[], Result]) -> Result:
        try:
            sock.settimeout(self._left())
            sock.sendall(data)
            return read()
        except TimeoutError:
            raise GateFailed(
                f"The model did not answer within {self._seconds:g} s when it was {self._what}.",
                hint="A prediction must take well below a second; the logs may say what it waits for.",
            ) from None
        except OSError:
            raise WorkerDied(self._what) from None

    def _left(self) -> float:
        left = self._end - clock.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def _answer(self, rows: int) -> frames.Frame:
        head = self._exactly(self._link, frames.HEAD.size)
        try:
            kind, count, numbers, texts, nanoseconds = frames.unpack_head(head)
        except ValueError:
            raise _nonsense() from None
        most = min(_LARGEST_TEXT, _LARGEST_TEXT_ROW * max(1, rows))
        if kind == frames.DONE and count != rows:
            raise GateFailed("The model answered another number of outputs than it was given rows.")
        if numbers > rows * 8 * max(1, width(self._form.output)) or texts > most:
            raise GateFailed("The model answered far more than its outputs can be.")
        body = self._exactly(self._link, numbers + texts)
        return frames.Frame(kind, count, body[:numbers], body[numbers:], nanoseconds)

    def _reply(self) -> dict[str, Any]:
        (size,) = _LENGTH.unpack(self._exactly(self._worker.channel, _LENGTH.size))
        if size > _LARGEST_REPLY:
            raise _nonsense()
        return _parsed(self._exactly(self._worker.channel, size))

    def _exactly(self, sock: socket.socket, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            sock.settimeout(self._left())
            part = sock.recv(min(size - len(parts), 1 << 20))
            if not part:
                raise ConnectionResetError
            parts += part
        return bytes(parts)


def _said(texts: bytes) -> dict[str, str]:
    found = _parsed(texts)
    return {name: str(found.get(name, ""))[:_LONGEST_TEXT] for name in ("type", "traceback")}


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise _nonsense() from None


def _nonsense() -> GateFailed:
    return GateFailed("The model's process does not speak as a worker does.")


async def tried(worker: Worker, seconds: float, work: Callable[[Trial], Result]) -> Result:
    """Put a ready worker on trial in a thread, then end it.

    Args:
        worker: a worker whose model is loaded.
        seconds: what a group of questions may take.
        work: what to ask.

    Raises:
        GateFailed: the model raised, died or did not answer in time. Where it raised, the cause is a
            `ModelRaised` with its traceback.
    """
    trial = Trial(worker, seconds)
    try:
        return await asyncio.to_thread(work, trial)
    except ModelRaised as raised:
        raise GateFailed(
            f"The model raised {raised.kind} where it had answered before.",
            hint="Its traceback is kept with the version.",
        ) from raised
    except WorkerDied as died:
        raise GateFailed(f"The model's process died{await _ending(worker)} when it was {died}.") from None
    finally:
        worker.kill()
        await worker.wait()
        trial.close()


async def _ending(worker: Worker) -> str:
    try:
        status = await asyncio.wait_for(worker.wait(), 2)
    except TimeoutError:
        return ""
    if -status in set(signal.Signals):
        return f" ({signal.Signals(-status).name})"
    return f" (exit status {status})"
