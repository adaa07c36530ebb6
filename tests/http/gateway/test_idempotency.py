"""One execution per Idempotency-Key, and the same bytes for everyone who asks with it."""

import sqlite3
import threading
from pathlib import Path

import pytest
from tests.http.gateway.raw import Reply
from tests.http.gateway.rig import Rig, route, running, summing, until, version

from konan.journal import reader
from konan.worker.frames import FAIL, Frame

ROW = {"temp": 1.5, "hr": 2}


def answered(rig: Rig) -> int:
    """How many requests were answered by the model."""
    return sum(entry.kind == "answered" for _, entry in reader.tail(rig.paths.journal / "0", 0))


def test_a_retry_gets_the_same_bytes(own_rig: Rig) -> None:
    first = own_rig.predict(ROW, idempotency_key="k1")
    again = own_rig.predict(ROW, idempotency_key="k1")
    assert (first.status, again.status) == (200, 200)
    assert again.body == first.body
    assert again.headers["konan-request-id"] == first.headers["konan-request-id"]
    assert again.headers["konan-durability"] == "durable"
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert answered(own_rig) == 1


def test_other_keys_deployments_and_callers_are_told_apart(own_rig: Rig) -> None:
    own_rig.publish(route(), route("other", version(2)))
    own_rig.add_worker(uuid="version-2")
    other_key = own_rig.add_key("predict")
    own_rig.publish()
    bodies = {
        own_rig.predict(ROW, idempotency_key="k1").body,
        own_rig.predict(ROW, idempotency_key="k2").body,
        own_rig.predict(ROW, "other", idempotency_key="k1").body,
    }
    with own_rig.client(other_key) as client:
        bodies.add(client.predict(ROW, idempotency_key="k1").body)
    assert len(bodies) == 4


def test_a_key_with_another_body_is_refused(own_rig: Rig) -> None:
    assert own_rig.predict(ROW, idempotency_key="k1").status == 200
    reply = own_rig.predict({"temp": 1.5, "hr": 3}, idempotency_key="k1")
    assert (reply.status, reply.code) == (422, "idempotency_key_reused")
    assert own_rig.predict(ROW, idempotency_key="k1").status == 200


@pytest.mark.parametrize("key", ["a b", "x" * 256, "\x7f\x80"])
def test_what_is_no_key_is_refused(rig: Rig, key: str) -> None:
    with rig.client() as client:
        client.send(
            client.head(
                "POST",
                "/v1/deployments/bikes/predict",
                content_type="application/json",
                content_length="2",
            )[:-2]
            + b"idempotency-key: "
            + key.encode("latin-1")
            + b"\r\n\r\n{}"
        )
        assert client.read().status in {400, 422}


def test_after_an_error_the_key_may_be_used_again(own_rig: Rig) -> None:
    failing = threading.Event()
    failing.set()

    def model(frame: Frame) -> Frame:
        return Frame(FAIL, frame.rows, b"", b'{"type":"X"}') if failing.is_set() else summing(frame)

    own_rig.publish(route("sick", version(9)))
    own_rig.add_worker(model, uuid="version-9")
    assert own_rig.predict(ROW, "sick", idempotency_key="k").status == 502
    assert own_rig.predict(b"{", "sick", idempotency_key="k").status == 400
    failing.clear()
    assert own_rig.predict(ROW, "sick", idempotency_key="k").status == 200


def test_racing_requests_are_executed_once(own_rig: Rig) -> None:
    go_on, begun = threading.Event(), threading.Event()

    def slow(frame: Frame) -> Frame:
        begun.set()
        go_on.wait(10)
        return summing(frame)

    own_rig.publish(route("slow", version(9)))
    worker = own_rig.add_worker(slow, uuid="version-9")
    replies: list[Reply] = []
    threads = [
        threading.Thread(target=lambda: replies.append(own_rig.predict(ROW, "slow", idempotency_key="k")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    assert begun.wait(10)
    other = own_rig.predict({"temp": 0, "hr": 0}, "slow", idempotency_key="k")
    assert other.code == "idempotency_key_reused"
    go_on.set()
    for thread in threads:
        thread.join()
    assert {reply.status for reply in replies} == {200}
    assert len({reply.body for reply in replies}) == 1
    assert len(worker.frames) == 1
    assert answered(own_rig) == 1


def test_racing_requests_hear_of_the_same_error(own_rig: Rig) -> None:
    go_on, begun = threading.Event(), threading.Event()

    def failing(frame: Frame) -> Frame:
        begun.set()
        go_on.wait(10)
        return Frame(FAIL, frame.rows, b"", b'{"type":"X"}')

    own_rig.publish(route("sick", version(9)))
    worker = own_rig.add_worker(failing, uuid="version-9")
    with own_rig.client() as first, own_rig.client() as second:
        first.start_predict(ROW, "sick", idempotency_key="k")
        assert begun.wait(10)
        second.start_predict(ROW, "sick", idempotency_key="k")
        until(lambda: own_rig.predict(b"{}", "sick", idempotency_key="k").status == 422)
        go_on.set()
        assert (first.read().code, second.read().code) == ("model_failed", "model_failed")
    assert len(worker.frames) == 1


def restarted(directory: Path, before: Rig) -> Rig:
    """Another gateway on the same data with the same keys."""
    rig = Rig(directory)
    rig.key, rig.grants = before.key, before.grants
    rig.publish(route())
    rig.add_worker()
    return rig


def test_answers_outlive_kill_9_and_the_file_that_has_them(tmp_path: Path) -> None:
    with running(tmp_path) as rig:
        first = [rig.predict(ROW, idempotency_key=f"k{n}").body for n in range(20)]
        rig.process.kill()
        rig.process.wait()
    (tmp_path / "answers.db").write_bytes(b"no database" * 1000)
    again = restarted(tmp_path, rig)
    try:
        assert [again.predict(ROW, idempotency_key=f"k{n}").body for n in range(20)] == first
        assert answered(again) == 20
    finally:
        again.stop()


def test_answers_outlive_the_journal(tmp_path: Path) -> None:
    with running(tmp_path) as rig:
        first = rig.predict(ROW, idempotency_key="k").body
    for path in (tmp_path / "journal" / "0").iterdir():
        path.unlink()
    again = restarted(tmp_path, rig)
    try:
        assert again.predict(ROW, idempotency_key="k").body == first
    finally:
        again.stop()


def test_after_a_day_a_key_is_free_again(tmp_path: Path) -> None:
    with running(tmp_path) as rig:
        first = rig.predict(ROW, idempotency_key="k").body
    with sqlite3.connect(tmp_path / "answers.db") as database:
        database.execute("UPDATE answers SET at = at - 86401")
    database.close()
    for path in (tmp_path / "journal" / "0").iterdir():
        path.unlink()
    again = restarted(tmp_path, rig)
    try:
        assert again.predict(ROW, idempotency_key="k").body != first
    finally:
        again.stop()
