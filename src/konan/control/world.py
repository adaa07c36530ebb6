"""What gateways shall serve, worked out from what the store holds (pure), and its file."""

import os
from collections.abc import Collection, Iterable
from pathlib import Path

import msgspec

from konan import ids
from konan.config import Settings
from konan.errors import StorageFull
from konan.records.access import KeyGrant
from konan.records.deployments import Deployment, Version
from konan.records.routes import Route, RouteVersion, Snapshot, Workers
from konan.records.schema import Schema

Row = tuple[Deployment, Version]


def served(rows: Iterable[Row], also: Collection[str]) -> list[Row]:
    """The versions that can be asked for: the live ones and those whose uuid is named.

    Args:
        rows: every version that is not failed, with its deployment.
        also: uuids of versions that start, or are kept warm.
    """
    return [
        row for row in rows if row[1].schema is not None and (row[1].state == "live" or row[1].uuid in also)
    ]


def routes(
    deployments: Iterable[Deployment], rows: Iterable[Row], also: Collection[str], settings: Settings
) -> tuple[Route, ...]:
    """The routes of all deployments, also of those that nothing can answer for yet.

    Args:
        deployments: all of them.
        rows: every version that is not failed, with its deployment.
        also: uuids of versions that start, or are kept warm.
        settings: limits of every version.
    """
    versions: dict[str, list[Version]] = {}
    for deployment, version in served(rows, also):
        versions.setdefault(deployment.uuid, []).append(version)
    live = {uuid: version for uuid, of in versions.items() for version in of if version.state == "live"}
    return tuple(
        Route(
            project=deployment.project,
            name=deployment.name,
            deployment=deployment.uuid,
            live=live[deployment.uuid].version if deployment.uuid in live else None,
            versions=tuple(
                _route_version(v, v.schema, settings)
                for v in versions.get(deployment.uuid, ())
                if v.schema is not None
            ),
            durability=live[deployment.uuid].durability if deployment.uuid in live else "durable",
        )
        for deployment in deployments
    )


def valid(grants: Iterable[KeyGrant], now: float) -> tuple[KeyGrant, ...]:
    """The keys that have not expired by a moment (seconds since 1970-01-01 UTC)."""
    return tuple(grant for grant in grants if grant.expires_at > now)


def write(state: Snapshot | Workers, path: Path) -> None:
    """Replace the snapshot's file, or that of the workers; a reader finds the old one or the new one, whole.

    Raises:
        StorageFull: there is no room; the old one stays.
    """
    temporary = path.with_name(f".{path.name}-{ids.new_uuid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
            file.write(msgspec.json.encode(state))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StorageFull("The routes could not be written.", hint="Make room on the disk.") from error
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _route_version(version: Version, schema: Schema, settings: Settings) -> RouteVersion:
    together = version.certificate is None or version.certificate.row_independent
    return RouteVersion(
        uuid=version.uuid,
        number=version.version,
        schema=schema,
        batch_rows=settings.batch_rows if together else 1,
        deadline=settings.deadline,
        queue_rows=settings.queue_rows,
    )
