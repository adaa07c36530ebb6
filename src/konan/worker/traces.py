"""What the owner of a model reads of an error: the model's own lines, without places of the server.

The frames of this program around them would only hide them, and where the server keeps its files is nobody's
business who may read a log.
"""

import os
import sys
import traceback
from types import TracebackType
from typing import Optional

_HERE = os.path.dirname(os.path.abspath(__file__))
_MOST_FRAMES = 50
_HEAD = "Traceback (most recent call last):\n"
_WITHHELD = "(the message is not written, because columns of this version are private)"


def text_of(error: BaseException, package: str, *, private: bool = False) -> str:
    """An error as a traceback.

    Args:
        error: what was raised.
        package: directory of the model's package, empty when there is none.
        private: whether its message, and the errors behind it, may hold values that are not to be written.
    """
    first = _below(error.__traceback__)
    try:
        if private:
            lines = traceback.format_tb(first, limit=_MOST_FRAMES)
            text = "".join((_HEAD, *lines, "%s: %s\n" % (type(error).__name__, _WITHHELD)))
        else:
            text = "".join(traceback.format_exception(type(error), error, first, limit=_MOST_FRAMES))
    except BaseException:  # noqa: BLE001 - its own text may raise
        return "%s: the error cannot be put into words.\n" % type(error).__name__
    for place in filter(None, (package, sys.prefix, sys.base_prefix, os.path.dirname(_HERE))):
        text = text.replace(place.rstrip(os.sep) + os.sep, "")
    return text


def _below(trace: "Optional[TracebackType]") -> "Optional[TracebackType]":
    """The traceback from the first frame that is not of this program; none when there is no such frame."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_HERE + os.sep):
        trace = trace.tb_next
    return trace
