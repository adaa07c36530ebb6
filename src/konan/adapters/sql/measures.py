"""Decisions of deployments and their own metrics, each as the JSON of its record."""

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from konan.adapters.sql.database import Database
from konan.adapters.sql.deployments import found
from konan.adapters.sql.tables import custom_metrics, decisions
from konan.errors import Conflict, NotFound
from konan.records.access import Principal
from konan.records.measures import CustomMetric, Decision


class SqlMeasures:
    """`konan.ports.MeasureStore` on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def decision(self, caller: Principal, name: str) -> Decision | None:
        """What is declared; see `konan.ports.MeasureStore.decision`."""
        with self._database.reading() as connection:
            uuid = found(connection, caller, name).uuid
            query = sa.select(decisions.c.body).where(decisions.c.deployment == uuid)
            body = connection.execute(query).scalar()
        return None if body is None else msgspec.json.decode(body, type=Decision)

    def put_decision(self, caller: Principal, name: str, decision: Decision | None) -> None:
        """Declare or take back; see `konan.ports.MeasureStore.put_decision`."""
        with self._database.writing() as connection:
            uuid = found(connection, caller, name, lock=True).uuid
            connection.execute(decisions.delete().where(decisions.c.deployment == uuid))
            if decision is not None:
                body = msgspec.json.encode(decision).decode()
                connection.execute(decisions.insert().values(deployment=uuid, body=body))

    def platform_decisions(self) -> dict[str, Decision]:
        """All that is declared; see `konan.ports.MeasureStore.platform_decisions`."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(decisions))
            return {row.deployment: msgspec.json.decode(row.body, type=Decision) for row in rows}

    def list_metrics(self, caller: Principal, name: str) -> list[CustomMetric]:
        """Metrics by name; see `konan.ports.MeasureStore.list_metrics`."""
        with self._database.reading() as connection:
            uuid = found(connection, caller, name).uuid
            query = sa.select(custom_metrics.c.body).where(custom_metrics.c.deployment == uuid)
            bodies = connection.execute(query.order_by(custom_metrics.c.name)).scalars()
            return [msgspec.json.decode(body, type=CustomMetric) for body in bodies]

    def add_metric(self, caller: Principal, name: str, metric: CustomMetric) -> None:
        """Keep a metric; see `konan.ports.MeasureStore.add_metric`."""
        body = msgspec.json.encode(metric).decode()
        try:
            with self._database.writing() as connection:
                uuid = found(connection, caller, name, lock=True).uuid
                row = {"deployment": uuid, "name": metric.name, "body": body}
                connection.execute(custom_metrics.insert().values(row))
        except IntegrityError:
            raise Conflict(
                f"The deployment has a metric named {metric.name}.", hint="Delete it first."
            ) from None

    def remove_metric(self, caller: Principal, name: str, metric: str) -> CustomMetric:
        """Remove a metric; see `konan.ports.MeasureStore.remove_metric`."""
        with self._database.writing() as connection:
            uuid = found(connection, caller, name).uuid
            own = custom_metrics.c.deployment == uuid, custom_metrics.c.name == metric
            body = connection.execute(sa.select(custom_metrics.c.body).where(*own)).scalar()
            if body is None:
                raise NotFound(f"The deployment has no metric named {metric}.")
            connection.execute(custom_metrics.delete().where(*own))
        return msgspec.json.decode(body, type=CustomMetric)
