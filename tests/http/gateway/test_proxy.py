"""Other paths go to control and come back as they are, in bounded memory, and control may be down."""

import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.http.gateway.control import Asked, Control
from tests.http.gateway.rig import Rig, running, until

ROW = {"temp": 1.5, "hr": 2}
UPLOAD = "/v1/deployments/bikes/versions"
MIB = 1024 * 1024


def echo(asked: Asked) -> None:
    """Answer the request's start line and body."""
    body = asked.start.encode() + b"|"
    if asked.value("expect"):
        asked.say(b"HTTP/1.1 100 Continue\r\n\r\n")
    if asked.value("content-length") or asked.value("transfer-encoding"):
        body += asked.read_body()
    asked.say(
        b"HTTP/1.1 200 OK\r\nserver: x\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n" % len(body)
    )
    asked.say(body)


@pytest.fixture
def control(rig: Rig) -> Iterator[Control]:
    made = Control(rig.paths.run, echo)
    yield made
    made.close()
    (rig.paths.run / "control.sock").unlink()


def test_a_request_and_its_answer(rig: Rig, control: Control) -> None:
    with rig.client() as client:
        reply = client.ask(
            "GET",
            "/v1/deployments?limit=5",
            connection="keep-alive, x-mine",
            x_mine="1",
            x_forwarded_for="evil",
            forwarded="for=evil",
            te="trailers",
            upgrade="h2c",
            konan_request_id="forged",
            accept="*/*",
        )
        assert (reply.status, reply.body) == (200, b"GET /v1/deployments?limit=5 HTTP/1.1|")
        assert "server" not in reply.headers
        assert reply.headers["x-content-type-options"] == "nosniff"
        asked = control.asked[-1]
        assert asked.value("konan-request-id") == reply.headers["konan-request-id"]
        assert asked.value("connection") == "close"
        assert asked.value("authorization") == f"Bearer {rig.key}"
        assert (asked.value("accept"), asked.value("host")) == ("*/*", "localhost")
        for name in ("x-mine", "x-forwarded-for", "forwarded", "te", "upgrade", "content-length"):
            assert asked.value(name) is None
        assert client.predict(ROW).status == 200


def test_bodies_keep_their_framing(rig: Rig, control: Control) -> None:
    with rig.client() as client:
        reply = client.ask("POST", "/v1/keys", b'{"name":"x"}')
        assert reply.body == b'POST /v1/keys HTTP/1.1|{"name":"x"}'
        assert control.asked[-1].value("content-length") == "12"
        chunks = b"5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: x\r\n\r\n"
        reply = client.ask("POST", "/v1/keys", chunks, transfer_encoding="chunked")
        assert reply.body.endswith(b"|b\r\nhello world\r\n0\r\n\r\n")
        assert client.ask("DELETE", "/v1/keys/k").body == b"DELETE /v1/keys/k HTTP/1.1|"


def test_a_body_that_comes_later_is_sent_when_control_asks_for_it(rig: Rig, control: Control) -> None:
    with rig.client() as client:
        client.send(client.head("POST", "/v1/keys", content_length="10"))
        until(lambda: bool(control.asked))
        assert control.asked[-1].value("expect") == "100-continue"
        client.send(b"01234")
        client.send(b"56789")
        assert client.read().body.endswith(b"|0123456789")
        assert client.predict(ROW).status == 200


def test_what_control_refuses_by_the_head_needs_no_body(rig: Rig, control: Control) -> None:
    control.behave = lambda asked: asked.say(
        b"HTTP/1.1 403 Forbidden\r\ncontent-type: application/problem+json\r\ncontent-length: 2\r\n\r\n{}"
    )
    with rig.client() as client:
        client.send(client.head("POST", UPLOAD, content_length=str(500 * MIB)))
        client.send(b"x" * 100_000)
        reply = client.read()
        assert (reply.status, reply.headers["connection"]) == (403, "close")
        assert client.is_closed()
    assert b"x" not in control.asked[-1].rest


def test_a_refusal_by_the_head_is_told_also_when_the_body_is_already_here(rig: Rig, control: Control) -> None:
    control.behave = lambda asked: asked.say(b"HTTP/1.1 415 Wrong\r\ncontent-length: 2\r\n\r\n{}")
    with rig.client() as client:
        for _ in range(300):
            assert client.ask("POST", "/v1/keys", b"x" * 1000).status == 415
    assert not [asked for asked in control.asked if asked.rest]


def test_a_refusal_in_the_middle_of_a_body_is_told(rig: Rig, control: Control) -> None:
    def behave(asked: Asked) -> None:
        asked.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        asked.more()
        asked.say(b"HTTP/1.1 507 Full\r\ncontent-length: 2\r\n\r\n{}")

    control.behave = behave
    for _ in range(50):
        with rig.client() as client:
            client.send(client.head("POST", UPLOAD, content_length=str(50 * MIB)))
            client.send(b"x" * 4 * MIB)
            reply = client.read()
            assert (reply.status, reply.headers["connection"]) == (507, "close")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabcde",
        b"HTTP/1.1 200 OK\r\n\r\nabcde",
        b"HTTP/1.0 200\r\n\r\nabcde",
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabcde",
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_answers_of_every_framing(rig: Rig, control: Control, answer: bytes, size: int) -> None:
    def behave(asked: Asked) -> None:
        for start in range(0, len(answer), size):
            asked.say(answer[start : start + size])

    control.behave = behave
    with rig.client() as client:
        for _ in range(2):
            assert client.ask("GET", "/v1/system").body == b"abcde"


