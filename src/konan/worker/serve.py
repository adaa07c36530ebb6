"""The worker's loop: whole frames in, one call of the model at a time, one frame out for each."""

import contextlib
import gc
import json
import os
import selectors
import socket
import struct
import time
from typing import Tuple

from . import frames, traces, wire
from .loaders import Model, OutputInvalid

LARGEST_ANSWER = 64 << 20
"""Bytes that a model may answer to one frame."""

_PATIENCE = struct.pack("ll", 30, 0)
"""A gateway that stops in the middle of a frame for this long (seconds, microseconds) is dropped."""


class _Stop(Exception):
    """The supervisor has closed the channel."""


def serve(channel: socket.socket, model: Model, package: str = "", *, private: bool = False) -> None:
    """Answer every link until the channel is closed.

    Args:
        channel: the supervisor's messages; each brings a new link.
        model: answers the frames.
        package: directory of the model's package.
        private: whether values of rows may not be written anywhere.
    """
    with selectors.DefaultSelector() as selector:
        selector.register(channel, selectors.EVENT_READ)
        try:
            while True:
                for key, _ in selector.select():
                    link = key.fileobj
                    if link is channel:
                        _hear(channel, selector, model)
                    elif isinstance(link, socket.socket):
                        going = _serve_once(link, model, package, private=private)
                        if not going:
                            selector.unregister(link)
                            link.close()
        except _Stop:
            return


def _hear(channel: socket.socket, selector: selectors.BaseSelector, model: Model) -> None:
    received = wire.receive(channel)
    if received is None:
        raise _Stop
    if received[0]["kind"] == "configure":
        model.configure(received[0])
        wire.send(channel, {"kind": "configured"})
    for descriptor in received[1]:
        link = socket.socket(fileno=descriptor)
        link.settimeout(None)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _PATIENCE)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _PATIENCE)
        selector.register(link, selectors.EVENT_READ)


def _serve_once(link: socket.socket, model: Model, package: str, *, private: bool) -> bool:
    try:
        frame = frames.read(link)
        if frame is None or frame.kind != frames.PREDICT:
            return False
        frames.write(link, answer(model, frame, package, private=private))
    except (OSError, ValueError):  # the gateway has gone or does not speak as agreed
        return False
    return True


def answer(model: Model, frame: frames.Frame, package: str = "", *, private: bool = False) -> frames.Frame:
    """What the model says to one frame; whatever it raises becomes a `frames.FAIL` frame.

    Args:
        model: the loaded model.
        frame: a `frames.PREDICT` frame; one with no rows is answered without the model.
        package: directory of the model's package.
        private: whether values of rows may not be written anywhere.
    """
    started = time.perf_counter_ns()
    try:
        numbers, texts = _predict(model, frame) if frame.rows else (b"", b"")
    except BaseException as error:  # noqa: BLE001 - a model may raise anything, SystemExit included
        text = traces.text_of(error, package, private=private)
        return _failure(frame.rows, error, text, time.perf_counter_ns() - started)
    return frames.Frame(frames.DONE, frame.rows, numbers, texts, time.perf_counter_ns() - started)


def _predict(model: Model, frame: frames.Frame) -> "Tuple[bytes, bytes]":
    numbers, texts = model.predict(frame.rows, frame.numbers, frame.texts)
    if len(numbers) + len(texts) > LARGEST_ANSWER:
        raise OutputInvalid("The model answered more than %d MiB." % (LARGEST_ANSWER >> 20))
    return numbers, texts


def _failure(rows: int, error: BaseException, text: str, nanoseconds: int) -> frames.Frame:
    error.__traceback__ = None  # lets go of what the model held
    if isinstance(error, MemoryError):
        gc.collect()
    log(text)
    fault = wire.failed(type(error).__name__, _message(error), text)
    del fault["kind"]
    return frames.Frame(frames.FAIL, rows, b"", json.dumps(fault).encode(), nanoseconds)


def log(text: str) -> None:
    """Write to the version's log, whatever the model has done to ``sys.stderr``."""
    with contextlib.suppress(OSError):
        os.write(2, text.encode("utf-8", "backslashreplace") + b"\n")


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:  # noqa: BLE001 - its own text may raise
        return "The error cannot be put into words."
