"""A worker's answer to a frame becomes the result of each call that was in it.

A whole frame is rendered at once, because that costs a fraction of rendering each call's part. Only when
something in it cannot be an output is the answer cut, so that a call never pays for its neighbours.
"""

from collections.abc import Callable, Sequence

from konan.errors import KonanError, OutputInvalid
from konan.serving import bugs
from konan.serving.batches import cut
from konan.serving.calls import Call, Result, model_failed
from konan.worker.frames import FAIL, Frame

Render = Callable[[Frame], list[bytes]]
"""One JSON text per row of a frame; raises `OutputInvalid`."""


def results(calls: Sequence[Call], frame: Frame, render: Render) -> list[Result] | None:
    """What each call gets, in their order, or None if each must be tried once more alone.

    >>> from konan.worker.frames import DONE
    >>> calls = [Call(rows, b"", b"", 0.0, print) for rows in (2, 1)]
    >>> results(calls, Frame(DONE, 3, b"", b"abc"), lambda frame: [b"%c" % cell for cell in frame.texts])
    [[b'a', b'b'], [b'c']]

    Args:
        calls: whose rows were in the frame.
        frame: the worker's answer.
        render: makes the outputs.
    """
    if frame.kind == FAIL:
        return [model_failed(frame)] if len(calls) == 1 else None
    rows = sum([call.rows for call in calls])
    if frame.rows != rows:
        said = "The model answered another number of rows than it was given."
        return [OutputInvalid(said)] if len(calls) == 1 else None
    outputs = _rendered(frame, render)
    if isinstance(outputs, KonanError):
        return [outputs] if len(calls) == 1 else _apart(calls, frame, render)
    if rows == len(calls):
        return [[output] for output in outputs]
    parts: list[Result] = []
    start = 0
    for call in calls:
        parts.append(outputs[start : start + call.rows])
        start += call.rows
    return parts


def _apart(calls: Sequence[Call], frame: Frame, render: Render) -> list[Result] | None:
    try:
        parts = cut(frame, [call.rows for call in calls])
    except ValueError:
        return None
    return [_rendered(part, render) for part in parts]


def _rendered(frame: Frame, render: Render) -> Result:
    try:
        return render(frame)
    except KonanError as error:
        return error
    except Exception as error:  # noqa: BLE001 - a bug must cost these rows, never the queue
        bugs.report(error)
        return KonanError("Something went wrong inside Konan.")
