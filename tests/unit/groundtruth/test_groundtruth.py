"""Truth that is told is kept, revised, joined and found again, whatever happens on the way."""

import errno
import os
from pathlib import Path

import pytest
from tests.unit.groundtruth.truths import Truths, moment
from tests.unit.predictions.logs import BIKES, CARS, entry, ids_of

from konan.errors import JournalUnavailable, StorageFull
from konan.groundtruth import revisions
from konan.journal import verify
from konan.journal.files import SegmentFiles
from konan.journal.segments import segments
from konan.predictions import table
from konan.predictions.rows import day_of
from konan.records.predictions import Feedback, FeedbackResult

STRANGER = "01890000-0000-7000-8000-000000000001"


def flush(truths: Truths) -> None:
    truths.truth.flush()


def restart(truths: Truths) -> None:
    truths.restart()


def flush_and_restart(truths: Truths) -> None:
    truths.truth.flush()
    truths.restart()


def nothing(_: Truths) -> None:
    """Go on."""


between = pytest.mark.parametrize("between", [nothing, flush, restart, flush_and_restart])


def rows(truths: Truths) -> int:
    files = table.snapshot(truths.directory / f"{BIKES}{revisions.SUFFIX}").files
    return sum(file.rows for file in files)


@between
def test_the_truth_that_was_observed_last_counts_and_all_are_kept(truths: Truths, between) -> None:  # type: ignore[no-untyped-def] # a step of the test
    one = entry(1)
    truths.predict(one)
    (about,) = one.ids
    assert truths.of(about) == [None]
    assert truths.tell(about, "no", moment(10)) == "accepted"
    between(truths)
    assert truths.tell(about, "yes", moment(20)) == "revised"
    between(truths)
    late = moment(15)
    assert truths.tell(about, "no", late) == "revised"
    between(truths)
    assert truths.tell(about, "no", late) == "duplicate"
    assert truths.of(about) == ["yes"]
    known = truths.truth.history(BIKES, [about])[about]
    assert sorted(one.target for one in known) == ['"no"', '"no"', '"yes"']


@between
def test_of_truths_observed_at_one_moment_the_last_to_come_counts(truths: Truths, between) -> None:  # type: ignore[no-untyped-def] # a step of the test
    one = entry(1)
    truths.predict(one)
    (about,) = one.ids
    then = moment(0)
    assert [truths.tell(about, label, then) for label in ("no", "yes")] == ["accepted", "revised"]
    between(truths)
    assert truths.tell(about, "no", then) == "duplicate"
    assert truths.of(about) == ["yes"]


@between
def test_the_same_truth_again_changes_nothing(truths: Truths, between) -> None:  # type: ignore[no-untyped-def] # a step of the test
    entries = [entry(number, 3) for number in range(5)]
    truths.predict(*entries)
    items = [Feedback(prediction_id=one, target="yes") for one in ids_of(*entries)]
    assert {result.status for result in truths.send(*items)} == {"accepted"}
    between(truths)
    assert {result.status for result in truths.send(*items, *items)} == {"duplicate"}
    truths.truth.flush()
    assert rows(truths) == 15


def test_one_item_that_is_wrong_spoils_no_other(truths: Truths) -> None:
    one = entry(1, 2)
    truths.predict(one)
    first, second = one.ids
    results = truths.send(
        Feedback(prediction_id=first, target="yes"),
        Feedback(prediction_id=STRANGER, target="yes"),
        Feedback(prediction_id="x", target="yes"),
        Feedback(prediction_id=second, target="maybe"),
        Feedback(prediction_id=second, target="no", observed_at="yesterday"),
        Feedback(prediction_id=second, key="7", target="no"),
        Feedback(target="no"),
        FeedbackResult(status=422, detail="refused before"),
        Feedback(prediction_id=second.upper(), target="no"),
    )
    assert [one.status for one in results] == ["accepted", 404, 404, 422, 422, 422, 422, 422, "accepted"]
    assert [bool(one.detail) for one in results] == [one.refused for one in results]
    assert results[-1].prediction_id == second.upper()
    assert truths.of(first, second) == ["yes", "no"]


@pytest.mark.parametrize("flushed", [False, True])
def test_the_truth_of_a_prediction_counts_for_its_copies(truths: Truths, flushed: bool) -> None:
    original = entry(1, 2)
    copy = entry(1, 2, role="challenger", mirrors=original.ids)
    truths.predict(original, copy)
    if flushed:
        truths.predictions.flusher.flush()
    assert truths.tell(original.ids[0], "yes") == "accepted"
    assert truths.tell(copy.ids[1], "no") == "accepted"
    assert truths.of(*original.ids) == ["yes", "no"]
    logged = truths.predictions.records(BIKES, truths.predictions.log.one(BIKES, copy.ids[0]))
    assert [one.ground_truth for one in logged] == ["yes"]


