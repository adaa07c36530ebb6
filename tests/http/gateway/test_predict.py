"""What a prediction answers, what it leaves in the journal, and what goes wrong how."""

import resource
import struct
import threading
import uuid

import msgspec
import pytest
from tests.http.gateway.rig import Rig, Worker, route, summing, until, version

from konan.journal import reader
from konan.records import messages
from konan.worker.frames import FAIL, Frame

ROW = {"temp": 1.5, "hr": 2}


def test_one_row(rig: Rig) -> None:
    reply = rig.predict(ROW)
    assert reply.status == 200
    answer = reply.json
    assert list(answer) == ["id", "deployment", "version", "output"]
    assert (answer["deployment"], answer["version"], answer["output"]) == ("bikes", 1, {"value": 3.5})
    assert uuid.UUID(answer["id"]).version == 7


def test_many_rows(rig: Rig) -> None:
    answer = rig.predict([ROW, {"temp": 0, "hr": -1}]).json
    assert list(answer) == ["predictions"]
    assert [list(part) for part in answer["predictions"]] == [["id", "version", "output"]] * 2
    assert [part["output"]["value"] for part in answer["predictions"]] == [3.5, -1.0]
    first, second = (part["id"] for part in answer["predictions"])
    assert first < second


def test_a_list_of_one_row_is_answered_as_a_list(rig: Rig) -> None:
    assert len(rig.predict([ROW]).json["predictions"]) == 1


def test_more_rows_than_one_call_of_the_model_takes(rig: Rig) -> None:
    answer = rig.predict([{"temp": 0, "hr": number} for number in range(200)]).json
    assert [part["output"]["value"] for part in answer["predictions"]] == [float(n) for n in range(200)]


def test_headers_of_an_answer(rig: Rig) -> None:
    headers = rig.predict(ROW).headers
    assert headers["content-type"] == "application/json"
    assert headers["konan-durability"] == "durable"
    assert uuid.UUID(headers["konan-request-id"]).version == 7
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert headers["date"].endswith(" GMT")
    assert "server" not in headers


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"']
)
def test_json_may_say_that_it_is_utf_8(rig: Rig, media_type: str) -> None:
    assert rig.predict(ROW, content_type=media_type).status == 200


@pytest.mark.parametrize(
    "media_type",
    ["", "text/plain", "application/json; charset=utf-16", "multipart/form-data", "application/jsonx"],
)
def test_other_media_types_are_refused(rig: Rig, media_type: str) -> None:
    reply = rig.predict(ROW, content_type=media_type)
    assert (reply.status, reply.code) == (415, "media_type_unsupported")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "json_malformed"),
        (b'{"temp": NaN, "hr": 1}', 400, "json_malformed"),
        (b'{"temp": 1e400, "hr": 1}', 400, "json_malformed"),
        (b"[" * 100_000, 400, "json_too_deep"),
        (b'{"temp": 1, "hr": 1, "admin": true}', 422, "rows_invalid"),
        (b'{"temp": 1}', 422, "rows_invalid"),
        (b'{"temp": "1", "hr": 1}', 422, "rows_invalid"),
        (b'{"temp": 1, "hr": 18446744073709551616}', 422, "rows_invalid"),
        (b"[]", 422, "rows_invalid"),
        (b"", 400, "json_malformed"),
    ],
)
def test_bodies_that_are_refused(rig: Rig, body: bytes, status: int, code: str) -> None:
    reply = rig.predict(body)
    assert (reply.status, reply.code) == (status, code)
    assert reply.json["request_id"] == reply.headers["konan-request-id"]


def test_faults_have_pointers(rig: Rig) -> None:
    faults = rig.predict([ROW, {"temp": 1, "hr": 2.5}]).json["faults"]
    assert [fault["pointer"] for fault in faults] == ["/1/hr"]


def test_a_version_may_be_asked_for_by_number(own_rig: Rig) -> None:
    own_rig.publish(route("bikes", version(1), version(2), live=2))
    own_rig.add_worker(number=2, uuid="version-2")
    path = "/v1/deployments/bikes/predict"
    with own_rig.client() as client:
        assert client.predict(ROW).json["version"] == 2
        body = msgspec.json.encode(ROW)
        asked = client.ask("POST", f"{path}?version=1", body, content_type="application/json")
        assert asked.json["version"] == 1
        asked = client.ask("POST", f"{path}?version=3", body, content_type="application/json")
        assert (asked.status, asked.code) == (404, "not_found")


@pytest.mark.parametrize(
    "query", ["version=0", "version=1&version=1", "version=x", "v=1", "path=/etc/passwd", "a"]
)
def test_other_queries_are_refused(rig: Rig, query: str) -> None:
    with rig.client() as client:
        body = msgspec.json.encode(ROW)
        path = f"/v1/deployments/bikes/predict?{query}"
        reply = client.ask("POST", path, body, content_type="application/json")
        assert (reply.status, reply.code) == (422, "invalid")


