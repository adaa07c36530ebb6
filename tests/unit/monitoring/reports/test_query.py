"""Words of whoever asks become hours, windows and slices."""

from datetime import UTC, datetime

import pytest

from konan.errors import Invalid
from konan.monitoring.reports import query

NOW = datetime(2026, 11, 23, 8, 10, tzinfo=UTC)
HOUR = int(datetime(2026, 11, 23, 9, tzinfo=UTC).timestamp())


def test_the_last_24_hours_hold_the_present_one() -> None:
    assert query.span("", "", "", NOW) == (HOUR - 86_400, HOUR, 86_400)


def test_a_full_hour_begins_the_next_one() -> None:
    assert query.span("", "", "", datetime(2026, 11, 23, 8, tzinfo=UTC))[1] == HOUR


def test_ends_are_widened_to_whole_hours_wherever_they_are_told() -> None:
    start, end, every = query.span("2026-11-23T09:30:00+02:00", "2026-11-23T08:00:01Z", "", NOW)
    assert (end - start, end, every) == (7200, HOUR, 7200)


@pytest.mark.parametrize(
    ("since", "until", "window"),
    [
        ("yesterday", "", ""),
        ("2026-11-24T00:00:00Z", "2026-11-23T00:00:00Z", ""),
        ("", "", "1"),
        ("", "", "0h"),
        ("", "", "1w"),
        ("2020-01-01T00:00:00Z", "", "1h"),
    ],
)
def test_what_cannot_be_meant_is_refused(since: str, until: str, window: str) -> None:
    with pytest.raises(Invalid):
        query.span(since, until, window, NOW)


@pytest.mark.parametrize("by", ["segment", "segment:", "hour", "version:1"])
def test_parts_are_by_version_or_by_a_segment(by: str) -> None:
    with pytest.raises(Invalid):
        query.parted(by)


def test_a_value_may_hold_a_sign() -> None:
    assert query.sliced("city=a=b") == query.Slice("city", "a=b")
