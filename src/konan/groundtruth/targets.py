"""What a caller sent as the truth, as what the version that predicted could have answered (pure)."""

import math
import re
from typing import Any

import msgspec

from konan.records.schema import Output, class_text

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_encode = msgspec.json.Encoder(order="sorted").encode


class Target(msgspec.Struct, frozen=True, gc=False):
    """The true value of one prediction.

    Attributes:
        text: as JSON.
        label: as the text of a class, or None.
        value: as a number, or None.
    """

    text: str
    label: str | None
    value: float | None


def target_of(sent: Any, output: Output | None) -> Target:
    """The true value in the terms of an output.

    Args:
        sent: the value, or an object in the output's shape.
        output: of the version that predicted; None if it is not known any more.

    >>> target_of({"label": True}, Output(kind="classifier", classes=(False, True)))
    Target(text='true', label='true', value=None)
    >>> target_of(1.0, Output(kind="classifier", classes=(0, 1))).text
    '1'
    >>> target_of("2.50", Output(kind="regressor")).value
    2.5

    Raises:
        ValueError: it cannot be the truth of such a prediction; the message says why.
    """
    kind = "other" if output is None else output.kind
    if isinstance(sent, dict) and kind != "other":
        field = "label" if kind == "classifier" else "value"
        if field not in sent:
            raise ValueError(f"The target is an object without {field!r}.")
        sent = sent[field]
    if sent is None:
        raise ValueError("The target is null.")
    if output is not None and kind == "classifier":
        return _label(sent, output)
    if output is not None and kind == "regressor":
        return _values(sent, output) if output.values > 1 else _value(sent)
    if isinstance(sent, (str, bool)):
        return Target(_encode(sent).decode(), class_text(sent), None)
    return Target(_encode(sent).decode(), None, float(sent) if _is_number(sent) else None)


def _label(sent: Any, output: Output) -> Target:
    if type(sent) in {list, dict}:
        raise ValueError("The target is no label: a label is a text, a number, true or false.")
    if not output.classes:
        return Target(_encode(sent).decode(), class_text(sent), None)
    known = {class_text(one): one for one in output.classes}
    for text in _spellings(sent):
        if text in known:
            return Target(_encode(known[text]).decode(), text, None)
    raise ValueError("The target is none of the model's classes.")


def _spellings(sent: str | float) -> list[str]:
    """How a label may stand among the classes: tables turn 1 into 1.0, and true into True."""
    found = [class_text(sent)]
    if isinstance(sent, str):
        if sent in {"True", "False"}:
            found.append(sent.lower())
        if not _NUMBER.fullmatch(sent):
            return found
    number = float(sent)
    if not isinstance(sent, bool) and math.isfinite(number):
        found += [str(int(number))] if number.is_integer() else []
        found.append(class_text(number))
    return found


def _value(sent: Any) -> Target:
    if not (_NUMBER.fullmatch(sent) if isinstance(sent, str) else _is_number(sent)):
        raise ValueError("The target is no finite number.")
    value = float(sent)
    if not math.isfinite(value):
        raise ValueError("The target is no finite number.")
    return Target(_encode(value).decode(), None, value)


def _values(sent: Any, output: Output) -> Target:
    if not isinstance(sent, list) or len(sent) != output.values or not all(map(_is_number, sent)):
        raise ValueError(f"The target is no list of {output.values} finite numbers.")
    return Target(_encode([float(one) for one in sent]).decode(), None, None)


def _is_number(thing: Any) -> bool:
    if isinstance(thing, bool) or not isinstance(thing, (int, float)):
        return False
    try:
        return math.isfinite(thing)
    except OverflowError:
        return False
