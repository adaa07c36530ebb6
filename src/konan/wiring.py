"""The one place that chooses adapters; run as ``python -m konan.wiring prepare`` or ``… control``.

``prepare`` brings the database up to date and answers with the local owner key; it ends at once. ``control``
serves the control plane until the supervisor ends it.
"""

import argparse
import asyncio
import gc
import logging
import os
import socket
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

import konan
from konan import clock, config, logs
from konan.access import keys, permissions
from konan.adapters.sql import SqlStore, open_store, sqlite_url
from konan.channel import Channel
from konan.config import Settings
from konan.errors import KonanError
from konan.ports import Store
from konan.records.access import SCOPES, Principal
from konan.records.messages import Ready

if TYPE_CHECKING:
    import uvicorn

    from konan.adapters.supervised import SupervisedRuntime
    from konan.control import Services

PROJECT = "default"
_RENEW = timedelta(days=30)
_BACKLOG = 1024
_GRACE = 5
"""Seconds that answers under way get when control ends."""


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
    from konan.adapters.supervised import SupervisedRuntime

    runtime = SupervisedRuntime(channel)
    listening = asyncio.create_task(runtime.listen())
    metadata = store(settings)
    services = wire(settings, metadata, runtime)
    try:
        server = _server(services)
        with _listener() as listener:
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            await services.fleet.start()
            services.predictions.start()
            services.truth.open()
            services.truth.start()
            _settle_memory()
            channel.send(Ready(name="control"))
            await asyncio.wait([listening, serving], return_when=asyncio.FIRST_COMPLETED)
            server.should_exit = True
            await serving
        await services.fleet.stop()
        await services.truth.close()
        await asyncio.to_thread(services.predictions.stop)
    finally:
        listening.cancel()
        metadata.close()
        channel.close()


def _settle_memory() -> None:
    """Spare the collector what lives as long as the process, and rows that come by the thousand."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def wire(settings: Settings, metadata: Store, runtime: "SupervisedRuntime") -> "Services":
    """The control plane's parts, put together.

    Args:
        settings: of this server.
        metadata: the store; nothing is built yet.
        runtime: where workers run.
    """
    from konan.adapters.disk import DiskBlobs
    from konan.adapters.processes import start_worker
    from konan.control import Fleet, Services
    from konan.groundtruth.groundtruth import JOURNAL, GroundTruth
    from konan.groundtruth.keys import StoredKeyColumns
    from konan.packaging.register import Registrar
    from konan.predictions.flusher import Rules
    from konan.predictions.log import Predictions
    from konan.predictions.schemas import StoredSchemas

    paths = config.paths(settings)
    registrar = Registrar(metadata, DiskBlobs(paths.blobs), paths, settings, start_worker)
    registrar.sweep()
    predictions = Predictions(
        paths.journal,
        paths.predictions,
        StoredSchemas(metadata),
        Rules(rows=settings.flush_rows, seconds=settings.flush_seconds),
        settings.retention_days,
    )
    return Services(
        settings=settings,
        paths=paths,
        store=metadata,
        registrar=registrar,
        runtime=runtime,
        predictions=predictions,
        truth=GroundTruth(paths.journal / JOURNAL, predictions, StoredKeyColumns(metadata)),
        fleet=Fleet(store=metadata, runtime=runtime, builder=registrar, settings=settings, paths=paths),
        version=konan.__version__,
        started_at=clock.rfc3339(clock.now()),
    )


def _server(services: "Services") -> "uvicorn.Server":
    import uvicorn

    from konan.control import create_app

    return uvicorn.Server(
        uvicorn.Config(
            create_app(services),
            access_log=False,
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE,
        )
    )


def _listener() -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    Path(config.CONTROL_SOCKET).unlink(missing_ok=True)
    listener.bind(config.CONTROL_SOCKET)
    listener.listen(_BACKLOG)
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
    for chatty in ("alembic", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    asyncio.run(control(settings, Channel(socket.socket(fileno=given.channel_fd))))
    return 0


def _prepare(settings: Settings) -> int:
    try:
        answer = {"key": prepare(settings, sys.stdin.read().strip(), clock.now())}
    except KonanError as error:
        answer = {"code": error.code, "message": error.message, "hint": error.hint}
    sys.stdout.buffer.write(msgspec.json.encode(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
