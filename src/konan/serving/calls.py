"""A call of a model: its rows, its deadline, and whom to tell."""

import logging
from collections.abc import Callable
from itertools import chain

import msgspec

from konan.errors import KonanError, ModelFailed, OutputInvalid
from konan.serving.batches import split
from konan.worker.frames import Frame

Result = list[bytes] | KonanError
"""One JSON text per row, or why there is none."""

Done = Callable[[Result], None]
logger = logging.getLogger(__name__)


class _Told(msgspec.Struct):
    """What the gateway takes from a worker's words about a failure."""

    type: str = ""


_NO_OUTPUT = "The model answered something that cannot be an output."
_HINT = "`konan logs` shows what it said."
_told = msgspec.json.Decoder(_Told)


class Call:
    """Rows that want an answer.

    Args:
        rows: number of rows, at least one.
        numbers: (rows, k) float64, little-endian, row after row.
        texts: JSON, a list per row, without white space; empty if there are no texts.
        deadline: moment on the monotonic clock at which the answer is late.
        done: called exactly once with the outputs or the error, perhaps before `submit` returns.
    """

    __slots__ = ("deadline", "done", "numbers", "open", "rows", "texts")

    def __init__(self, rows: int, numbers: bytes, texts: bytes, deadline: float, done: Done) -> None:
        self.rows = rows
        self.numbers = numbers
        self.texts = texts
        self.deadline = deadline
        self.done = done
        self.open = True


def finish(call: Call, result: Result) -> None:
    """Tell a call its end; a callback that raises must not keep the dispatcher from going on."""
    if call.open:
        call.open = False
        try:
            call.done(result)
        except Exception:
            logger.exception("The answer of a call could not be handed on")


def model_failed(frame: Frame) -> ModelFailed:
    """What a caller hears of an exception in the model: no message and no trace of it.

    Args:
        frame: the worker's, of kind ``FAIL``.
    """
    try:
        kind = _told.decode(frame.texts).type
    except (msgspec.DecodeError, UnicodeDecodeError):
        kind = ""
    if kind == "OutputInvalid":
        return OutputInvalid(_NO_OUTPUT, hint=_HINT)
    return ModelFailed("The model failed on this input.", hint=_HINT)


class Split:
    """A call with more rows than a frame takes, as calls that fit, and their answers as its answer."""

    def __init__(self, call: Call, most: int) -> None:
        self._call = call
        blocks = split(call, most)
        self._outputs: list[list[bytes]] = [[] for _ in blocks]
        self._left = len(blocks)
        self.parts = [
            Call(block.rows, block.numbers, block.texts, call.deadline, self._taker(index))
            for index, block in enumerate(blocks)
        ]

    def _taker(self, index: int) -> Done:
        return lambda result: self._take(index, result)

    def _take(self, index: int, result: Result) -> None:
        if isinstance(result, KonanError):
            for part in self.parts:
                part.open = False
            finish(self._call, result)
            return
        self._outputs[index] = result
        self._left -= 1
        if not self._left:
            finish(self._call, list(chain.from_iterable(self._outputs)))
