"""The one place that chooses adapters; run as ``python -m konan.wiring``, it is the control plane.

It brings the database up to date, tells the supervisor the local owner key, and serves until the supervisor
ends it.
"""

import argparse
import asyncio
import gc
import logging
import os
import socket
import sys
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import konan
from konan import clock, config, logs, profile
from konan.access import permissions, secret
from konan.adapters.sql import SqlStore, open_store, sqlite_url
from konan.channel import Channel
from konan.config import Paths, Settings
from konan.errors import KonanError
from konan.ports import Store
from konan.records.access import SCOPES, Principal
from konan.records.messages import Failed, Ready

if TYPE_CHECKING:
    import uvicorn

    from konan.adapters.disk import DiskBlobs
    from konan.adapters.supervised import SupervisedRuntime
    from konan.control import Services
    from konan.groundtruth.keys import KeyColumns, Places
    from konan.monitoring.alarms.notifications import Notifications
    from konan.monitoring.explanation.explaining import Explaining
    from konan.monitoring.operations.exporting import Exporter
    from konan.monitoring.operations.on_demand import Operations
    from konan.monitoring.operations.sampling import Sampler
    from konan.monitoring.reports.multivariate import Multivariate
    from konan.monitoring.reports.on_demand import Reports
    from konan.packaging.register import Registrar
    from konan.predictions.log import Predictions

_BACKLOG = 1024
_log = logging.getLogger(__name__)
_GRACE = 5
"""Seconds that answers under way get when control ends."""

_WRITER = "konan.monitoring.profiles.writer_child"
"""What changes the tables runs this; only there is Arrow loaded for it."""


def store(settings: Settings) -> SqlStore:
    """The metadata that the settings name, brought to the newest form.

    Raises:
        KonanError: it cannot be used; see `konan.adapters.sql.open_store`.
    """
    return open_store(settings.database_url or sqlite_url(config.paths(settings).database))


def owner_key(metadata: Store, known: str, at: datetime) -> str:
    """Make sure that there is a project and an owner key.

    Args:
        metadata: the store.
        known: text of the key in the local profile, which is kept while it is good; may be empty.
        at: the present.

    Returns:
        Text of the owner key.
    """
    metadata.ensure_project(permissions.PROJECT, clock.rfc3339(at))
    if permissions.is_owner(known, metadata.platform_grants(), at):
        return known
    key, minted = permissions.owner_key(permissions.PROJECT, at)
    maker = Principal(project=permissions.PROJECT, key_id=key.id, scopes=frozenset(SCOPES))
    metadata.add_key(maker, key, minted.digest)
    return minted.text


async def control(settings: Settings, channel: Channel) -> bool:
    """Serve the control plane on its unix socket until the supervisor ends it or has gone.

    Args:
        settings: of this server.
        channel: to the supervisor.

    Returns:
        Whether it could; else the supervisor has been told why not.
    """
    try:
        await _control(settings, channel)
    except KonanError as error:
        where = {"code": error.code, "reason": error.message, "cause": repr(error.__cause__)}
        _log.error("control cannot serve", extra=where)
        channel.send(Failed(code=error.code, message=error.message, hint=error.hint))
        return False
    else:
        return True
    finally:
        channel.close()


async def _control(settings: Settings, channel: Channel) -> None:
    from konan.adapters.supervised import SupervisedRuntime

    runtime = SupervisedRuntime(channel)
    listening = asyncio.create_task(runtime.listen())
    metadata = store(settings)
    try:
        key = owner_key(metadata, profile.known_key(config.paths(settings).root), clock.now())
        services = wire(settings, metadata, runtime)
        exporter = telemetry(settings, metadata, runtime)
        server = _server(services)
        with _listener() as listener:
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            await _start(services)
            if exporter is not None:
                exporter.start()
            _settle_memory()
            channel.send(Ready(name="control", key=key))
            await asyncio.wait([listening, serving], return_when=asyncio.FIRST_COMPLETED)
            server.should_exit = True
            await serving
        if exporter is not None:
            await asyncio.to_thread(exporter.close)
        await _stop(services)
    finally:
        listening.cancel()
        metadata.close()


