"""The steps of asking for drift and quality, walked by hand."""

import pytest

from konan.client import monitored
from konan.client.answers import Response
from konan.client.steps import Request
from konan.errors import Invalid
from konan.records.monitoring import DriftReport


def test_what_is_left_out_is_not_sent() -> None:
    request = next(monitored.drift("bikes", {"since": "2026-11-23T00:00:00Z", "by": None, "version": 2}))
    assert isinstance(request, Request)
    assert (request.path, request.query) == (
        "/v1/deployments/bikes/drift",
        {"from": "2026-11-23T00:00:00Z", "version": 2},
    )


def test_the_answer_is_typed() -> None:
    steps = monitored.drift("bikes", {})
    next(steps)
    window = b'{"version":1,"segment":null,"from":"a","to":"b","rows":0,"verdict":"no rows"}'
    with pytest.raises(StopIteration) as done:
        steps.send(Response(200, b'{"deployment":"bikes","windows":[%b]}' % window))
    report = done.value.value
    assert isinstance(report, DriftReport)
    assert (report.windows[0].since, report.windows[0].verdict) == ("a", "no rows")


def test_a_name_that_is_none_is_refused_here() -> None:
    with pytest.raises(Invalid):
        next(monitored.quality("..", {}))