def test_every_answer_is_in_the_journal_before_it_is_sent(own_rig: Rig) -> None:
    body = b'[ {"temp":1.5,"hr":2}, {"hr":3,"temp":-0.5} ]'
    reply = own_rig.predict([ROW])
    many = own_rig.predict(body)
    own_rig.process.kill()
    own_rig.process.wait()
    (_, first), (_, second) = reader.read(own_rig.paths.journal / "0")
    assert first.ids == [reply.json["predictions"][0]["id"]]
    assert second.ids == [part["id"] for part in many.json["predictions"]]
    assert (second.body, second.single, second.status, second.role) == (body, False, 200, "live")
    assert (second.project, second.deployment, second.version) == ("default", "uuid-of-bikes", 1)
    assert second.key_id == own_rig.grants[0].id
    assert second.request_id == many.headers["konan-request-id"]
    assert [msgspec.json.decode(text) for text in second.outputs] == [
        part["output"] for part in many.json["predictions"]
    ]
    assert second.at_ns > first.at_ns
    assert second.latency_us > 0


def test_a_model_that_raises_is_told_without_its_words(own_rig: Rig) -> None:
    secret = b'{"type":"ValueError","message":"secret 4711","traceback":"File /home"}'
    own_rig.publish(route("sick", version(9)))
    own_rig.add_worker(lambda frame: Frame(FAIL, frame.rows, b"", secret), uuid="version-9")
    reply = own_rig.predict(ROW, "sick")
    assert (reply.status, reply.code) == (502, "model_failed")
    assert b"4711" not in reply.body
    assert b"/home" not in reply.body
    own_rig.publish(route())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_outputs_that_are_no_numbers_are_refused(own_rig: Rig, value: float) -> None:
    own_rig.publish(route("sick", version(9)))
    packed = struct.pack("<d", value)
    own_rig.add_worker(lambda frame: Frame(b"DONE", frame.rows, packed * frame.rows, b""), uuid="version-9")
    assert own_rig.predict(ROW, "sick").code == "model_output_invalid"


def test_an_answer_for_other_rows_is_refused(own_rig: Rig) -> None:
    own_rig.publish(route("sick", version(9)))
    own_rig.add_worker(lambda frame: Frame(b"DONE", frame.rows + 1, b"\0" * 16, b""), uuid="version-9")
    reply = own_rig.predict(ROW, "sick")
    assert (reply.status, reply.code) == (502, "model_output_invalid")


def test_a_worker_that_dies_costs_its_call_only(own_rig: Rig) -> None:
    workers: list[Worker] = []

    def dying(frame: Frame) -> Frame:
        workers[0].die()
        return frame

    own_rig.publish(route("sick", version(9)), route())
    workers.append(own_rig.add_worker(dying, uuid="version-9"))
    assert own_rig.predict(ROW, "sick").code == "model_failed"
    assert own_rig.predict(ROW).status == 200


def test_a_worker_that_hangs_is_reported_and_its_call_ends(own_rig: Rig) -> None:
    end = threading.Event()

    def hanging(frame: Frame) -> Frame:
        end.wait()
        return summing(frame)

    own_rig.publish(route("sick", version(9, deadline=0.2)), route())
    own_rig.add_worker(hanging, number=7, uuid="version-9")
    assert own_rig.predict(ROW, "sick").status == 504
    assert own_rig.predict(ROW).status == 200
    hung = messages.WorkerHung(version_uuid="version-9", worker=7)
    until(lambda: hung in own_rig.heard)
    end.set()


def test_without_a_worker_a_call_waits_for_one(own_rig: Rig) -> None:
    own_rig.publish(route("late", version(9)))
    with own_rig.client() as client:
        client.start_predict(ROW, "late")
        own_rig.add_worker(uuid="version-9")
        assert client.read().status == 200


def test_a_full_queue_is_said(own_rig: Rig) -> None:
    own_rig.publish(route("full", version(9, queue_rows=1, deadline=0.5)))
    with own_rig.client() as first:
        first.start_predict(ROW, "full")
        until(lambda: own_rig.predict(ROW, "full").status == 429)
        assert first.read().status == 504


def test_a_deployment_without_a_live_version_is_not_ready(own_rig: Rig) -> None:
    own_rig.publish(route("young", live=None))
    reply = own_rig.predict(ROW, "young")
    assert (reply.status, reply.code) == (503, "not_ready")
    assert "retry-after" in reply.headers


def test_while_a_version_rests_its_calls_are_refused_at_once(own_rig: Rig) -> None:
    own_rig.publish(route("resting", version(9)), route())
    own_rig.send(messages.Resting(version_uuid="version-9", seconds=60.0))
    reply = own_rig.predict(ROW, "resting")
    assert (reply.status, reply.code) == (503, "not_ready")
    own_rig.send(messages.Resting(version_uuid="version-9", seconds=0.0))
    own_rig.add_worker(uuid="version-9")
    until(lambda: own_rig.predict(ROW, "resting").status == 200)


def test_a_vanished_client_wedges_nothing(own_rig: Rig) -> None:
    for _ in range(30):
        with own_rig.client() as client:
            client.start_predict(ROW)
    assert own_rig.predict(ROW).status == 200
    until(lambda: len(list(reader.read(own_rig.paths.journal / "0"))) >= 1)


def test_while_the_disk_is_full_nothing_is_answered(own_rig: Rig) -> None:
    assert own_rig.predict(ROW).status == 200
    _, most = resource.prlimit(own_rig.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(own_rig.process.pid, resource.RLIMIT_FSIZE, (0, most))
    reply = own_rig.predict(ROW)
    assert (reply.status, reply.code) == (507, "storage_full")
    with own_rig.client(key=None) as client:
        assert client.ask("GET", "/healthz").status == 200
    resource.prlimit(own_rig.process.pid, resource.RLIMIT_FSIZE, (most, most))
    until(lambda: own_rig.predict(ROW).status == 200)
    own_rig.truncate_log()
