"""A worker's answer becomes the outputs that callers get: finite, as many as rows, with known labels."""

import math
import struct
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from konan.errors import OutputInvalid
from konan.records.schema import Output, class_text
from konan.worker.frames import Frame

_encode = msgspec.json.Encoder().encode
_decode_any = msgspec.json.Decoder().decode
_decode_raw = msgspec.json.Decoder(list[msgspec.Raw]).decode


class OutputCodec:
    """Renders the frames of one version.

    >>> from konan.worker.frames import DONE
    >>> output = Output(kind="classifier", classes=("no", "yes"), probabilities=True, label="argmax")
    >>> codec = OutputCodec(output)
    >>> codec.render(Frame(DONE, 1, struct.pack("<2d", 0.25, 0.75), b""))
    [b'{"label":"yes","probabilities":{"no":0.25,"yes":0.75}}']

    Args:
        output: what the version answers.

    Raises:
        OutputInvalid: two classes have the same text, so that their probabilities could not be told apart.
    """

    def __init__(self, output: Output) -> None:
        self._keys = [class_text(value) for value in output.classes]
        self._labels = dict(zip(self._keys, map(_encode, output.classes), strict=True))
        if len(self._labels) != len(self._keys):
            raise OutputInvalid("Two classes of the model have the same text.")
        self._of_position = [self._labels[key] for key in self._keys]
        self._argmax = output.label == "argmax" and output.probabilities
        self._width = _width(output)
        members = b",".join([_encode(key).replace(b"%", b"%%") + b":%b" for key in self._keys])
        self._template = b'{"label":%%b,"probabilities":{%b}}' % members
        if output.kind == "classifier":
            self._rows = self._classified if output.probabilities else self._labelled
        else:
            self._rows = self._valued if output.kind == "regressor" else self._as_returned

    def render(self, frame: Frame) -> list[bytes]:
        """One JSON text per row.

        Raises:
            OutputInvalid: the frame does not hold the version's outputs; the message holds no data.
        """
        if len(frame.numbers) != frame.rows * self._width * 8:
            raise OutputInvalid("The model answered another number of values than it has outputs.")
        return self._rows(frame)

    def _classified(self, frame: Frame) -> list[bytes]:
        flat = self._flat(frame)
        if self._argmax:
            labels: Iterable[bytes] = [self._of_position[row.index(max(row))] for row in self._table(flat)]
        else:
            labels = self._told(frame)
        cells = [iter(_texts(flat))] * self._width
        return [self._template % row for row in zip(labels, *cells, strict=True)]

    def _labelled(self, frame: Frame) -> list[bytes]:
        return [b'{"label":%b}' % label for label in self._told(frame)]

    def _valued(self, frame: Frame) -> list[bytes]:
        if self._width == 1:
            return [b'{"value":%b}' % text for text in _texts(self._flat(frame))]
        return [b'{"value":%b}' % _encode(row) for row in self._table(self._flat(frame))]

    def _as_returned(self, frame: Frame) -> list[bytes]:
        _parsed(frame, _decode_any)  # reads every value to its end; the raw one below does not
        raw: list[msgspec.Raw] = _parsed(frame, _decode_raw)
        return [bytes(value) for value in raw]

    def _told(self, frame: Frame) -> Iterator[bytes]:
        for label in _parsed(frame, _decode_any):
            if not isinstance(label, str | bool | int | float):
                raise OutputInvalid("The model answered a label that is neither text, number nor boolean.")
            known = self._labels.get(class_text(label))
            if known is None and self._keys:
                raise OutputInvalid("The model answered a label that is not one of its classes.")
            yield known or _encode(label)

    def _flat(self, frame: Frame) -> tuple[float, ...]:
        """The numbers of all rows, one after the other."""
        flat = struct.unpack(f"<{frame.rows * self._width}d", frame.numbers)
        # The sum of numbers one of which is not finite is not finite: one addition each, not one call.
        if not math.isfinite(sum(flat)) and not all(map(math.isfinite, flat)):
            raise OutputInvalid("The model answered a number that is not finite.")
        return flat

    def _table(self, flat: Iterable[float]) -> Iterable[tuple[float, ...]]:
        return zip(*[iter(flat)] * self._width, strict=True)


def _texts(flat: tuple[float, ...]) -> list[bytes]:
    """Each number as JSON; encoding all at once costs a fraction of encoding each."""
    return _encode(flat)[1:-1].split(b",")


def _width(output: Output) -> int:
    """Numbers per row of the numeric block."""
    if output.kind == "classifier":
        return len(output.classes) if output.probabilities else 0
    return output.values if output.kind == "regressor" else 0


def _parsed(frame: Frame, decode: Any) -> list[Any]:
    try:
        values = decode(frame.texts)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise OutputInvalid("The model answered something that is not JSON.") from None
    if not isinstance(values, list) or len(values) != frame.rows:
        raise OutputInvalid("The model answered another number of outputs than it was given rows.")
    return values
