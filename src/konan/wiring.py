"""The one place that chooses adapters; run as ``python -m konan.wiring prepare`` or ``… control``.

``prepare`` brings the database up to date and answers with the local owner key; it ends at once. ``control``
serves the control plane until the supervisor ends it.
"""

import argparse
import asyncio
import os
import socket
import sys
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

import konan
from konan import clock, config, logs
from konan.access import keys, permissions
from konan.adapters.sql import SqlStore, open_store, sqlite_url
from konan.channel import Channel
from konan.config import Settings
from konan.errors import KonanError
from konan.records.access import SCOPES, Principal
from konan.records.messages import Ready

PROJECT = "default"
_RENEW = timedelta(days=30)


def store(settings: Settings) -> SqlStore:
    """The metadata that the settings name, brought to the newest form.

    Raises:
        KonanError: it cannot be used; see `konan.adapters.sql.open_store`.
    """
    return open_store(settings.database_url or sqlite_url(config.paths(settings).database))


def prepare(settings: Settings, known: str, at: datetime) -> str:
    """Make the database fit to serve, with a project and an owner key.

    Args:
        settings: of this server.
        known: text of the key in the local profile, which is kept while it is good; may be empty.
        at: the present.

    Returns:
        Text of the owner key.
    """
    metadata = store(settings)
    try:
        metadata.ensure_project(PROJECT, clock.rfc3339(at))
        if _is_good(metadata, known, at):
            return known
        key, minted = permissions.owner_key(PROJECT, at)
        maker = Principal(project=PROJECT, key_id=key.id, scopes=frozenset(SCOPES))
        metadata.add_key(maker, key, minted.digest)
        return minted.text
    finally:
        metadata.close()


def _is_good(metadata: SqlStore, known: str, at: datetime) -> bool:
    """Whether a key is an owner key of this database that is valid for a while yet."""
    digest, until = keys.digest_of(known), (at + _RENEW).timestamp()
    return digest is not None and any(
        grant.digest == digest and set(SCOPES) <= set(grant.scopes) and grant.expires_at >= until
        for grant in metadata.platform_grants()
        if grant.project == PROJECT and not grant.deployments
    )


async def control(settings: Settings, channel: Channel) -> None:
    """Serve the control plane on its unix socket until the supervisor ends it or has gone.

    Args:
        settings: of this server.
        channel: to the supervisor.
    """
    import uvicorn

    from konan.adapters.disk import DiskBlobs
    from konan.adapters.supervised import SupervisedRuntime
    from konan.control import Fleet, Services, create_app
    from konan.packaging.register import Registrar

    paths = config.paths(settings)
    metadata, runtime = store(settings), SupervisedRuntime(channel)
    registrar = Registrar(store=metadata, blobs=DiskBlobs(paths.blobs), settings=settings, paths=paths)
    fleet = Fleet(store=metadata, runtime=runtime, builder=registrar, settings=settings, paths=paths)
    services = Services(
        settings=settings,
        paths=paths,
        store=metadata,
        registrar=registrar,
        runtime=runtime,
        fleet=fleet,
        version=konan.__version__,
        started_at=clock.rfc3339(clock.now()),
    )
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(services), access_log=False, log_config=None, proxy_headers=False, server_header=False
        )
    )
    listening = asyncio.create_task(runtime.listen())
    with _listen() as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await fleet.start()
        channel.send(Ready(name="control"))
        await asyncio.wait([listening, serving], return_when=asyncio.FIRST_COMPLETED)
        server.config.timeout_graceful_shutdown = 5
        server.should_exit = True
        await serving
    await fleet.stop()
    metadata.close()
    channel.close()


def _listen() -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    Path(config.CONTROL_SOCKET).unlink(missing_ok=True)
    listener.bind(config.CONTROL_SOCKET)
    listener.listen(1024)
    return listener


def main(arguments: list[str]) -> int:
    """Run one of the two; returns the exit code."""
    parser = argparse.ArgumentParser(prog="konan.wiring")
    parser.add_argument("what", choices=["prepare", "control"])
    parser.add_argument("--settings-fd", type=int, required=True)
    parser.add_argument("--channel-fd", type=int)
    given = parser.parse_args(arguments)
    with os.fdopen(given.settings_fd, "rb") as file:
        settings = config.from_json(file.read())
    if given.what == "prepare":
        return _prepare(settings)
    logs.start(settings.log_level, "control")
    asyncio.run(_control(settings, given.channel_fd))
    return 0


def _prepare(settings: Settings) -> int:
    try:
        answer = {"key": prepare(settings, sys.stdin.read().strip(), clock.now())}
    except KonanError as error:
        answer = {"code": error.code, "message": error.message, "hint": error.hint}
    sys.stdout.buffer.write(msgspec.json.encode(answer))
    return 0


async def _control(settings: Settings, channel_fd: int) -> None:
    await control(settings, Channel(socket.socket(fileno=channel_fd)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
