"""Alarms, their events and incidents in the database, each as the JSON of its record.

What the detectors of an alarm remember is large, and stands apart: only who goes on with it reads it.
What happens in a window is kept in one transaction with the messages that it makes: after a crash either all
of it is there, or the window is looked at again.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from konan.adapters.sql.database import Database
from konan.adapters.sql.deployments import found, visible
from konan.adapters.sql.receivers import delivery_row
from konan.adapters.sql.tables import alarm_events, alarms, deliveries, deployments, incidents, receivers
from konan.errors import Conflict, NotFound
from konan.records.access import Principal
from konan.records.alarms import Alarm, AlarmEvent, Incident
from konan.records.notifications import Delivery


class SqlAlarms:
    """`konan.ports.AlarmStore` on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_alarm(self, caller: Principal, alarm: Alarm) -> None:
        """Keep a new alarm; see `konan.ports.AlarmStore.add_alarm`."""
        try:
            with self._database.writing() as connection:
                parent = found(connection, caller, alarm.deployment)
                kept = msgspec.structs.replace(alarm, project=caller.project)
                row = {"id": alarm.id, "deployment": parent.uuid, "name": alarm.name, **_parts(kept)}
                connection.execute(alarms.insert().values(revision=alarm.revision, **row))
        except IntegrityError:
            raise Conflict(f"The deployment {alarm.deployment} has an alarm of that name already.") from None

    def alarm(self, caller: Principal, alarm_id: str) -> Alarm:
        """One alarm; see `konan.ports.AlarmStore.alarm`."""
        with self._database.reading() as connection:
            return _whole(_row(connection, caller, alarm_id))

    def list_alarms(
        self, caller: Principal, limit: int, after: str = "", deployment: str = ""
    ) -> list[Alarm]:
        """Alarms by id; see `konan.ports.AlarmStore.list_alarms`."""
        query = _seen(caller, alarms, deployment).where(alarms.c.id > after).order_by(alarms.c.id)
        with self._database.reading() as connection:
            return [_alarm(row) for row in connection.execute(query.limit(limit))]

    def remove_alarm(self, caller: Principal, alarm_id: str) -> Alarm:
        """Remove an alarm; see `konan.ports.AlarmStore.remove_alarm`."""
        with self._database.writing() as connection:
            known = _whole(_row(connection, caller, alarm_id))
            connection.execute(alarm_events.delete().where(alarm_events.c.alarm == alarm_id))
            connection.execute(alarms.delete().where(alarms.c.id == alarm_id))
        return known

    def list_alarm_events(
        self, caller: Principal, alarm_id: str, limit: int, before: int = 0
    ) -> list[AlarmEvent]:
        """Events, newest first; see `konan.ports.AlarmStore.list_alarm_events`."""
        query = sa.select(alarm_events.c.body).where(alarm_events.c.alarm == alarm_id)
        if before:
            query = query.where(alarm_events.c.number < before)
        with self._database.reading() as connection:
            _row(connection, caller, alarm_id)
            rows = connection.execute(query.order_by(alarm_events.c.number.desc()).limit(limit))
            return [msgspec.json.decode(row.body, type=AlarmEvent) for row in rows]

    def list_incidents(
        self, caller: Principal, limit: int, before: str = "", deployment: str = ""
    ) -> list[Incident]:
        """Incidents, newest first; see `konan.ports.AlarmStore.list_incidents`."""
        query = _seen(caller, incidents, deployment).order_by(incidents.c.id.desc())
        if before:
            query = query.where(incidents.c.id < before)
        with self._database.reading() as connection:
            return [_incident(row) for row in connection.execute(query.limit(limit))]

    def platform_alarms(self) -> list[Alarm]:
        """Every alarm; see `konan.ports.AlarmStore.platform_alarms`."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(alarms).order_by(alarms.c.id))
            return [_whole(row) for row in rows]

    def platform_keep(
        self,
        alarms: Sequence[Alarm],
        events: Sequence[AlarmEvent] = (),
        incidents: Sequence[Incident] = (),
        deliveries: Sequence[Delivery] = (),
    ) -> None:
        """Keep what became of alarms; see `konan.ports.AlarmStore.platform_keep`."""
        with self._database.writing() as connection:
            for alarm in alarms:
                _put_alarm(connection, alarm)
            for event in events:
                row = {"alarm": event.alarm, "number": event.number, **_body(event)}
                connection.execute(alarm_events.insert().values(row))
            for incident in incidents:
                _put_incident(connection, incident)
            for delivery in deliveries:
                _add_delivery(connection, delivery)


def _seen(caller: Principal, table: sa.Table, deployment: str) -> sa.Select[Any]:
    """Rows of a table about deployments that exist for a caller, or about the one with a name."""
    within = visible(caller, deployment or None).with_only_columns(deployments.c.uuid)
    return sa.select(table).where(table.c.deployment.in_(within))


def _row(connection: sa.Connection, caller: Principal, alarm_id: str) -> sa.Row[Any]:
    row = connection.execute(_seen(caller, alarms, "").where(alarms.c.id == alarm_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such alarm.")
    return row


def _alarm(row: sa.Row[Any]) -> Alarm:
    return msgspec.structs.replace(msgspec.json.decode(row.body, type=Alarm), revision=row.revision)


def _whole(row: sa.Row[Any]) -> Alarm:
    memory = msgspec.json.decode(row.memory, type=dict[str, tuple[float, ...]])
    return msgspec.structs.replace(_alarm(row), memory=memory)


def _incident(row: sa.Row[Any]) -> Incident:
    return msgspec.json.decode(row.body, type=Incident)


def _put_alarm(connection: sa.Connection, alarm: Alarm) -> None:
    changed = connection.execute(
        alarms.update()
        .where(alarms.c.id == alarm.id, alarms.c.revision == alarm.revision)
        .values(revision=alarm.revision + 1, **_parts(alarm))
    )
    if changed.rowcount != 1:
        raise Conflict("The alarm has changed meanwhile.", hint="Look at it, then try again.")


def _put_incident(connection: sa.Connection, incident: Incident) -> None:
    parent = sa.select(deployments.c.uuid).where(
        deployments.c.project == incident.project, deployments.c.name == incident.deployment
    )
    row = {"id": incident.id, "open": incident.closed_at is None, **_body(incident)}
    connection.execute(incidents.delete().where(incidents.c.id == incident.id))
    connection.execute(incidents.insert().values(deployment=parent.scalar_subquery(), **row))


def _add_delivery(connection: sa.Connection, delivery: Delivery) -> None:
    """Keep a message, unless its receiver was removed meanwhile."""
    known = sa.select(receivers.c.id).where(receivers.c.id == delivery.receiver)
    if connection.execute(known).one_or_none() is not None:
        connection.execute(deliveries.insert().values(delivery_row(delivery)))


def _parts(alarm: Alarm) -> dict[str, str]:
    """An alarm without what its detectors remember, and that."""
    memory = msgspec.json.encode(alarm.memory).decode()
    return {**_body(msgspec.structs.replace(alarm, memory={})), "memory": memory}


def _body(record: Alarm | AlarmEvent | Incident) -> dict[str, str]:
    return {"body": msgspec.json.encode(record).decode()}