def test_answers_without_a_body(rig: Rig, control: Control) -> None:
    control.behave = lambda asked: asked.say(b"HTTP/1.1 204 No Content\r\n\r\n")
    with rig.client() as client:
        assert client.ask("GET", "/v1/system").status == 204
        control.behave = lambda asked: asked.say(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")
        assert client.ask("HEAD", "/v1/system").headers["content-length"] == "5"
        assert client.predict(ROW).status == 200


def test_an_http_1_0_client_gets_a_chunked_answer_plain(rig: Rig, control: Control) -> None:
    control.behave = lambda asked: asked.say(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    )
    with rig.client() as client:
        client.send(client.head("GET", "/v1/system").replace(b"HTTP/1.1", b"HTTP/1.0"))
        reply = client.read()
        assert "transfer-encoding" not in reply.headers
        assert reply.body == b"abc"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
        b"x" * 100_000,
    ],
)
def test_what_is_no_answer_is_503(rig: Rig, control: Control, answer: bytes) -> None:
    control.behave = lambda asked: asked.say(answer)
    with rig.client() as client:
        reply = client.ask("GET", "/v1/system")
        assert (reply.status, reply.code) == (503, "control_unavailable")
        assert client.predict(ROW).status == 200


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ],
)
def test_an_answer_that_breaks_off_is_seen_to_break_off(rig: Rig, control: Control, answer: bytes) -> None:
    control.behave = lambda asked: asked.say(answer)
    with rig.client() as client, pytest.raises((EOFError, ConnectionError)):
        client.ask("GET", "/v1/system")


def test_without_control_predictions_go_on(rig: Rig) -> None:
    with rig.client() as client:
        for _ in range(3):
            reply = client.ask("GET", "/v1/system")
            assert (reply.status, reply.code) == (503, "control_unavailable")
            assert client.predict(ROW).status == 200
    dead = Control(rig.paths.run, echo)
    dead.close()
    with rig.client() as client:
        assert client.ask("GET", "/v1/system").code == "control_unavailable"
        client.send(client.head("POST", UPLOAD, content_length=str(500 * MIB)))
        client.send(b"x" * 10_000)
        assert client.read().code == "control_unavailable"
    (rig.paths.run / "control.sock").unlink()


def test_a_large_upload_streams_in_bounded_memory(rig: Rig, control: Control) -> None:
    process = psutil.Process(rig.process.pid)
    before = process.memory_info().rss
    most, got = [0], [0]
    go_on = threading.Event()

    def behave(asked: Asked) -> None:
        asked.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        go_on.wait(10)
        while got[0] < 50 * MIB and (data := asked.more()):
            got[0] += len(data)
            most[0] = max(most[0], process.memory_info().rss)
        asked.say(b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\n{}")

    control.behave = behave
    with rig.client() as client:
        threading.Timer(0.3, go_on.set).start()
        client.send(client.head("POST", UPLOAD, content_length=str(50 * MIB)))
        for _ in range(50):
            client.send(b"x" * MIB)
        assert client.read().status == 202
        assert got[0] == 50 * MIB
        assert most[0] - before < 20 * MIB
        assert client.predict(ROW).status == 200


def test_a_large_answer_waits_for_a_slow_reader_in_bounded_memory(rig: Rig, control: Control) -> None:
    process = psutil.Process(rig.process.pid)
    sent = [0]

    def behave(asked: Asked) -> None:
        asked.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (50 * MIB))
        for _ in range(50):
            asked.say(b"x" * MIB)
            sent[0] += 1

    control.behave = behave
    with rig.client() as client:
        before = process.memory_info().rss
        client.send(client.head("GET", "/v1/system"))
        assert rig.predict(ROW).status == 200
        assert sent[0] < 50
        assert len(client.read().body) == 50 * MIB
        assert process.memory_info().rss - before < 20 * MIB
        assert client.predict(ROW).status == 200


def test_an_upload_over_its_cap_is_refused(tmp_path: Path) -> None:
    with running(tmp_path, upload_bytes=1000, body_bytes=100) as rig:
        made = Control(rig.paths.run, echo)
        with rig.client() as client:
            assert client.ask("POST", UPLOAD, b"x" * 1000).status == 200
            client.send(client.head("POST", UPLOAD, content_length="1001"))
            assert client.read().status == 413
        with rig.client() as client:
            assert client.ask("POST", "/v1/keys", b"x" * 100).status == 200
            client.send(client.head("POST", "/v1/keys", content_length="101"))
            assert client.read().status == 413
        with rig.client() as client:
            client.send(client.head("POST", UPLOAD, transfer_encoding="chunked") + b"100\r\n" + b"x" * 256)
            client.send(b"\r\n1000\r\n")
            assert client.read().status == 413
        made.close()


def test_control_hears_of_a_client_that_vanishes(rig: Rig, control: Control) -> None:
    ended = threading.Event()

    def behave(asked: Asked) -> None:
        asked.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        while asked.more():
            pass
        ended.set()

    control.behave = behave
    with rig.client() as client:
        client.send(client.head("POST", UPLOAD, content_length=str(MIB)) + b"x" * 1000)
        until(lambda: bool(control.asked))
    assert ended.wait(10)
    assert rig.predict(ROW).status == 200


def test_a_client_that_stops_in_an_upload_is_told(tmp_path: Path) -> None:
    with running(tmp_path, body_timeout=0.3) as rig:
        made = Control(rig.paths.run, echo)
        with rig.client() as client:
            client.send(client.head("POST", UPLOAD, content_length=str(MIB)) + b"x" * 1000)
            assert client.read().status == 408
        made.close()
