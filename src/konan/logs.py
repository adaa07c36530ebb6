"""Structured logs: one JSON object per line on standard error, fit for any collector.

Values that a caller sent, keys and headers are never logged; what is logged is named in ``extra``.
"""

import logging
import sys
from datetime import UTC, datetime

import msgspec

from konan import clock

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_encoder = msgspec.json.Encoder(enc_hook=str)


def line(record: logging.LogRecord) -> str:
    """A log record as one JSON object: ``at``, ``level``, ``logger``, ``message`` and what was in ``extra``.

    >>> made = {"name": "konan", "levelname": "INFO", "msg": "started", "port": 8000}
    >>> line(logging.makeLogRecord(made)).partition(",")[2]
    '"level":"info","logger":"konan","message":"started","port":8000}'
    """
    moment = datetime.fromtimestamp(record.created, UTC)
    fields: dict[str, object] = {
        "at": clock.rfc3339(moment),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": record.getMessage(),
    }
    fields.update((name, value) for name, value in vars(record).items() if name not in _STANDARD)
    if record.exc_info:
        fields["traceback"] = logging.Formatter().formatException(record.exc_info)
    return _encoder.encode(fields).decode()


def start(level: str) -> None:
    """Send this process's logs to standard error as JSON lines.

    Args:
        level: least severe lines written: ``debug``, ``info``, ``warning`` or ``error``.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def _formatted(_: logging.Formatter, record: logging.LogRecord) -> str:
    return line(record)


class _JsonLines(logging.Formatter):
    format = _formatted
