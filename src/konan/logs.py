"""Structured logs: one JSON object per line, fit for any collector, from the standard library's loggers.

Values that a caller sent, keys and headers are never logged; what is logged is named in ``extra``.
"""

import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

import msgspec

from konan import clock

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_encoder = msgspec.json.Encoder(enc_hook=str)


def line(record: logging.LogRecord, process: str) -> str:
    """A log record as JSON: ``at``, ``level``, ``process``, ``event``, ``source`` and what was in ``extra``.

    >>> made = {"name": "konan", "levelname": "INFO", "msg": "started", "port": 8000}
    >>> line(logging.makeLogRecord(made), "control").partition(",")[2]
    '"level":"info","process":"control","event":"started","source":"konan","port":8000}'
    """
    fields: dict[str, object] = {
        "at": clock.rfc3339(datetime.fromtimestamp(record.created, UTC)),
        "level": record.levelname.lower(),
        "process": process,
        "event": record.getMessage(),
        "source": record.name,
    }
    fields.update((name, value) for name, value in vars(record).items() if name not in _STANDARD)
    if record.exc_info:
        fields["traceback"] = logging.Formatter().formatException(record.exc_info)
    return _encoder.encode(fields).decode()


def start(level: str, process: str, stream: TextIO = sys.stderr) -> None:
    """Send this process's logs to a stream as JSON lines.

    Args:
        level: least severe lines written: ``debug``, ``info``, ``warning`` or ``error``.
        process: name of this process, as ``control``.
        stream: where to.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_JsonLines(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def _formatted(formatter: "_JsonLines", record: logging.LogRecord) -> str:
    return line(record, formatter.process)


class _JsonLines(logging.Formatter):
    def __init__(self, process: str) -> None:
        super().__init__()
        self.process = process

    format = _formatted
