"""The steps of reading the prediction log, walked by hand."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from konan.client import logged
from konan.client.answers import Response
from konan.client.steps import Pause, Request, Steps
from konan.errors import Invalid, Usage

ROW = b'{"id":"a","version":1,"at":"2026-11-23T12:00:00.000000Z","features":{"x":1},"output":{"value":2}}'


def asked(steps: Steps[Any]) -> Request:
    """The first request of some steps."""
    request = next(steps)
    assert not isinstance(request, Pause)
    return request


def answer(steps: Steps[Any], body: bytes) -> object:
    """The result of steps whose only request is answered so."""
    next(steps)
    with pytest.raises(StopIteration) as done:
        steps.send(Response(200, body))
    return done.value.value


def test_a_page_is_asked_for_with_its_filters_and_cursor() -> None:
    filters: logged.Filters = {"until": "2026-11-23T00:00:00Z", "where": {"x": (1, None)}, "role": None}
    request = asked(logged.page("bikes", filters, "abc", 5))
    assert (request.method, request.path) == ("GET", "/v1/deployments/bikes/predictions")
    assert request.query == {
        "to": "2026-11-23T00:00:00Z",
        "where": '{"x":[1,null]}',
        "limit": 5,
        "cursor": "abc",
    }


def test_a_page_is_read() -> None:
    page = answer(logged.page("bikes", {}, None), b'{"predictions":[%b],"next":null}' % ROW)
    assert isinstance(page, logged.Part)
    assert [one.features for one in page.predictions] == [{"x": 1}]


def test_an_id_is_quoted_in_its_path() -> None:
    assert asked(logged.prediction("bikes", "a/b")).path == "/v1/deployments/bikes/predictions/a%2Fb"


def test_a_query_is_sent_as_it_is() -> None:
    request = asked(logged.sql("SELECT 1", 3))
    assert isinstance(request.body, bytes)
    assert msgspec.json.decode(request.body) == {"query": "SELECT 1", "rows": 3}
    found = answer(
        logged.sql("SELECT 1"), b'{"columns":[{"name":"1","type":"int32"}],"rows":[[1]],"truncated":false}'
    )
    assert isinstance(found, logged.SqlAnswer)
    assert found.rows == [[1]]


def test_what_cannot_be_asked_is_refused_here() -> None:
    with pytest.raises(Usage):
        logged.form_of(Path("log.xlsx"))
    with pytest.raises(Invalid):
        next(logged.page("..", {}, None))
