"""What a gateway counts, and that its picture is plain JSON."""

import msgspec
import pytest

from konan.serving.metrics import BOUNDS, Metrics


def test_requests_are_counted_by_version_and_code() -> None:
    metrics = Metrics()
    series = metrics.series("default", "bikes", 1)
    series.answered(1, 0.0004)
    series.answered(3, 0.002)
    series.failed("model_failed", 1, 99.0)
    metrics.series("default", "bikes", 2)
    answered, failed = metrics.snapshot()["predictions"]
    assert (answered["code"], answered["requests"], answered["rows"]) == ("ok", 2, 4)
    assert answered["seconds"]["counts"][0] == 1
    assert answered["seconds"]["counts"][BOUNDS.index(0.0025)] == 1
    assert answered["seconds"]["sum"] == pytest.approx(0.0024)
    assert (failed["code"], failed["requests"], failed["seconds"]["counts"][-1]) == ("model_failed", 1, 1)


def test_series_are_kept_across_snapshots_of_routes() -> None:
    metrics = Metrics()
    assert metrics.series("a", "b", 1) is metrics.series("a", "b", 1)
    assert metrics.series("a", "b", 1) is not metrics.series("a", "b", 2)


def test_refusals_are_counted_by_code() -> None:
    metrics = Metrics()
    for code in ("not_found", "not_found", "unauthenticated"):
        metrics.rejected(code)
    assert metrics.snapshot()["rejected"] == {"not_found": 2, "unauthenticated": 1}


def test_the_picture_is_plain_and_does_not_change_later() -> None:
    metrics = Metrics()
    series = metrics.series("default", "bikes", 1)
    series.answered(1, 1.0)
    picture = metrics.snapshot()
    kept = msgspec.json.encode(picture)
    series.answered(1, 1.0)
    metrics.rejected("x")
    assert msgspec.json.encode(picture) == kept
    assert msgspec.json.decode(kept) == picture
