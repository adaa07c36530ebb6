"""Who may do what: every path and method, every scope, one's own things and others'."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from litestar.routes import HTTPRoute
from openapi_spec_validator import validate
from tests.http.control.rig import Rig, archive

from konan import ids
from konan.control import elsewhere
from konan.control.app import endpoints, router
from konan.control.gate import Gate
from konan.predictions.log import MEDIA_TYPES
from konan.records.access import SCOPES, Principal

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "FOO")
PUBLIC = {"/healthz", "/readyz"}
UNKNOWN = (
    "/",
    "/v1",
    "/v1/",
    "/v1/keys/",
    "/v2",
    "/v0/keys",
    "/docs",
    "/schema",
    "/debug",
    "/.env",
    "/actuator",
    "/console",
    "/v1/deployments/%2e%2e/secret",
    "/v1//keys",
    "/v1/deployments/bikes/nothing",
)


def paths() -> list[str]:
    return sorted({re.sub(r"\{[a-z]+\}", "bikes", endpoint.path) for endpoint in endpoints()})


def same(answer: httpx.Response) -> dict[str, Any]:
    """The answer without what differs in every answer."""
    return {name: value for name, value in answer.json().items() if name != "request_id"}


@pytest.mark.parametrize("path", [*paths(), *UNKNOWN, *sorted(PUBLIC)])
def test_nothing_is_told_without_a_key(rig: Rig, path: str) -> None:
    revoked, text = rig.made_key()
    rig.store.revoke_key(_anyone("p1"), revoked.id, "2026-11-23T12:00:00.000000Z")
    rig.run(rig.fleet.keys_changed())
    answers = set()
    for method in METHODS:
        for authorization in (None, "", "Bearer", "Bearer x", f"Bearer {text}", f"Basic {text}"):
            headers = {} if authorization is None else {"Authorization": authorization}
            answer = rig.call(method, path, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            if method != "HEAD":
                answers.add(str(same(answer)))
    assert len(answers) == 1


def _anyone(project: str) -> Principal:
    return Principal(project=project, key_id="test", scopes=frozenset(SCOPES))


def test_a_key_counts_in_its_header_only(rig: Rig) -> None:
    key = rig.key()
    assert rig.call("GET", "/v1/keys", key).status_code == 200
    bearer = f"Bearer {key}"
    others: dict[str, Any]
    for others in (
        {"params": {"key": key, "api_key": key, "Authorization": bearer}},
        {"headers": {"Cookie": f"Authorization={key}; key={key}"}},
        {"headers": {"X-Api-Key": key}},
        {"headers": {"Authorization": f"{bearer}, {bearer}"}},
        {"headers": {"Authorization": f"bearer {key}"}},
    ):
        assert rig.call("GET", "/v1/keys", None, **others).status_code == 401
    twice = httpx.Headers([("Authorization", bearer), ("Authorization", bearer)])
    request = {"method": "GET", "url": "http://konan/v1/keys", "headers": twice}
    assert rig.run(_twice(rig.app, request)).status_code == 401


async def _twice(app: Gate, request: dict[str, Any]) -> httpx.Response:
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type] # Litestar types ASGI its own way
    async with httpx.AsyncClient(transport=transport) as client:
        return await client.request(**request)


def test_the_router_and_the_document_name_the_same(rig: Rig) -> None:
    services: Any = None
    routed = {
        (route.path.replace(":str}", "}"), method)
        for route in router(services).routes
        if isinstance(route, HTTPRoute)
        for method in route.methods
        if method != "OPTIONS"  # the gate refuses it
    }
    document = rig.call("GET", "/openapi.json", rig.key("read")).json()
    listed = {(path, method.upper()) for path, row in document["paths"].items() for method in row}
    assert listed - routed == {(row.path, row.method) for row in elsewhere.ENDPOINTS}
    assert routed <= listed
    public = {
        path for path, row in document["paths"].items() for o in row.values() if o.get("security") == []
    }
    assert public == PUBLIC


def test_the_document_is_valid_and_hides_nothing(rig: Rig) -> None:
    document = rig.call("GET", "/openapi.json", rig.key("read")).json()
    validate(document)
    assert rig.call("GET", "/openapi.json", rig.key("predict")).json() == document
    names = [operation["operationId"] for row in document["paths"].values() for operation in row.values()]
    assert len(names) == len(set(names))
    assert "Principal" not in document["components"]["schemas"]
    assert rig.call("GET", "/openapi.json", rig.key("deploy")).status_code == 403


def test_the_document_says_what_can_be_in_a_path_and_what_a_wrong_body_is_answered_with(rig: Rig) -> None:
    document = rig.call("GET", "/openapi.json", rig.key("read")).json()
    version = document["paths"]["/v1/deployments/{name}/versions/{number}"]["get"]["parameters"]
    assert version[0]["schema"] == {"type": "string", "pattern": f"^{ids.NAME.pattern}$"}
    assert version[1]["schema"] == {"type": "integer", "minimum": 1, "maximum": 999_999_999}
    for path, row in document["paths"].items():
        for method, operation in row.items():
            taken = operation.get("requestBody", {}).get("content", {})
            wrong = {"408", "413", "415"} if taken else set()
            assert wrong <= set(operation["responses"]), (method, path)


def test_the_document_has_no_array_of_nothing_and_says_every_type_of_a_file(rig: Rig) -> None:
    document = rig.call("GET", "/openapi.json", rig.key("read")).json()
    assert not [
        place for place, part in _parts(document) if part.get("type") == "array" and "items" not in part
    ]
    export = document["paths"]["/v1/deployments/{name}/predictions/export"]["get"]["responses"]["200"]
    assert set(export["content"]) == {one.partition(";")[0] for one in MEDIA_TYPES.values()}
    assert {part["schema"]["format"] for part in export["content"].values()} == {"binary"}


def _parts(part: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(part, dict):
        yield place, part
        for name, inner in part.items():
            yield from _parts(inner, f"{place}/{name}")
    elif isinstance(part, list):
        for number, inner in enumerate(part):
            yield from _parts(inner, f"{place}/{number}")


def test_a_known_path_refuses_other_methods_only_after_the_key(rig: Rig) -> None:
    key = rig.key()
    for path in paths():
        known = {e.method for e in endpoints() if re.sub(r"\{[a-z]+\}", "bikes", e.path) == path}
        for method in set(METHODS) - known:
            answer = rig.call(method, path, key)
            assert answer.status_code == 405, (method, path)
            assert set(answer.headers["Allow"].split(", ")) == known, (method, path)
            if method != "HEAD":
                assert answer.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", UNKNOWN)
def test_an_unknown_path_is_not_found_with_a_key(rig: Rig, path: str) -> None:
    answer = rig.call("GET", path, rig.key())
    assert answer.status_code in {400, 404}
    assert answer.json()["code"] in {"not_found", "request_malformed"}


BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/v1/keys"): {"json": {"name": "k", "scopes": []}},
    ("POST", "/v1/deployments/{name}/versions"): {
        "content": b"no zip",
        "headers": {"Content-Type": "application/zip"},
    },
}


@pytest.mark.parametrize("scope", SCOPES)
def test_each_path_takes_the_scopes_that_it_names(rig: Rig, scope: str) -> None:
    rig.live(rig.key())
    key = rig.key(scope)
    for endpoint in endpoints():
        path = endpoint.path.replace("{name}", "bikes").replace("{number}", "1").replace("{id}", "none")
        answer = rig.call(endpoint.method, path, key, **BODIES.get((endpoint.method, endpoint.path), {}))
        implied = scope == "admin"
        allowed = scope in endpoint.permission or implied
        assert (answer.status_code != 403) == allowed, (endpoint.method, path, answer.text)
        assert answer.status_code < 500, answer.text


def test_what_belongs_to_another_project_is_like_nothing(rig: Rig) -> None:
    rig.live(rig.key())
    foreign_key, _ = rig.made_key()
    for stranger in (rig.key(project="p2"), rig.key(deployments=("churn",))):
        for name in ("bikes", "random"):
            found = [
                same(rig.call("GET", f"/v1/deployments/{name}{rest}", stranger))
                for rest in ("", "/versions", "/versions/1", "/logs", "/openapi.json", "/logs?version=1")
            ]
            assert {(item["status"], item["detail"]) for item in found} == {
                (404, "There is no such deployment.")
            }
        assert rig.call("GET", "/v1/deployments", stranger).json() == {"deployments": [], "next": None}
        assert "bikes" not in rig.call("GET", "/metrics", stranger).text
        assert "bikes" not in rig.call("GET", "/v1/system", stranger).text
    stranger = rig.key(project="p2")
    unknown = rig.call("DELETE", "/v1/keys/000000000000", stranger)
    foreign = rig.call("DELETE", f"/v1/keys/{foreign_key.id}", stranger)
    assert (unknown.status_code, foreign.status_code) == (404, 404)
    assert same(unknown) == same(foreign)
    listed = rig.call("GET", "/v1/keys", stranger).json()["keys"]
    assert {key["project"] for key in listed} == {"p2"}
    assert rig.call("GET", "/v1/keys", rig.key()).json()["keys"][0]["revoked_at"] is None


def test_two_projects_use_one_name_side_by_side(rig: Rig) -> None:
    first, second = rig.live(rig.key()), rig.live(rig.key(project="p2"))
    assert (first.name, first.project) == ("bikes", "p1")
    assert (second.name, second.project) == ("bikes", "p2")
    assert first.uuid != second.uuid
    assert {route.project for route in rig.snapshot().routes} == {"p1", "p2"}


def test_a_limited_key_cannot_deploy_elsewhere(rig: Rig) -> None:
    key = rig.key(deployments=("churn",))
    answer = rig.deploy(key, "bikes")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert rig.deploy(key, "churn").status_code == 202
    assert list(rig.paths.uploads.iterdir()) == []


def test_every_answer_has_the_same_guarding_headers(rig: Rig) -> None:
    key = rig.key()
    answers = [
        rig.call("GET", "/v1/keys", key),
        rig.call("GET", "/v1/keys"),
        rig.call("GET", "/none", key),
        rig.call("PUT", "/v1/keys", key),
        rig.call("POST", "/v1/keys", key, content=b"{"),
        rig.call("GET", "/metrics", key),
        rig.deploy(key, content=archive()),
    ]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["konan-request-id"])
        for absent in ("set-cookie", "server", "access-control-allow-origin", "x-powered-by"):
            assert absent not in answer.headers


def test_an_error_names_the_request_as_its_header_does(rig: Rig) -> None:
    given = "01900000-0000-7000-8000-000000000000"
    answer = rig.call("GET", "/none", rig.key(), headers={"Konan-Request-Id": given})
    assert answer.json()["request_id"] == answer.headers["konan-request-id"] == given
    forged = rig.call("GET", "/none", rig.key(), headers={"Konan-Request-Id": "<script>"})
    assert forged.json()["request_id"] == forged.headers["konan-request-id"] != "<script>"
    assert forged.headers["content-type"] == "application/problem+json"
