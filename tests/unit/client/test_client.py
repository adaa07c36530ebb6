"""Both clients against a real HTTP server: what they send, what they make of answers, when they try again."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.unit.client.conftest import Script

from konan import errors
from konan.client import AsyncClient, Client, Feedback, steps
from konan.client.steps import deploy as deploy_steps

TREE = [kind for kind in errors.all_errors() if kind.__module__ == errors.__name__]
ONE = {"id": "p1", "deployment": "bikes", "version": 3, "output": {"value": 12.5}}
VERSION = {
    "uuid": "u",
    "deployment": "bikes",
    "version": 1,
    "created_at": "2026-01-01T00:00:00Z",
    "flavor": "sklearn",
}


@pytest.fixture
def client(server: Script) -> Iterator[Client]:
    with Client(server.url, "kn_key") as made:
        yield made


def awaited(server: Script, call: Callable[[AsyncClient], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with AsyncClient(server.url, "kn_key") as client:
            return await call(client)

    return asyncio.run(run())


def test_one_row_is_predicted(server: Script, client: Client) -> None:
    server.answer(ONE)
    found = client.predict("bikes", {"hour": 8}, version=3)
    assert (found.id, found.version, found.value) == ("p1", 3, 12.5)
    (asked,) = server.asked
    assert (asked.method, asked.target) == ("POST", "/v1/deployments/bikes/predict?version=3")
    assert asked.headers["Authorization"] == "Bearer kn_key"
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.json == {"hour": 8}


def test_many_rows_are_one_request(server: Script, client: Client) -> None:
    server.answer(
        {"predictions": [{"id": "p1", "version": 3, "output": {"label": "a", "probabilities": {"a": 1.0}}}]}
    )
    (found,) = client.predict("bikes", [{"hour": 8}])
    assert (found.deployment, found.label, found.probabilities) == ("bikes", "a", {"a": 1.0})
    assert server.asked[0].json == [{"hour": 8}]


def test_the_awaiting_client_does_the_same(server: Script) -> None:
    server.answer(ONE)
    found = awaited(server, lambda client: client.predict("bikes", {"hour": 8}))
    assert found.value == 12.5
    assert server.asked[0].json == {"hour": 8}


def test_both_clients_have_the_same_methods() -> None:
    def public(kind: type) -> set[str]:
        return {name for name in vars(kind) if not name.startswith("_")}

    assert public(Client) == public(AsyncClient)


def answers_of(count: int, first: int = 0) -> dict[str, Any]:
    return {"predictions": [{"id": str(first + n), "version": 1, "output": first + n} for n in range(count)]}


def test_any_number_of_rows_goes_in_parts(server: Script, client: Client) -> None:
    server.answer(answers_of(1000))
    server.answer(answers_of(500, 1000))
    found = list(client.predict_many("bikes", ({"x": n} for n in range(1500))))
    assert [one.output for one in found] == list(range(1500))
    assert [len(asked.json) for asked in server.asked] == [1000, 500]


def test_any_number_of_rows_is_awaited_in_parts(server: Script) -> None:
    server.answer(answers_of(1000))
    server.answer(answers_of(1, 1000))

    async def collect(client: AsyncClient) -> list[Any]:
        return [one.output async for one in client.predict_many("bikes", [{"x": n} for n in range(1001)])]

    assert awaited(server, collect) == list(range(1001))


def test_faults_point_at_the_row_among_all_rows(server: Script, client: Client) -> None:
    server.answer(answers_of(1000))
    fault = {"pointer": "/2/x", "code": "wrong_type", "message": "must be a number"}
    server.answer({"code": "rows_invalid", "detail": "1 fault", "faults": [fault]}, 422)
    with pytest.raises(errors.RowsInvalid) as caught:
        list(client.predict_many("bikes", ({"x": n} for n in range(1500))))
    assert caught.value.faults[0].pointer == "/1002/x"


@pytest.mark.parametrize("kind", TREE)
def test_every_code_becomes_its_class(server: Script, client: Client, kind: type[errors.KonanError]) -> None:
    server.answer({"code": kind.code, "detail": "Why.", "hint": "Do.", "request_id": "r1"}, 500)
    with pytest.raises(kind) as caught:
        client.deployment("bikes")
    assert type(caught.value) is kind
    assert (caught.value.message, caught.value.hint) == ("Why.", "Do.")
    assert caught.value.__notes__ == ["request id: r1"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, errors.Unauthenticated),
        (403, errors.NotAllowed),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (418, errors.Invalid),
        (500, errors.KonanError),
    ],
)
def test_an_unknown_code_is_told_by_its_status(
    server: Script, client: Client, status: int, kind: type[errors.KonanError]
) -> None:
    server.answer({"code": "of_a_later_server", "title": "What"}, status)
    with pytest.raises(kind) as caught:
        client.deployment("bikes")
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("status", "body"), [(200, b"<html>"), (200, b'{"other": 1}'), (502, b"Bad Gateway"), (302, b"")]
)
def test_a_stranger_is_not_taken_for_a_server(
    server: Script, client: Client, status: int, body: bytes
) -> None:
    server.answer(body, status, Location="http://127.0.0.1:1/")
    with pytest.raises(errors.Unreachable, match="not a Konan server"):
        client.deployment("bikes")


def test_nobody_listening_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: a connection is refused
        with (
            Client(f"http://127.0.0.1:{taken.getsockname()[1]}", "kn_key") as client,
            pytest.raises(errors.Unreachable, match="No server answers"),
        ):
            client.deployments()


def test_a_connection_that_breaks_is_told_and_not_repeated() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        async def run() -> None:
            async with AsyncClient(f"http://127.0.0.1:{listener.getsockname()[1]}", "kn_key") as client:
                call = asyncio.create_task(client.predict("bikes", {"x": 1}))
                connection, _ = await asyncio.to_thread(listener.accept)
                await asyncio.to_thread(connection.recv, 65536)
                connection.close()
                with pytest.raises(errors.Unreachable, match="broke off"):
                    await call

        asyncio.run(run())
        listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            listener.accept()


@pytest.mark.parametrize("status", [429, 503])
def test_a_refusal_for_now_is_tried_again(server: Script, client: Client, status: int) -> None:
    server.answer({"code": "not_ready", "detail": "Wait."}, status, Retry_After="0")
    server.answer(ONE)
    assert client.predict("bikes", {"x": 1}).id == "p1"
    assert len(server.asked) == 2


def test_a_refusal_that_stays_is_told_after_a_few_times(server: Script, client: Client) -> None:
    for _ in range(4):
        server.answer({"code": "too_many_requests", "detail": "Wait."}, 429, Retry_After="0")
    with pytest.raises(errors.TooMany) as caught:
        client.predict("bikes", {"x": 1})
    assert caught.value.retry_after == 0
    assert len(server.asked) == 4


def test_a_refusal_without_a_time_is_not_tried_again(server: Script, client: Client) -> None:
    server.answer({"code": "not_ready", "detail": "No version is live."}, 503)
    with pytest.raises(errors.NotReady):
        client.predict("bikes", {"x": 1})
    assert len(server.asked) == 1


def test_lists_are_read_to_their_end(server: Script, client: Client) -> None:
    server.answer({"versions": [{**VERSION, "version": 2, "state": "live"}], "next": "c+/="})
    server.answer({"versions": [{**VERSION, "state": "disabled"}], "next": None})
    assert [one.version for one in client.versions("bikes")] == [2, 1]
    assert server.asked[1].target == "/v1/deployments/bikes/versions?limit=1000&cursor=c%2B%2F%3D"


def test_how_rows_age_is_told(server: Script, client: Client) -> None:
    one = {"at": "2026-11-23T10:00:00Z", "place": "truths", "day": "2026-11-01", "count": 2}
    server.answer({"deployment": "bikes", "days": 30, "version": None, "removed": [one]})
    found = client.retention("bikes")
    assert server.asked[0].target == "/v1/deployments/bikes/retention"
    assert (found.days, found.version, found.removed[0].count) == (30, None, 2)


def test_names_cannot_leave_their_place(server: Script, client: Client) -> None:
    server.answer({"code": "not_found", "detail": "No."}, 404)
    with pytest.raises(errors.NotFound):
        client.deployment("../keys?x=#")
    assert server.asked[0].target == "/v1/deployments/..%2Fkeys%3Fx%3D%23"
    for name in ("", ".", ".."):
        with pytest.raises(errors.Invalid):
            client.deployment(name)


def test_keys_are_made_listed_and_revoked(server: Script, client: Client) -> None:
    key = {"id": "k1", "name": "ci", "project": "default", "scopes": ["predict"], "deployments": []}
    key |= {"created_at": "2026-01-01T00:00:00Z", "expires_at": "2026-04-01T00:00:00Z"}
    server.answer({**key, "key": "kn_live_x"}, 201)
    server.answer({"keys": [key], "next": None})
    server.answer({**key, "revoked_at": "2026-01-02T00:00:00Z"})
    made = client.create_key("ci", ["predict"], expires_days=90)
    assert (made.key, made.id) == ("kn_live_x", "k1")
    assert list(map(attrgetter("id"), client.keys())) == ["k1"]
    assert client.revoke_key("k1").revoked_at == "2026-01-02T00:00:00Z"
    assert server.asked[0].json == {
        "name": "ci",
        "scopes": ["predict"],
        "deployments": [],
        "expires_days": 90,
    }
    assert (server.asked[2].method, server.asked[2].target) == ("DELETE", "/v1/keys/k1")


def test_feedback_is_sent_as_the_contract_has_it(server: Script, client: Client) -> None:
    server.answer(
        {"results": [{"prediction_id": "p1", "status": "accepted"}, {"prediction_id": "p2", "status": 404}]}
    )
    items: list[Feedback | dict[str, Any]] = [
        Feedback(prediction_id="p1", target=None),
        {"prediction_id": "p2", "target": 3, "observed_at": None},
    ]
    found = client.feedback("bikes", items)
    assert [one.status for one in found] == ["accepted", 404]
    assert server.asked[0].json == [
        {"prediction_id": "p1", "target": None},
        {"prediction_id": "p2", "target": 3},
    ]


def test_very_many_truths_are_sent_in_several_requests(
    server: Script, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "FEEDBACK_ITEMS", 2)
    for count in (2, 2, 1):
        server.answer({"results": [{"status": "accepted"}] * count})
    table = pa.table({"prediction_id": ["a", "b", "c", "d", "e"], "target": [1, 2, 3, 4, 5]})
    assert len(client.feedback("bikes", table)) == 5
    assert [[item["target"] for item in asked.json] for asked in server.asked] == [[1, 2], [3, 4], [5]]
    assert client.feedback("bikes", []) == []


def test_logs_and_system_are_read(server: Script, client: Client) -> None:
    server.answer({"deployment": "bikes", "version": 1, "lines": ["hello"]})
    server.answer({"version": "0.1.0", "started_at": "2026-01-01T00:00:00Z", "of_a_later_server": 1})
    assert client.logs("bikes", lines=5).lines == ("hello",)
    assert client.system().version == "0.1.0"
    assert server.asked[0].target == "/v1/deployments/bikes/logs?lines=5"


def test_a_deploy_streams_its_archive_and_waits_until_the_version_is_live(
    server: Script, client: Client, tmp_path: Path
) -> None:
    archive = tmp_path / "upload.zip"
    archive.write_bytes(b"x" * 600_000)
    seen: list[str] = []
    server.answer({**VERSION, "state": "building"}, 202)
    server.answer({**VERSION, "state": "building", "step": "environment"})
    server.answer({**VERSION, "state": "live"})
    steps = deploy_steps(
        "bikes", archive, progress=lambda version: seen.append(version.step or version.state)
    )
    made = client._sender.walk(steps)
    assert made.state == "live"
    assert seen == ["building", "environment", "live"]
    upload = server.asked[0]
    assert (upload.target, len(upload.body)) == ("/v1/deployments/bikes/versions", 600_000)
    assert upload.headers["Content-Type"] == "application/zip"
    assert upload.headers["Content-Length"] == "600000"
    assert "Transfer-Encoding" not in upload.headers


def test_a_failed_version_raises_with_the_models_own_traceback(
    server: Script, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "upload.zip").write_bytes(b"x")
    failure = {"step": "start", "code": "model_failed", "message": "It raised.", "traceback": "Traceback …\n"}
    server.answer({**VERSION, "state": "failed", "failure": failure}, 202)
    with pytest.raises(errors.GateFailed, match="It raised") as caught:
        client._sender.walk(deploy_steps("bikes", tmp_path / "upload.zip"))
    assert caught.value.__notes__ == ["Traceback …"]
    assert "version show bikes 1" in caught.value.hint


def test_a_failed_version_is_returned_to_who_does_not_wait(
    server: Script, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "upload.zip").write_bytes(b"x")
    server.answer({**VERSION, "state": "building"}, 202)
    made = client._sender.walk(deploy_steps("bikes", tmp_path / "upload.zip", wait=False))
    assert made.state == "building"


def test_an_upload_is_awaited_too(server: Script, tmp_path: Path) -> None:
    (tmp_path / "upload.zip").write_bytes(b"x" * 600_000)
    server.answer({**VERSION, "state": "live"}, 202)
    awaited(server, lambda client: client._sender.walk(deploy_steps("bikes", tmp_path / "upload.zip")))
    assert len(server.asked[0].body) == 600_000


def test_importing_the_sdk_is_light(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = "import json, sys, konan.client; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=tmp_path)
    loaded = set(json.loads(done.stdout))
    assert not loaded & {"numpy", "pandas", "pyarrow", "sqlite3", "sqlalchemy", "litestar"}
    assert not {
        name for name in loaded if name.startswith(("konan.serving", "konan.control", "konan.adapters"))
    }
