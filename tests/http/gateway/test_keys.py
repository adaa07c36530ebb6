"""Who may ask: nothing is answered without a key but the two health paths (cases 39 to 42, 45 and 51)."""

import time

import msgspec
import pytest
from tests.http.gateway.raw import Reply
from tests.http.gateway.rig import Rig, route, until

ROW = {"temp": 1.5, "hr": 2}
PATHS = [
    "/v1/deployments/bikes/predict",
    "/v1/deployments/none/predict",
    "/v1/deployments",
    "/v1/deployments/bikes/versions",
    "/v1/keys",
    "/v1/system",
    "/metrics",
    "/openapi.json",
    "/docs",
    "/debug",
    "/.env",
    "/v0/x",
    "/",
]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "FOO"]


@pytest.mark.parametrize("path", PATHS)
def test_without_a_key_every_path_and_method_is_401(rig: Rig, path: str) -> None:
    with rig.client(key=None) as client:
        for method in METHODS:
            reply = client.ask(method, path)
            assert (method, reply.status) == (method, 401)
            assert reply.headers["www-authenticate"] == "Bearer"
            assert reply.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_public_for_reading_only(rig: Rig, path: str) -> None:
    with rig.client(key=None) as client:
        assert client.ask("GET", path).json == {"status": "ok"}
        assert client.ask("HEAD", path).status == 200
        assert {client.ask(method, path).status for method in METHODS[2:]} == {401}
    with rig.client() as client:
        replies = [client.ask(method, path) for method in METHODS[2:]]
        assert {reply.status for reply in replies} == {405}
        assert {reply.headers["allow"] for reply in replies} == {"GET, HEAD"}


def test_other_methods_than_post_are_405_with_a_key(rig: Rig) -> None:
    with rig.client() as client:
        for method in METHODS:
            if method != "POST":
                reply = client.ask(method, "/v1/deployments/bikes/predict")
                assert (reply.status, reply.headers["allow"]) == (405, "POST")


def test_what_is_no_valid_key_is_401_with_the_same_words(rig: Rig) -> None:
    good = rig.key
    expired = rig.add_key("predict", expires_at=time.time() - 1)
    unknown = rig.add_key("predict")
    rig.grants.pop()
    rig.publish()
    answers = set()
    for value in (
        "",
        "Bearer",
        "Bearer ",
        "Bearer garbage",
        f"Bearer {good[:-1]}" + ("a" if good[-1] != "a" else "b"),
        f"Bearer {expired}",
        f"Bearer {unknown}",
        f"bearer {good}",
        f"Basic {good}",
        good,
        f"Bearer  {good}",
        f"Bearer {good} x",
        f"Bearer {good}, Bearer {good}",
    ):
        reply = rig.predict(ROW, authorization=value)
        assert (value[:8], reply.status) == (value[:8], 401)
        answers.add(without_ids(reply))
    assert len(answers) == 1


def without_ids(reply: Reply) -> bytes:
    """The body of a problem without what differs for each request."""
    return reply.body.replace(reply.headers["konan-request-id"].encode(), b"")


@pytest.mark.parametrize("where", ["query", "cookie", "body"])
def test_a_key_is_only_taken_from_its_header(rig: Rig, where: str) -> None:
    query = f"?api_key={rig.key}" if where == "query" else ""
    cookie = f"key={rig.key}" if where == "cookie" else ""
    body = msgspec.json.encode({**ROW, "key": rig.key} if where == "body" else ROW)
    with rig.client(key=None) as client:
        path = f"/v1/deployments/bikes/predict{query}"
        reply = client.ask("POST", path, body, content_type="application/json", cookie=cookie)
        assert reply.status == 401


def test_a_key_needs_the_scope(rig: Rig) -> None:
    reading = rig.add_key("read", "deploy", "feedback", "model:upload-code")
    admin = rig.add_key("admin")
    rig.publish()
    known = rig.predict(ROW, authorization=f"Bearer {reading}")
    unknown = rig.predict(ROW, "none", authorization=f"Bearer {reading}")
    assert (known.status, known.code) == (403, "not_allowed")
    assert without_ids(known) == without_ids(unknown)
    assert rig.predict(ROW, authorization=f"Bearer {admin}").status == 200


def test_what_is_not_the_callers_answers_like_what_does_not_exist(rig: Rig) -> None:
    foreign = rig.add_key("predict", project="other")
    limited = rig.add_key("predict", deployments=("trees",))
    rig.publish(route(), route("trees"))
    missing = without_ids(rig.predict(ROW, "none"))
    for key in (foreign, limited):
        reply = rig.predict(ROW, authorization=f"Bearer {key}")
        assert reply.status == 404
        assert without_ids(reply) == missing
    assert rig.predict(ROW, "trees", authorization=f"Bearer {limited}").status == 200
    rig.publish(route())


def test_a_revoked_key_ends_on_kept_connections_too(rig: Rig) -> None:
    key = rig.add_key("predict")
    rig.publish()
    with rig.client(key) as client:
        assert client.predict(ROW).status == 200
        rig.grants.pop()
        rig.publish()
        assert client.predict(ROW).status == 401


def test_a_key_expires_without_being_told(rig: Rig) -> None:
    key = rig.add_key("predict", expires_at=time.time() + 0.5)
    rig.publish()
    with rig.client(key) as client:
        assert client.predict(ROW).status == 200
        until(lambda: client.predict(ROW).status == 401)
