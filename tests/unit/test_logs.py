"""Log lines are one JSON object each, whatever was logged."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from konan import logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.start("info", "control", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_time_level_process_event_and_extras(stream: io.StringIO) -> None:
    logging.getLogger("konan.x").warning("it %s", "rains", extra={"where": {"a": 1}, "obj": frozenset()})
    logging.getLogger("konan.x").debug("unseen")
    (line,) = lines(stream)
    assert str(line.pop("at")).endswith("Z")
    assert line == {
        "level": "warning",
        "process": "control",
        "event": "it rains",
        "source": "konan.x",
        "where": {"a": 1},
        "obj": [],
    }


def test_a_traceback_stays_on_the_line(stream: io.StringIO) -> None:
    try:
        int("a\nb")
    except ValueError:
        logging.getLogger("konan").exception("failed")
    (line,) = lines(stream)
    assert "ValueError: invalid literal" in str(line["traceback"])