def test_a_prediction_of_another_deployment_is_unknown(truths: Truths) -> None:
    one = entry(1)
    truths.predict(one)
    (result,) = truths.send(Feedback(prediction_id=one.ids[0], target="yes"), deployment=CARS)
    assert (result.status, truths.of(*one.ids)) == (404, [None])


def test_it_is_in_the_journal_before_the_answer(truths: Truths) -> None:
    one = entry(1, 50)
    truths.predict(one)
    truths.send(*(Feedback(prediction_id=each, target="yes") for each in one.ids))
    found = verify.verify(truths.journal / "truth")
    assert (found.records, found.damaged) == (1, False)
    assert rows(truths) == 0


def test_many_are_put_into_the_table_and_the_journal_is_freed(tmp_path: Path) -> None:
    truths = Truths(tmp_path, rows=200)
    entries = [entry(number, 100) for number in range(10)]
    truths.predict(*entries)
    for each in entries:
        truths.send(*(Feedback(prediction_id=one, target="yes") for one in each.ids))
    assert rows(truths) == 800
    assert truths.of(*ids_of(*entries)) == ["yes"] * 1000
    truths.restart()
    assert truths.of(*ids_of(*entries)) == ["yes"] * 1000
    truths.truth.flush()
    assert rows(truths) == 1000
    truths.restart()
    truths.truth.flush()
    assert rows(truths) == 1000
    assert len(segments(truths.journal / "truth")) <= 2
    truths.close()


def test_what_is_old_is_put_into_the_table(tmp_path: Path) -> None:
    truths = Truths(tmp_path, seconds=0)
    one = entry(1)
    truths.predict(one)
    truths.tell(one.ids[0], "yes")
    truths.run(truths.truth.step())
    assert rows(truths) == 1
    truths.close()


def test_what_counts_can_be_joined_with_the_log(truths: Truths) -> None:
    entries = [entry(number) for number in range(20)]
    truths.predict(*entries)
    for number, about in enumerate(ids_of(*entries)[:10]):
        truths.tell(about, "no", moment(5))
        truths.truth.flush()
        if number % 2:
            truths.tell(about, "yes", moment(5))
    day = day_of(entries[0].ids[0])
    found = truths.truth.counting(BIKES, day, day + 1)
    assert found["id"].to_pylist() == ids_of(*entries)[:10]
    assert found["label"].to_pylist() == ["no", "yes"] * 5
    assert truths.truth.counting(BIKES, 0, day - 1).num_rows == 0


def test_a_commit_before_a_crash_is_not_done_twice(truths: Truths, monkeypatch: pytest.MonkeyPatch) -> None:
    one = entry(1)
    truths.predict(one)
    truths.tell(one.ids[0], "yes")

    def crash(*_: object) -> None:
        raise OSError(errno.EIO, "the machine is gone")

    monkeypatch.setattr("konan.groundtruth.parked.write", crash)
    with pytest.raises(OSError, match="gone"):
        truths.truth.flush()
    monkeypatch.undo()
    truths.restart()
    truths.truth.flush()
    assert rows(truths) == 1


def test_damage_is_told_and_what_follows_is_read(truths: Truths) -> None:
    one = entry(1, 3)
    truths.predict(one)
    for about in one.ids:
        truths.tell(about, "yes")
    truths.close(last=False)
    path = segments(truths.journal / "truth")[0][1]
    data = bytearray(path.read_bytes())
    data[data.index(one.ids[1].encode())] ^= 1
    path.write_bytes(data)
    truths.open()
    assert truths.truth.damage is not None
    assert truths.of(*one.ids) == ["yes", None, "yes"]
    truths.truth.flush()
    assert path.exists()


@pytest.mark.parametrize(("number", "error"), [(errno.ENOSPC, StorageFull), (errno.EIO, JournalUnavailable)])
def test_what_cannot_be_written_is_not_taken(
    truths: Truths, number: int, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = entry(1)
    truths.predict(one)
    truths.tell(one.ids[0], "no", moment(-5))

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(SegmentFiles, "write", fail)
        with pytest.raises(error):
            truths.tell(one.ids[0], "yes")
    assert truths.of(*one.ids) == ["no"]
    truths.restart()
    assert truths.of(*one.ids) == ["no"]
    assert truths.tell(one.ids[0], "yes") == "revised"
