"""Receivers of messages about alarms, and the messages, each as the JSON of its record."""

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from konan.adapters.sql.database import Database
from konan.adapters.sql.tables import deliveries, receivers
from konan.errors import Conflict, NotFound
from konan.records.access import Principal
from konan.records.notifications import Delivery, Receiver


class SqlReceivers:
    """`konan.ports.ReceiverStore` on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_receiver(self, caller: Principal, receiver: Receiver) -> None:
        """Keep a receiver; see `konan.ports.ReceiverStore.add_receiver`."""
        kept = msgspec.structs.replace(receiver, project=caller.project)
        row = {"id": kept.id, "project": kept.project, "body": msgspec.json.encode(kept).decode()}
        try:
            with self._database.writing() as connection:
                connection.execute(receivers.insert().values(row))
        except IntegrityError:
            raise Conflict("A receiver with that id exists already, or its project does not.") from None

    def receiver(self, caller: Principal, receiver_id: str) -> Receiver:
        """One receiver; see `konan.ports.ReceiverStore.receiver`."""
        with self._database.reading() as connection:
            return _one(connection, caller, receiver_id)

    def list_receivers(self, caller: Principal, limit: int, after: str = "") -> list[Receiver]:
        """Receivers by id; see `konan.ports.ReceiverStore.list_receivers`."""
        query = sa.select(receivers).where(receivers.c.project == caller.project, receivers.c.id > after)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(receivers.c.id).limit(limit))
            return [_receiver(row) for row in rows]

    def remove_receiver(self, caller: Principal, receiver_id: str) -> Receiver:
        """Remove a receiver; see `konan.ports.ReceiverStore.remove_receiver`."""
        with self._database.writing() as connection:
            known = _one(connection, caller, receiver_id)
            connection.execute(deliveries.delete().where(deliveries.c.receiver == receiver_id))
            connection.execute(receivers.delete().where(receivers.c.id == receiver_id))
        return known

    def list_deliveries(self, caller: Principal, limit: int, before: str = "") -> list[Delivery]:
        """Messages, newest first; see `konan.ports.ReceiverStore.list_deliveries`."""
        query = (
            sa.select(deliveries.c.body)
            .join(receivers, receivers.c.id == deliveries.c.receiver)
            .where(receivers.c.project == caller.project)
        )
        if before:
            query = query.where(deliveries.c.id < before)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(deliveries.c.id.desc()).limit(limit))
            return [_delivery(row) for row in rows]

    def platform_receivers(self) -> list[Receiver]:
        """Every receiver; see `konan.ports.ReceiverStore.platform_receivers`."""
        with self._database.reading() as connection:
            return [
                _receiver(row) for row in connection.execute(sa.select(receivers).order_by(receivers.c.id))
            ]

    def platform_deliveries(self) -> list[Delivery]:
        """Messages that wait; see `konan.ports.ReceiverStore.platform_deliveries`."""
        query = sa.select(deliveries.c.body).where(deliveries.c.waiting).order_by(deliveries.c.id)
        with self._database.reading() as connection:
            return [_delivery(row) for row in connection.execute(query)]

    def platform_put_delivery(self, delivery: Delivery) -> None:
        """Keep what became of a message; see `konan.ports.ReceiverStore.platform_put_delivery`."""
        changed = deliveries.update().where(deliveries.c.id == delivery.id).values(delivery_row(delivery))
        with self._database.writing() as connection:
            connection.execute(changed)


def delivery_row(delivery: Delivery) -> dict[str, object]:
    """A message as its row."""
    body = msgspec.json.encode(delivery).decode()
    waits = delivery.state == "waiting"
    return {"id": delivery.id, "receiver": delivery.receiver, "waiting": waits, "body": body}


def _one(connection: sa.Connection, caller: Principal, receiver_id: str) -> Receiver:
    query = sa.select(receivers).where(receivers.c.project == caller.project, receivers.c.id == receiver_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound("There is no such receiver.")
    return _receiver(row)


def _receiver(row: sa.Row[Any]) -> Receiver:
    return msgspec.json.decode(row.body, type=Receiver)


def _delivery(row: sa.Row[Any]) -> Delivery:
    return msgspec.json.decode(row.body, type=Delivery)