async def _start(services: "Services") -> None:
    from konan.control.given import GivenRows

    await services.fleet.start()
    services.predictions.start()
    services.truth.open()
    services.truth.start()
    services.erasures.start(GivenRows(services.store, services.registrar, services.fleet, services.learning))
    services.notifications.start()
    services.learning.start()
    services.sampler.start()
    services.alarms.start()


async def _stop(services: "Services") -> None:
    await services.fleet.stop()
    await services.sampler.close()
    await services.alarms.close()
    await services.learning.close()
    await services.notifications.close()
    await services.erasures.close()
    await services.truth.close()
    await asyncio.to_thread(services.predictions.stop)


def _settle_memory() -> None:
    """Spare the collector what lives as long as the process, and rows that come by the thousand."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


def wire(settings: Settings, metadata: SqlStore, runtime: "SupervisedRuntime") -> "Services":
    """The control plane's parts, put together.

    Args:
        settings: of this server.
        metadata: the store; nothing is built yet.
        runtime: where workers run.
    """
    from konan.adapters.disk import DiskBlobs
    from konan.adapters.processes import start_worker
    from konan.control import Fleet, Services
    from konan.erasure.service import Erasures
    from konan.groundtruth.groundtruth import JOURNAL, GroundTruth
    from konan.monitoring.alarms.monitor import AlarmMonitor
    from konan.monitoring.profiles.completeness import Settled
    from konan.monitoring.reference.learning import Learning
    from konan.monitoring.reference.profiler import Profiler
    from konan.packaging.register import Registrar

    paths = config.paths(settings)
    blobs = DiskBlobs(paths.blobs)
    registrar = Registrar(metadata, blobs, paths, settings, start_worker, Profiler(blobs, paths, settings))
    registrar.sweep()
    predictions = _predictions(settings, metadata, paths)
    truth = GroundTruth(paths.journal / JOURNAL, predictions, _key_columns(metadata, paths))
    notifications = _notifications(settings, metadata, paths)
    settled = Settled(predictions.flusher, settings.deadline)
    fleet = Fleet(store=metadata, runtime=runtime, builder=registrar, settings=settings, paths=paths)
    operations, sampler = _operations(metadata, predictions, runtime, paths)
    reports, multivariate, explaining = _on_demand(settings, metadata, blobs, predictions, registrar)
    return Services(
        settings=settings,
        paths=paths,
        store=metadata,
        registrar=registrar,
        runtime=runtime,
        predictions=predictions,
        truth=truth,
        erasures=Erasures(metadata, paths, predictions, truth, max(settings.gateways, 1)),
        reports=reports,
        multivariate=multivariate,
        explaining=explaining,
        operations=operations,
        sampler=sampler,
        alarms=AlarmMonitor(metadata, blobs, paths.predictions, settled, notifications),
        notifications=notifications,
        learning=Learning(metadata, blobs, paths.predictions, fleet.learnt, settled.follow),
        fleet=fleet,
        version=konan.__version__,
        started_at=clock.rfc3339(clock.now()),
    )


def _on_demand(
    settings: Settings,
    metadata: SqlStore,
    blobs: "DiskBlobs",
    predictions: "Predictions",
    models: "Registrar",
) -> "tuple[Reports, Multivariate, Explaining]":
    from konan.monitoring.explanation.explaining import Explaining
    from konan.monitoring.reports.multivariate import Multivariate
    from konan.monitoring.reports.on_demand import Reports

    paths = config.paths(settings)
    return (
        Reports(metadata, blobs, predictions, paths.predictions, unsafe=settings.unsafe_models),
        Multivariate(metadata, blobs, predictions.flusher, paths.predictions, paths.uploads),
        Explaining(metadata, predictions, models),
    )


def _operations(
    metadata: SqlStore, predictions: "Predictions", runtime: "SupervisedRuntime", paths: Paths
) -> "tuple[Operations, Sampler]":
    from konan.monitoring.operations.kpis import Kpis
    from konan.monitoring.operations.on_demand import Operations
    from konan.monitoring.operations.samples import FILE, Samples
    from konan.monitoring.operations.sampling import Sampler

    samples = Samples(paths.root / FILE)
    return (
        Operations(metadata, predictions, samples, paths.root, Kpis(metadata)),
        Sampler(runtime, partial(_owners, metadata), samples, paths.root),
    )


def telemetry(settings: Settings, metadata: Store, runtime: "SupervisedRuntime") -> "Exporter | None":
    """What tells an OpenTelemetry collector of this server; None unless a setting names one.

    Raises:
        MissingExtra: a setting names one, and the extra ``otel`` is not installed.
        Invalid: it cannot be one.
    """
    if not settings.otel_endpoint:
        return None
    from konan.adapters import otel
    from konan.monitoring.operations.exporting import Exporter, Requests, Sample
    from konan.monitoring.operations.samples import FILE, Samples

    paths = config.paths(settings)
    sample = Sample(settings.otel_share, settings.otel_seconds).checked()
    return Exporter(
        otel.Otlp(settings.otel_endpoint, otel.headers(settings.otel_headers_file), paths.root),
        runtime,
        Samples(paths.root / FILE),
        Requests(paths.journal, sample.share),
        lambda: {one.uuid: one.name for one in metadata.platform_deployments()},
        sample.seconds,
    )


def _owners(metadata: Store) -> dict[str, str]:
    """The project of each worker, by what it is called, as ``bikes v3``."""
    return {
        f"{deployment.name} v{version.version}": deployment.project
        for deployment, version in metadata.platform_versions()
    }


def _predictions(settings: Settings, metadata: Store, paths: Paths) -> "Predictions":
    from konan.erasure import journals
    from konan.predictions.apart import Apart
    from konan.predictions.flusher import Rules
    from konan.predictions.log import Predictions
    from konan.predictions.retention import Policy, StoredDays
    from konan.predictions.schemas import StoredSchemas

    schemas = StoredSchemas(metadata)
    return Predictions(
        paths.journal,
        paths.predictions,
        schemas,
        Rules(rows=settings.flush_rows, seconds=settings.flush_seconds),
        Policy(StoredDays(metadata, settings), partial(journals.aside, paths, set())),
        Apart(
            paths.predictions, schemas, settings.flush_rows, settings.log_level, _WRITER, settings.log_format
        ),
    )


def _notifications(settings: Settings, metadata: Store, paths: Paths) -> "Notifications":
    from konan.adapters import addresses, webhook
    from konan.adapters.apprise import Apprise
    from konan.monitoring.alarms.notifications import Notifications

    if not paths.secret.exists() and any(
        version.schema and secret.hashes(version.schema) for _, version in metadata.platform_versions()
    ):
        raise secret.lost(paths.secret)
    server_secret = secret.load(paths.secret)
    services = (name.strip() for name in settings.apprise_services.split(","))
    return Notifications(
        metadata,
        {
            "webhook": webhook.Webhooks(server_secret, addresses.networks(settings.webhook_networks)),
            "apprise": Apprise(filter(None, services)),
        },
        partial(webhook.secret_of, server_secret),
    )


def _key_columns(metadata: Store, paths: Paths) -> "KeyColumns":
    """Where business keys are; what finds them is loaded with the first truth."""
    server_secret = secret.load(paths.secret)

    @cache
    def stored() -> "KeyColumns":
        from konan.groundtruth.keys import StoredKeyColumns

        return StoredKeyColumns(metadata, server_secret)

    def places(deployment: str) -> "Places":
        return stored()(deployment)

    return places


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
    """Run control; returns the exit code."""
    parser = argparse.ArgumentParser(prog="konan.wiring")
    parser.add_argument("--settings-fd", type=int, required=True)
    parser.add_argument("--channel-fd", type=int, required=True)
    given = parser.parse_args(arguments)
    with os.fdopen(given.settings_fd, "rb") as file:
        settings = config.from_json(file.read())
    logs.start(settings.log_level, "control", form=settings.log_format)
    for chatty in ("alembic", "uvicorn"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    served = asyncio.run(control(settings, Channel(socket.socket(fileno=given.channel_fd))))
    return 0 if served else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
