"""The report of a deployment over HTTP: what is gathered, of what time, and for whom."""

import re
from datetime import timedelta

from msgspec.structs import replace
from tests.http.control.rig import Rig
from tests.http.control.test_monitoring import CALLER, alarm

from konan import clock
from konan.control import report
from konan.records.alarms import AlarmEvent, Incident
from konan.records.deployments import Deployment

HOUR, DAY = 3600, 86_400
NOW = clock.rfc3339(clock.now())
LATER = clock.rfc3339(clock.now() + timedelta(hours=2))


def text(page: str) -> str:
    return re.sub(r"<[^>]+>", " ", page.partition("</style>")[2])


def test_a_deployment_without_rows_has_a_report_that_says_so(rig: Rig) -> None:
    key = rig.key("read")
    rig.live(rig.key())
    answer = rig.call("GET", "/v1/deployments/bikes/report", key)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "bikes has answered nothing in this time." in text(answer.text)
    assert "version 1 (live)" in text(answer.text)


def test_what_alarms_did_stands_in_it(rig: Rig) -> None:
    rig.live(rig.key())
    watched = alarm("inputs")
    rig.store.add_alarm(CALLER, watched)
    event = AlarmEvent(
        alarm=watched.id,
        number=1,
        name="inputs",
        deployment="bikes",
        version=1,
        at=NOW,
        before="warning",
        after="firing",
        why="Inputs moved.",
    )
    old = replace(event, number=2, at="2020-01-01T00:00:00Z", why="Long ago.")
    incident = Incident(
        id="1", project="p1", deployment="bikes", opened_at=NOW, joined_at=NOW, headline="It broke."
    )
    rig.store.platform_keep([watched], [event, old], [incident])
    told = text(rig.call("GET", "/v1/deployments/bikes/report", rig.key("read")).text)
    assert "Inputs moved." in told
    assert "It broke." in told
    assert "Long ago." not in told
    assert "Inputs fires" in told


def test_only_a_key_that_may_read_the_deployment_sees_it(rig: Rig) -> None:
    rig.live(rig.key())
    path = "/v1/deployments/bikes/report"
    assert rig.call("GET", path, rig.key("predict")).status_code == 403
    assert rig.call("GET", path, rig.key("read", project="p2")).status_code == 404
    assert rig.call("GET", path, rig.key("read", deployments=("churn",))).status_code == 404
    assert rig.call("GET", f"{path}?version=7", rig.key("read")).status_code == 404
    for query in ("from=yesterday", "window=1h", f"from={LATER}&to={NOW}"):
        assert rig.call("GET", f"{path}?{query.replace('+', '%2B')}", rig.key("read")).status_code == 422, (
            query
        )


def deployment(created_at: str) -> Deployment:
    return Deployment(uuid="u", project="p1", name="bikes", created_at=created_at)


def test_it_is_about_today_and_six_days_before_but_not_before_there_was_a_deployment() -> None:
    start, end = report.span(deployment("2020-01-01T00:00:00Z"), report.Stretch())
    assert start % DAY == 0
    assert end % HOUR == 0
    assert 6 * DAY < end - start <= 7 * DAY
    young, same = report.span(deployment(NOW), report.Stretch())
    assert (young, same) == (end - HOUR, end)


def test_it_is_told_in_as_many_windows_as_people_read() -> None:
    for hours in range(1, 24 * 400, 7):
        every = report.length(hours * HOUR)
        assert every % HOUR == 0
        assert hours * HOUR / every <= 16
    assert [report.length(days * DAY) // HOUR for days in (1, 7, 14, 30)] == [2, 12, 24, 48]
