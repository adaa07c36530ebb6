"""The exporter over real journals: nothing twice, nothing old, and what is lost is counted."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.unit.journal.journaling import write
from typing_extensions import override

from konan.errors import ControlUnavailable, Invalid
from konan.journal.segments import segments
from konan.monitoring.operations import exporting
from konan.monitoring.operations.exporting import Collector, Exporter, Requests, Sample
from konan.monitoring.operations.samples import Samples
from konan.monitoring.operations.telemetry import Metric, Span
from konan.serving.metrics import Metrics

NAMES = {"01890000-0000-7000-8000-000000000000": "bikes"}


class Kept(Collector):
    """A collector in memory."""

    def __init__(self) -> None:
        self.takes = True
        self.closed = False
        self.found: list[Span] = []
        self.known: dict[str, Metric] = {}

    @override
    def metrics(self, metrics: Sequence[Metric], at: int) -> bool:
        if self.takes:
            self.known = {metric.name: metric for metric in metrics}
        return self.takes

    @override
    def spans(self, spans: Sequence[Span]) -> bool:
        if self.takes:
            self.found += spans
        return self.takes

    @override
    def close(self) -> None:
        self.closed = True


class Runs:
    """A gateway without requests."""

    def processes(self) -> tuple[dict[str, Any], ...]:
        return ()

    def stats(self) -> dict[int, dict[str, Any]]:
        return {0: Metrics().snapshot()}


@pytest.fixture
def journals(tmp_path: Path) -> Path:
    found = tmp_path / "journal"
    (found / "truth").mkdir(parents=True)
    (found / "0").mkdir()
    write(found / "0", 1, 2, 3)
    return found


def made(journals: Path, collector: Collector, requests: Requests, seconds: float = 60.0) -> Exporter:
    return Exporter(collector, Runs(), Samples(journals / "none.db"), requests, lambda: NAMES, seconds)


def starts(spans: Sequence[Span]) -> list[int]:
    return [span.start for span in spans]


def test_requests_from_now_on_are_told_once(journals: Path) -> None:
    requests = Requests(journals, 1.0)
    assert requests.spans(lambda: NAMES) == []
    write(journals / "0", 4, 5)
    (journals / "1").mkdir()
    write(journals / "1", 6)
    found = requests.spans(lambda: NAMES)
    assert starts(found) == [4, 5, 6]
    assert {span.attributes["konan.deployment"] for span in found} == {"bikes"}
    assert requests.spans(lambda: NAMES) == []
    assert requests.dropped == 0


def test_of_too_many_the_rest_is_left_out_and_counted(
    journals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "MOST", 4)
    requests = Requests(journals, 1.0)
    write(journals / "0", *range(10, 20))
    assert starts(requests.spans(lambda: NAMES)) == [10, 11, 12, 13]
    assert requests.dropped == 6
    write(journals / "0", 30)
    assert starts(requests.spans(lambda: NAMES)) == [30]


def test_a_share_of_nothing_reads_nothing(journals: Path) -> None:
    requests = Requests(journals, 0.0)
    write(journals / "0", 4)
    assert requests.spans(lambda: NAMES) == []


def test_a_damaged_journal_is_passed_over(journals: Path) -> None:
    requests = Requests(journals, 1.0)
    write(journals / "0", 4, 5, at_once=1)
    _, segment = segments(journals / "0")[-1]
    content = segment.read_bytes()
    segment.write_bytes(content.replace(b'{"x":4}', b'{"y":4}'))
    assert requests.spans(lambda: NAMES) == []
    assert requests.dropped >= 1
    segment.write_bytes(content)
    write(journals / "0", 6)
    assert starts(requests.spans(lambda: NAMES)) == [6]


def test_what_a_collector_does_not_take_is_dropped_and_counted(
    journals: Path, caplog: pytest.LogCaptureFixture
) -> None:
    collector = Kept()
    exporter = made(journals, collector, Requests(journals, 1.0))
    collector.takes = False
    write(journals / "0", 4, 5)
    exporter.round()
    exporter.round()
    collector.takes = True
    write(journals / "0", 6)
    with caplog.at_level("INFO"):
        exporter.round()
    assert starts(collector.found) == [6]
    assert collector.known["konan.spans.dropped"].points[0].value == 2
    said = [record.message for record in caplog.records]
    assert said == [
        "the collector takes no telemetry; spans are dropped until it does",
        "the collector takes telemetry again",
    ]


def test_names_that_cannot_be_read_stop_nothing(journals: Path) -> None:
    def names() -> dict[str, str]:
        raise ControlUnavailable("The database has gone.")

    collector, requests = Kept(), Requests(journals, 1.0)
    exporter = Exporter(collector, Runs(), Samples(journals / "none.db"), requests, names, 60.0)
    write(journals / "0", 4)
    exporter.round()
    exporter.round()
    assert "http.server.active_requests" in collector.known


def test_the_end_sends_what_is_left(journals: Path) -> None:
    collector = Kept()
    exporter = made(journals, collector, Requests(journals, 1.0))
    exporter.start()
    write(journals / "0", 4)
    exporter.close()
    assert starts(collector.found) == [4]
    assert collector.closed


@pytest.mark.parametrize(
    "sample", [Sample(1.1, 1.0), Sample(-0.1, 1.0), Sample(float("nan"), 1), Sample(1, 0)]
)
def test_numbers_out_of_range_are_refused(sample: Sample) -> None:
    with pytest.raises(Invalid, match="otel_"):
        sample.checked()
