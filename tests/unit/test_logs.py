"""Log lines are one JSON object each, whatever was logged."""

import io
import json
import logging
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from konan import logs
from konan.errors import Invalid


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


ECS = {
    "@timestamp": "VARCHAR",
    "log.level": "VARCHAR",
    "message": "VARCHAR",
    "ecs.version": "VARCHAR",
    "service.name": "VARCHAR",
    "event.dataset": "VARCHAR",
    "process.name": "VARCHAR",
    "process.pid": "BIGINT",
    "log.logger": "VARCHAR",
    "labels": "MAP(VARCHAR, VARCHAR)",
    "error.type": "VARCHAR",
    "error.message": "VARCHAR",
    "error.stack_trace": "VARCHAR",
}
"""Fields of the Elastic Common Schema 8.11 that lines may have, with types that hold what its types hold."""


def test_lines_for_elasticsearch_have_the_published_shape(tmp_path: Path) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    path = tmp_path / "control.log"
    with path.open("w") as stream:
        logs.start("info", "control", stream, "ecs")
        logging.getLogger("konan.x").warning("it rains", extra={"code": 3, "a.b": {"c": None}})
        logging.getLogger("konan.x").warning("it snows", extra={"code": "often"})
        try:
            int("a\nb")
        except ValueError:
            logging.getLogger("konan").exception("failed")
    root.handlers[:] = handlers
    root.setLevel(level)
    # ecs-logging, spec.json: these four are required, and the first three come first
    for text in path.read_text().splitlines():
        line = json.loads(text)
        assert list(line)[:4] == ["@timestamp", "log.level", "message", "ecs.version"]
        assert datetime.fromisoformat(line["@timestamp"]).utcoffset() == timedelta()
        assert line.keys() <= ECS.keys()
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in ECS.items())
    read = f"SELECT * FROM read_json('{path}', format = 'newline_delimited', columns = {{{columns}}})"
    rows = [dict(zip(ECS, row, strict=True)) for row in duckdb.execute(read).fetchall()]
    assert [row["message"] for row in rows] == ["it rains", "it snows", "failed"]
    assert dict(rows[0]["labels"]) == {"code": "3", "a_b": '{"c":null}'}
    assert dict(rows[1]["labels"]) == {"code": "often"}
    assert {row["process.pid"] for row in rows} == {os.getpid()}
    assert rows[2]["error.type"] == "ValueError"
    assert "invalid literal" in rows[2]["error.stack_trace"]


def test_a_form_that_nobody_knows_is_refused() -> None:
    with pytest.raises(Invalid, match="xml"):
        logs.start("info", "control", io.StringIO(), "xml")
