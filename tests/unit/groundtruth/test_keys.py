"""Truth by business key: late, early, of keys that come again, and what it never does."""

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.groundtruth.truths import Truths, moment
from tests.unit.predictions.logs import entry, output

from konan import clock
from konan.groundtruth import deciding
from konan.groundtruth.revisions import PARKED_DAYS
from konan.ids import IdSource
from konan.records.predictions import Feedback

LATER = timedelta(days=PARKED_DAYS, minutes=5)


def seconds_ago(seconds: float) -> int:
    return clock.now_ns() - int(seconds * 1e9)


flushed = pytest.mark.parametrize("flushed", [False, True])


@flushed
@pytest.mark.parametrize("key", [7, "7", 7.0, "7.0"])
def test_a_key_means_its_newest_prediction(truths: Truths, flushed: bool, key: Any) -> None:
    first, second, other = entry(7), entry(7), entry(8)
    truths.predict(first, second, other)
    if flushed:
        truths.predictions.flusher.flush()
    result = truths.tell_key(key, "yes")
    assert (result.status, result.prediction_id, result.key) == ("accepted", second.ids[0], key)
    assert truths.of(*first.ids, *second.ids, *other.ids) == [None, "yes", None]
    assert truths.tell_key(key, "yes").status == "duplicate"
    assert truths.tell(second.ids[0], "no") == "revised"


@flushed
def test_a_key_that_comes_again_means_the_prediction_of_the_time(truths: Truths, flushed: bool) -> None:
    months = [entry(7, at_ns=seconds_ago(ago)) for ago in (300, 200, 100)]
    truths.predict(*months)
    if flushed:
        truths.predictions.flusher.flush()
    for observed in (-150, -50, -250):
        assert truths.tell_key(7, "yes", moment(observed)).status == "accepted"
    assert truths.of(*(one.ids[0] for one in months)) == ["yes"] * 3
    assert truths.tell_key(7, "no", moment(-1000)).prediction_id == months[0].ids[0]


@flushed
def test_a_copy_has_no_truth_of_its_own(truths: Truths, flushed: bool) -> None:
    original = entry(7)
    truths.predict(original, entry(7, role="challenger", mirrors=original.ids))
    if flushed:
        truths.predictions.flusher.flush()
    assert truths.tell_key(7, "yes").prediction_id == original.ids[0]


@pytest.mark.parametrize("restarted", [False, True])
@flushed
def test_truth_that_is_early_waits_for_its_prediction(truths: Truths, restarted: bool, flushed: bool) -> None:
    assert truths.tell_key("7", "no").status == "parked"
    assert truths.tell_key("7", "no").status == "duplicate"
    assert truths.tell_key("7", "yes", moment(60)).status == "parked"
    if flushed:
        truths.truth.flush()
    if restarted:
        truths.restart()
    truths.run(truths.truth.step())
    first, second = entry(7), entry(7)
    truths.predict(first, second)
    truths.run(truths.truth.step())
    assert truths.of(*first.ids) == ["no"]
    assert truths.of(*second.ids) == ["yes"]
    if restarted:
        truths.restart()
    third = entry(7)
    truths.predict(third)
    truths.run(truths.truth.step())
    assert truths.of(*third.ids) == [None]


def test_what_waits_is_kept_when_the_journal_is_freed(truths: Truths) -> None:
    truths.tell_key("7", "yes")
    truths.tell_key("9", "yes")
    seven = entry(7)
    truths.predict(seven)
    truths.run(truths.truth.step())
    truths.truth.flush()
    truths.restart()
    nine = entry(9)
    truths.predict(nine)
    truths.run(truths.truth.step())
    assert truths.of(*seven.ids, *nine.ids) == ["yes", "yes"]


def test_what_waited_too_long_is_forgotten(truths: Truths, monkeypatch: pytest.MonkeyPatch) -> None:
    truths.tell_key("7", "yes")
    later = clock.now_ns() + int(LATER.total_seconds() * 1e9)
    monkeypatch.setattr("konan.clock.now_ns", lambda: later)
    monkeypatch.setattr("tests.unit.predictions.logs.SOURCE", IdSource())  # ids never go back to the present
    truths.truth.flush()
    one = entry(7)
    truths.predict(one)
    truths.run(truths.truth.step())
    assert truths.of(*one.ids) == [None]


def test_early_truth_that_the_model_cannot_answer_is_dropped(truths: Truths) -> None:
    assert truths.tell_key("7", "maybe").status == "parked"
    one = entry(7)
    truths.predict(one)
    truths.run(truths.truth.step())
    assert truths.of(*one.ids) == [None]
    assert not truths.truth._held.parked()


def test_only_so_many_keys_may_wait(truths: Truths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deciding, "PARKED_KEYS", 3)
    results = truths.send(*(Feedback(key=number, target="yes") for number in range(5)))
    assert [one.status for one in results] == ["parked"] * 3 + [429] * 2
    assert truths.tell_key(0, "no").status == "parked"
    assert truths.tell_key(3, "no").status == 429


def test_a_deployment_without_a_declared_key_says_so(truths: Truths) -> None:
    results = truths.send(Feedback(key="7", target="yes"), deployment="01890000-0000-7000-8000-00000000000c")
    assert [(one.status, "--key" in one.detail) for one in results] == [(422, True)]


def test_rows_of_versions_without_a_key_do_not_count(truths: Truths) -> None:
    old = entry(7)
    truths.predict(old, entry(7, version=2, body=b'{"hour": "7", "wind": 7}', outputs=[output(1)]))
    assert truths.tell_key(7, "yes").prediction_id == old.ids[0]
