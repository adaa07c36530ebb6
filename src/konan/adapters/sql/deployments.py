"""Deployments in the database."""

from typing import Any

import sqlalchemy as sa

from konan.adapters.sql.database import Database
from konan.adapters.sql.tables import deployments, projects
from konan.errors import NotFound
from konan.records.access import Principal
from konan.records.deployments import Deployment


class SqlDeployments:
    """The part of `konan.ports.DeploymentStore` that is about deployments."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ensure_deployment(self, caller: Principal, name: str, uuid: str, at: str) -> Deployment:
        """Find or make a deployment; see `konan.ports.DeploymentStore.ensure_deployment`.

        Raises:
            NotFound: the caller's project does not exist, or its key is limited to other deployments.
        """
        with self._database.writing() as connection:
            # Whoever holds the project's row makes the deployment; the others then find it.
            locked = sa.select(projects).where(projects.c.name == caller.project).with_for_update()
            if connection.execute(locked).one_or_none() is None or not caller.sees(name):
                raise NotFound("There is no such deployment.")
            row = connection.execute(visible(caller, name)).one_or_none()
            if row is None:
                connection.execute(
                    deployments.insert().values(uuid=uuid, project=caller.project, name=name, created_at=at)
                )
                row = connection.execute(visible(caller, name)).one()
        return deployment_of(row)

    def deployment(self, caller: Principal, name: str) -> Deployment:
        """One deployment; see `konan.ports.DeploymentStore.deployment`."""
        with self._database.reading() as connection:
            return deployment_of(found(connection, caller, name))

    def list_deployments(self, caller: Principal, limit: int, after: str = "") -> list[Deployment]:
        """Deployments by name; see `konan.ports.DeploymentStore.list_deployments`."""
        query = visible(caller).where(deployments.c.name > after)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(deployments.c.name).limit(limit))
            return [deployment_of(row) for row in rows]

    def platform_deployments(self) -> list[Deployment]:
        """Every deployment; see `konan.ports.DeploymentStore.platform_deployments`."""
        query = sa.select(deployments).order_by(deployments.c.project, deployments.c.name)
        with self._database.reading() as connection:
            return [deployment_of(row) for row in connection.execute(query)]


def visible(caller: Principal, name: str | None = None) -> sa.Select[Any]:
    """The query of the deployments that exist for a caller, or of the one with a name."""
    query = sa.select(deployments).where(deployments.c.project == caller.project)
    if caller.deployments:
        query = query.where(deployments.c.name.in_(sorted(caller.deployments)))
    return query if name is None else query.where(deployments.c.name == name)


def found(connection: sa.Connection, caller: Principal, name: str, *, lock: bool = False) -> sa.Row[Any]:
    """The row of one deployment.

    Args:
        connection: inside a transaction.
        caller: for whom.
        name: of the deployment.
        lock: whether others that lock it wait until the transaction ends.

    Raises:
        NotFound: none of that name is visible to the caller.
    """
    query = visible(caller, name)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound("There is no such deployment.")
    return row


def deployment_of(row: sa.Row[Any]) -> Deployment:
    """A row as the record; its state is left to control, which knows the workers."""
    return Deployment(
        uuid=row.uuid,
        name=row.name,
        project=row.project,
        created_at=row.created_at,
        live_version=row.live_version,
    )
