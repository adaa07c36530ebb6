"""The application behind the server that runs it, on a unix socket."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from tests.http.control.rig import Rig


@pytest.fixture
def served(rig: Rig, tmp_path: Path) -> Iterator[str]:
    path = str(tmp_path / "s")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    config = uvicorn.Config(rig.app, access_log=False, log_config=None, server_header=False)
    server = uvicorn.Server(config)

    async def start() -> "asyncio.Task[None]":
        return asyncio.create_task(server.serve(sockets=[listener]))

    task = rig.run(start())
    rig.until(lambda: server.started)
    yield path
    server.should_exit = True
    rig.run(asyncio.wait_for(asyncio.shield(task), 20))
    listener.close()


def ask(
    rig: Rig, path: str, method: str, target: str, headers: dict[str, str], body: bytes = b""
) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.AsyncHTTPTransport(uds=path)
        async with httpx.AsyncClient(transport=transport, base_url="http://konan") as client:
            return await client.request(method, target, headers=headers, content=body)

    return rig.run(send())


def test_answers_tell_nothing_of_the_server(rig: Rig, served: str) -> None:
    key = {"Authorization": f"Bearer {rig.key()}"}
    for method, target, headers, status in (
        ("GET", "/v1/keys", key, 200),
        ("GET", "/v1/keys", {}, 401),
        ("HEAD", "/v1/keys", key, 405),
        ("OPTIONS", "/v1/keys", key, 405),
        ("GET", "/none", key, 404),
        ("GET", "/v1/deployments/..%2f..%2fetc", key, 400),
        ("GET", "/v1/deployments/%ff%00", key, 400),
    ):
        answer = ask(rig, served, method, target, headers)
        assert answer.status_code == status, (method, target)
        assert "server" not in answer.headers
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_large_body_without_a_key_is_not_read(rig: Rig, served: str) -> None:
    headers = {"Content-Type": "application/zip"}
    answer = ask(rig, served, "POST", "/v1/deployments/bikes/versions", headers, b"x" * 90_000)
    assert answer.status_code == 401
    assert list(rig.paths.uploads.iterdir()) == []
