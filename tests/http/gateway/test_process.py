"""The process: readiness, snapshots and links that come and go, draining, and being left alone."""

import signal
import threading
from pathlib import Path

from tests.http.gateway.rig import Model, Rig, route, running, summing, until, version

from konan.journal import reader
from konan.records import messages
from konan.worker.frames import Frame

ROW = {"temp": 1.5, "hr": 2}


def test_it_is_not_ready_before_it_has_a_snapshot(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    try:
        with rig.client(key=None) as client:
            assert client.ask("GET", "/healthz").status == 200
            reply = client.ask("GET", "/readyz")
            assert (reply.status, reply.code) == (503, "not_ready")
            rig.publish(route())
            assert client.ask("GET", "/readyz").status == 200
        assert messages.Ready(name="gateway") in rig.heard
    finally:
        assert rig.stop() == 0


def test_it_serves_the_snapshot_that_it_finds(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        kept = first.paths.snapshot.read_bytes()
        grants = first.grants
    second = Rig(tmp_path)
    try:
        second.paths.snapshot.write_bytes(kept)
        second.key = first.key
        second.grants = grants
        second.add_worker()
        second.send(messages.SnapshotChanged(generation=1))
        until(lambda: second.predict(ROW).status == 200)
    finally:
        second.stop()
    assert len(list(reader.read(second.paths.journal / "0"))) == 1


def test_a_broken_snapshot_changes_nothing(own_rig: Rig) -> None:
    own_rig.paths.snapshot.write_bytes(b'{"generation":')
    own_rig.send(messages.SnapshotChanged(generation=2))
    until(lambda: "unforeseen" in own_rig.log())
    assert own_rig.predict(ROW).status == 200
    own_rig.truncate_log()


def test_a_link_may_come_before_its_version(own_rig: Rig) -> None:
    own_rig.add_worker(uuid="version-2")
    own_rig.publish(route("bikes", version(2)))
    assert own_rig.predict(ROW).json["version"] == 2


def test_a_switch_loses_no_request(own_rig: Rig) -> None:
    own_rig.add_worker(uuid="version-2")
    stop = threading.Event()
    statuses: list[int] = []

    def ask() -> None:
        with own_rig.client() as client:
            while not stop.is_set():
                statuses.append(client.predict(ROW).status)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for live in (2, 1, 2, 1, 2):
        own_rig.publish(route("bikes", version(1), version(2), live=live))
        assert own_rig.predict(ROW).json["version"] == live
    stop.set()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200}


def test_a_removed_link_gets_nothing_more(own_rig: Rig) -> None:
    assert own_rig.predict(ROW).status == 200
    own_rig.add_worker(number=2)
    own_rig.send(messages.LinkRemoved(version_uuid="version-1", worker=1))
    seen = len(own_rig.workers[0].frames)
    until(lambda: own_rig.predict(ROW).status == 200 and bool(own_rig.workers[1].frames))
    assert len(own_rig.workers[0].frames) <= seen + 1


def test_counters_are_told(own_rig: Rig) -> None:
    own_rig.predict([ROW, ROW])
    own_rig.predict(b"{")
    own_rig.predict(ROW, "none")

    def told() -> bool:
        pictures = own_rig.all_heard(messages.Stats)
        if not pictures:
            return False
        metrics = pictures[-1].metrics
        answered = [part for part in metrics["predictions"] if part["code"] == "ok"]
        rejected = metrics["rejected"]
        return (
            [(part["deployment"], part["requests"], part["rows"]) for part in answered] == [("bikes", 1, 2)]
            and rejected == {"json_malformed": 1, "not_found": 1}
            and metrics["queues"][0]["workers"] == 1
        )

    until(told)


def slowly(begun: threading.Event, go_on: threading.Event) -> Model:
    """A model that says when it has begun and waits for a word."""

    def model(frame: Frame) -> Frame:
        begun.set()
        go_on.wait(10)
        return summing(frame)

    return model


def test_a_request_in_flight_is_answered_while_it_drains(own_rig: Rig) -> None:
    begun, go_on = threading.Event(), threading.Event()
    own_rig.publish(route("slow", version(9)), route())
    own_rig.add_worker(slowly(begun, go_on), uuid="version-9")
    with own_rig.client() as client, own_rig.client() as idle:
        assert idle.ask("GET", "/readyz").status == 200
        client.start_predict(ROW, "slow")
        assert begun.wait(10)
        own_rig.process.send_signal(signal.SIGTERM)
        until(lambda: "drains" in own_rig.log())
        assert idle.ask("GET", "/readyz").status == 503
        assert idle.is_closed()
        assert own_rig.process.poll() is None
        go_on.set()
        reply = client.read()
        assert (reply.status, reply.headers["connection"]) == (200, "close")
    assert own_rig.process.wait(10) == 0
    assert len(list(reader.read(own_rig.paths.journal / "0"))) == 1


def test_it_drains_when_told_and_gives_up_after_the_grace(own_rig: Rig) -> None:
    begun, go_on = threading.Event(), threading.Event()
    own_rig.publish(route("slow", version(9)))
    own_rig.add_worker(slowly(begun, go_on), uuid="version-9")
    with own_rig.client() as client:
        client.start_predict(ROW, "slow")
        assert begun.wait(10)
        own_rig.send(messages.Drain(seconds=0.3))
        assert own_rig.process.wait(10) == 0
        go_on.set()


def test_it_ends_when_the_supervisor_has_gone(own_rig: Rig) -> None:
    assert own_rig.predict(ROW).status == 200
    own_rig.hang_up()
    assert own_rig.process.wait(10) == 0
