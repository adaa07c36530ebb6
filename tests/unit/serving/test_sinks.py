"""Bodies that are collected have one budget of memory for all connections."""

from typing import Any

from konan.config import Settings
from konan.errors import KonanError
from konan.serving import sinks
from konan.serving.desk import Desk
from konan.serving.http1 import Limits, parse_head
from konan.serving.metrics import Metrics
from konan.serving.sinks import Collector

HEAD = parse_head(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", Limits(1000, 10, 100))


class Heard:
    """A target and an exchange that remember what they are told."""

    def __init__(self) -> None:
        self.ran: list[bytes] = []
        self.failed: list[str] = []

    def run(self, _exchange: object, _head: object, body: bytes) -> None:
        self.ran.append(body)

    def attempt(self, step: Any, *arguments: object) -> None:
        step(*arguments)

    def fail(self, error: KonanError, _request_id: str = "") -> None:
        self.failed.append(error.code)


def collector(desk: Desk, heard: Any) -> Collector:
    return Collector(desk, heard, heard, HEAD)


def unrouted(_head: object) -> Any:
    raise AssertionError


def test_parts_become_one_body_and_leave_the_budget() -> None:
    desk, heard = Desk(Settings(), unrouted, Metrics()), Heard()
    first, second = collector(desk, heard), collector(desk, heard)
    first.feed(b"ab")
    first.feed(b"c")
    second.feed(b"1234")
    assert desk.collected == 7
    first.end()
    assert (heard.ran, desk.collected) == ([b"abc"], 4)
    second.abandon()
    second.abandon()
    assert desk.collected == 0


def test_over_the_budget_a_body_is_refused() -> None:
    desk, heard = Desk(Settings(), unrouted, Metrics()), Heard()
    desk.collected = sinks.MOST_COLLECTED - 1
    late = collector(desk, heard)
    late.feed(b"a")
    assert heard.failed == []
    late.feed(b"b")
    assert heard.failed == ["too_many_requests"]
    late.abandon()
    assert desk.collected == sinks.MOST_COLLECTED - 1
