"""Structured logs: one JSON object per line, fit for any collector, from the standard library's loggers.

Values that a caller sent, keys and headers are never logged; what is logged is named in ``extra``.
"""

import logging
import re
import sys
from datetime import UTC, datetime
from typing import TextIO

import msgspec

from konan import clock
from konan.errors import Invalid

ECS_VERSION = "8.11.0"
"""Of the Elastic Common Schema whose fields `ecs_line` has."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_UNFIT = re.compile(r"[.*\\]")
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


def ecs_line(record: logging.LogRecord, process: str) -> str:
    """A log record as Elasticsearch takes it: JSON in the Elastic Common Schema, as ecs-logging has it.

    What was in ``extra`` is under ``labels``, all of it as texts: a label that is a number in one line and a
    text in another would make Elasticsearch refuse one of them.

    >>> made = {"name": "konan", "levelname": "INFO", "msg": "started", "port": 8000, "process": 7}
    >>> ecs_line(logging.makeLogRecord(made), "control").partition(",")[2][:47]
    '"log.level":"info","message":"started","ecs.ver'
    """
    fields: dict[str, object] = {
        "@timestamp": clock.rfc3339(datetime.fromtimestamp(record.created, UTC)),
        "log.level": record.levelname.lower(),
        "message": record.getMessage(),
        "ecs.version": ECS_VERSION,
        "service.name": "konan",
        "event.dataset": f"konan.{process}",
        "process.name": process,
        "process.pid": record.process,
        "log.logger": record.name,
    }
    extras = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    if extras:
        fields["labels"] = {_UNFIT.sub("_", name): _text(value) for name, value in extras.items()}
    if record.exc_info and record.exc_info[0] is not None:
        fields["error.type"] = record.exc_info[0].__name__
        fields["error.message"] = str(record.exc_info[1])
        fields["error.stack_trace"] = logging.Formatter().formatException(record.exc_info)
    return _encoder.encode(fields).decode()


FORMS = {"json": line, "ecs": ecs_line}
"""How a record becomes a line, by the setting ``log_format``."""


def start(level: str, process: str, stream: TextIO = sys.stderr, form: str = "json") -> None:
    """Send this process's logs to a stream as JSON lines.

    Args:
        level: least severe lines written: ``debug``, ``info``, ``warning`` or ``error``.
        process: name of this process, as ``control``.
        stream: where to.
        form: of the lines, of `FORMS`.

    Raises:
        Invalid: there is no such form.
    """
    if form not in FORMS:
        raise Invalid(f"The setting log_format cannot be {form!r}.", hint=f"Take {' or '.join(FORMS)}.")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_JsonLines(process, form))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def _formatted(formatter: "_JsonLines", record: logging.LogRecord) -> str:
    return FORMS[formatter.form](record, formatter.process)


def _text(value: object) -> str:
    return value if isinstance(value, str) else _encoder.encode(value).decode()


class _JsonLines(logging.Formatter):
    def __init__(self, process: str, form: str) -> None:
        super().__init__()
        self.process = process
        self.form = form

    format = _formatted
