"""Versions in the database, each as the JSON of its record.

Number and state stand in columns of their own, which count, so that a switch of what is live never
rewrites a record. Everything that changes a deployment's versions first locks the deployment's row.
"""

from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from konan.adapters.sql.database import Database
from konan.adapters.sql.deployments import deployment_of, found
from konan.adapters.sql.ledger import moved
from konan.adapters.sql.tables import deployments, versions
from konan.errors import Conflict, NotFound
from konan.records.access import Principal
from konan.records.deployments import Deployment, Version
from konan.records.ledger import Action


class SqlVersions:
    """The part of `konan.ports.DeploymentStore` that is about versions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_version(self, caller: Principal, version: Version) -> Version:
        """Keep a new version; see `konan.ports.DeploymentStore.add_version`."""
        with self._database.writing() as connection:
            parent = found(connection, caller, version.deployment, lock=True)
            largest = sa.select(sa.func.max(versions.c.number)).where(versions.c.deployment == parent.uuid)
            number = (connection.execute(largest).scalar() or 0) + 1
            kept = msgspec.structs.replace(version, version=number)
            connection.execute(
                versions.insert().values(
                    uuid=kept.uuid, deployment=parent.uuid, number=number, state=kept.state, body=_body(kept)
                )
            )
        return kept

    def put_version(self, caller: Principal, version: Version) -> None:
        """Replace a version's record; see `konan.ports.DeploymentStore.put_version`.

        Raises:
            NotFound: no version of that uuid and number.
            Conflict: it would make the version live or end that; only `set_live` does.
        """
        with self._database.writing() as connection:
            parent = found(connection, caller, version.deployment, lock=True)
            row = _one(connection, parent.uuid, version.version)
            if row.uuid != version.uuid:
                raise NotFound("There is no such version.")
            if (row.state == "live") != (version.state == "live"):
                raise Conflict("Only a switch of versions changes which one is live.")
            connection.execute(
                versions.update()
                .where(versions.c.uuid == row.uuid)
                .values(state=version.state, body=_body(version))
            )

    def version(self, caller: Principal, name: str, number: int) -> Version:
        """One version; see `konan.ports.DeploymentStore.version`."""
        with self._database.reading() as connection:
            return _version(_one(connection, found(connection, caller, name).uuid, number))

    def list_versions(
        self, caller: Principal, name: str, limit: int, before: int | None = None
    ) -> list[Version]:
        """Versions, newest first; see `konan.ports.DeploymentStore.list_versions`."""
        with self._database.reading() as connection:
            parent = found(connection, caller, name)
            query = sa.select(versions).where(versions.c.deployment == parent.uuid)
            if before is not None:
                query = query.where(versions.c.number < before)
            rows = connection.execute(query.order_by(versions.c.number.desc()).limit(limit))
            return [_version(row) for row in rows]

    def set_live(
        self,
        caller: Principal,
        name: str,
        number: int,
        *,
        instead_of: int | Literal["any"] | None = "any",
        action: Action = "deploy",
        why: str = "",
    ) -> Deployment:
        """Switch what is live; see `konan.ports.DeploymentStore.set_live`.

        Raises:
            NotFound: no such version.
            Conflict: the version has failed, or another one is live than was thought.
        """
        with self._database.writing() as connection:
            parent = found(connection, caller, name, lock=True)
            chosen = _one(connection, parent.uuid, number)
            if chosen.state == "failed":
                raise Conflict("A version that failed cannot be live.")
            if instead_of not in ("any", parent.live_version):
                raise Conflict("Another version was made live meanwhile.", hint="`konan status` shows which.")
            own = versions.c.deployment == parent.uuid
            connection.execute(
                versions.update().where(own, versions.c.state == "live").values(state="disabled")
            )
            connection.execute(versions.update().where(versions.c.uuid == chosen.uuid).values(state="live"))
            connection.execute(
                deployments.update().where(deployments.c.uuid == parent.uuid).values(live_version=number)
            )
            moved(connection, caller, parent.uuid, number, action, why)
            return deployment_of(found(connection, caller, name))

    def platform_versions(self) -> list[tuple[Deployment, Version]]:
        """Every version that is not failed; see `konan.ports.DeploymentStore.platform_versions`."""
        query = (
            sa.select(deployments, versions.c.body, versions.c.number, versions.c.state)
            .join(versions, versions.c.deployment == deployments.c.uuid)
            .where(versions.c.state != "failed")
            .order_by(deployments.c.project, deployments.c.name, versions.c.number)
        )
        with self._database.reading() as connection:
            return [(deployment_of(row), _version(row)) for row in connection.execute(query)]


def _one(connection: sa.Connection, deployment: str, number: int) -> sa.Row[Any]:
    row = connection.execute(
        sa.select(versions).where(versions.c.deployment == deployment, versions.c.number == number)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such version.")
    return row


def _version(row: sa.Row[Any]) -> Version:
    version = msgspec.json.decode(row.body, type=Version)
    return msgspec.structs.replace(version, version=row.number, state=row.state)


def _body(version: Version) -> str:
    return msgspec.json.encode(version).decode()
