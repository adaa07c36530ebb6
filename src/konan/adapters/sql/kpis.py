"""KPIs that users send: a row for each point, added up by the database."""

from collections.abc import Sequence

import sqlalchemy as sa

from konan.adapters.sql.database import Database
from konan.adapters.sql.deployments import found
from konan.adapters.sql.tables import kpis
from konan.errors import Conflict
from konan.records.access import Principal

MOST = 1_000_000
"""Points of one deployment."""

Point = tuple[str, int, int, float]
"""Name, microseconds since 1970-01-01 UTC, version (0 for the whole), value."""


class SqlKpis:
    """`konan.monitoring.operations.kpis.KpiStore` on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_kpis(self, caller: Principal, name: str, points: Sequence[Point]) -> None:
        """Keep points in place of those of the same name, moment and version; all or none.

        Raises:
            NotFound: none of that name is visible to the caller.
            Conflict: the deployment has too many points.
        """
        columns = ("name", "at", "version", "value")
        with self._database.writing() as connection:
            uuid = found(connection, caller, name, lock=True).uuid
            rows = [{"deployment": uuid, **dict(zip(columns, point, strict=True))} for point in points]
            same = [{f"{key}_": row[key] for key in ("deployment", *columns[:3])} for row in rows]
            connection.execute(
                kpis.delete().where(
                    kpis.c.deployment == sa.bindparam("deployment_"),
                    kpis.c.name == sa.bindparam("name_"),
                    kpis.c.at == sa.bindparam("at_"),
                    kpis.c.version == sa.bindparam("version_"),
                ),
                same,
            )
            counted = sa.select(sa.func.count()).select_from(kpis).where(kpis.c.deployment == uuid)
            if int(connection.execute(counted).scalar_one()) + len(rows) > MOST:
                raise Conflict(f"The deployment has {MOST:,} points of KPIs, and takes no more.")
            connection.execute(kpis.insert(), rows)

    def list_kpis(self, caller: Principal, name: str) -> list[tuple[str, int, int, int, float]]:
        """Name, points, first and last moment, and last value of each KPI, by name.

        Raises:
            NotFound: none of that name is visible to the caller.
        """
        with self._database.reading() as connection:
            uuid = found(connection, caller, name).uuid
            ends = sa.func.min(kpis.c.at), sa.func.max(kpis.c.at)
            query = sa.select(kpis.c.name, sa.func.count(), *ends).where(kpis.c.deployment == uuid)
            each = connection.execute(query.group_by(kpis.c.name).order_by(kpis.c.name)).all()
            return [(*row, self._value_at(connection, uuid, row[0], row[3])) for row in each]

    def kpi_windows(
        self, caller: Principal, name: str, kpi: str, span: tuple[int, int, int]
    ) -> list[tuple[int, int, int, float, float, float]]:
        """Version, number of the window, points, sum, least and most, in that order, of windows with points.

        Args:
            caller: who asks.
            name: of the deployment.
            kpi: name of the KPI.
            span: start, end and length of the windows in microseconds.

        Raises:
            NotFound: none of that name is visible to the caller.
        """
        start, end, every = span
        window = ((kpis.c.at - start) // every).label("number")
        value = kpis.c.value
        with self._database.reading() as connection:
            uuid = found(connection, caller, name).uuid
            query = (
                sa.select(
                    kpis.c.version,
                    window,
                    sa.func.count(),
                    sa.func.sum(value),
                    sa.func.min(value),
                    sa.func.max(value),
                )
                .where(kpis.c.deployment == uuid, kpis.c.name == kpi, kpis.c.at >= start, kpis.c.at < end)
                .group_by(kpis.c.version, window)
                .order_by(kpis.c.version, window)
            )
            return [(row[0], row[1], row[2], row[3], row[4], row[5]) for row in connection.execute(query)]

    def _value_at(self, connection: sa.Connection, uuid: str, kpi: str, at: int) -> float:
        query = sa.select(kpis.c.value).where(kpis.c.deployment == uuid, kpis.c.name == kpi, kpis.c.at == at)
        return float(connection.execute(query.order_by(kpis.c.version).limit(1)).scalar_one())
