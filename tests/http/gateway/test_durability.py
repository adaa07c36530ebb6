"""What an answer promises, durable or buffered, and what is logged of a request that is refused."""

import msgspec
import pytest
from tests.http.gateway.rig import Rig, route, until, version

from konan.journal import reader
from konan.journal.entry import REJECTED_BODY_BYTES, Entry
from konan.worker.frames import FAIL, Frame

ROW = {"temp": 1.5, "hr": 2}


def entries(rig: Rig) -> list[Entry]:
    """What was acknowledged."""
    return [entry for _, entry in reader.tail(rig.paths.journal / "0", 0)]


def test_a_deployment_may_choose_to_be_buffered(own_rig: Rig) -> None:
    own_rig.publish(msgspec.structs.replace(route(), durability="buffered"))
    reply = own_rig.predict(ROW)
    assert (reply.status, reply.headers["konan-durability"]) == (200, "buffered")
    own_rig.process.kill()
    own_rig.process.wait()
    (entry,) = entries(own_rig)
    assert entry.ids == [reply.json["id"]]
    own_rig.truncate_log()


def test_a_deployment_may_change_its_mind(own_rig: Rig) -> None:
    for durability in ("buffered", "durable", "buffered"):
        own_rig.publish(msgspec.structs.replace(route(), durability=durability))
        assert own_rig.predict(ROW).headers["konan-durability"] == durability
    assert len(entries(own_rig)) == 3


@pytest.mark.parametrize(
    ("body", "code", "headers"),
    [
        (b"{", "json_malformed", {}),
        (b'{"temp": 1}', "rows_invalid", {}),
        (b'{"temp": 1, "hr": 1}', "media_type_unsupported", {"content_type": "text/plain"}),
    ],
)
def test_a_refusal_is_logged_with_its_reason(
    own_rig: Rig, body: bytes, code: str, headers: dict[str, str]
) -> None:
    reply = own_rig.predict(body, **headers)
    until(lambda: len(entries(own_rig)) == 1)
    (entry,) = entries(own_rig)
    assert (entry.kind, entry.code, entry.status, entry.ids) == ("rejected", code, reply.status, [])
    assert (entry.body, entry.body_bytes, entry.rows) == (body, len(body), 0)
    assert (entry.deployment, entry.version) == ("uuid-of-bikes", 1)
    assert entry.request_id == reply.headers["konan-request-id"] == reply.json["request_id"]


def test_a_refused_body_is_kept_in_part(own_rig: Rig) -> None:
    body = b"[" + b" " * 20_000
    own_rig.predict(body)
    until(lambda: len(entries(own_rig)) == 1)
    (entry,) = entries(own_rig)
    assert (entry.body, entry.body_bytes) == (body[:REJECTED_BODY_BYTES], len(body))


def test_a_failure_of_the_model_is_logged(own_rig: Rig) -> None:
    own_rig.publish(route("sick", version(9)))
    own_rig.add_worker(lambda frame: Frame(FAIL, frame.rows, b"", b'{"type":"X"}'), uuid="version-9")
    reply = own_rig.predict(ROW, "sick")
    until(lambda: len(entries(own_rig)) == 1)
    (entry,) = entries(own_rig)
    assert (entry.kind, entry.code, entry.version) == ("rejected", "model_failed", 9)
    assert entry.request_id == reply.headers["konan-request-id"]
    assert msgspec.json.decode(entry.body) == ROW


def test_a_deployment_without_a_version_logs_what_it_refuses(own_rig: Rig) -> None:
    own_rig.publish(route("young", live=None))
    own_rig.predict(ROW, "young")
    until(lambda: len(entries(own_rig)) == 1)
    (entry,) = entries(own_rig)
    assert (entry.code, entry.deployment, entry.version) == ("not_ready", "uuid-of-young", 0)


def test_what_reaches_no_deployment_is_not_logged(own_rig: Rig) -> None:
    assert own_rig.predict(ROW, "none").status == 404
    with own_rig.client(key=None) as client:
        assert client.predict(ROW).status == 401
        assert client.ask("GET", "/v1/deployments/bikes/predict").status == 401
    own_rig.predict(ROW)
    assert [entry.kind for entry in entries(own_rig)] == ["answered"]
