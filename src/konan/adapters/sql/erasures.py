"""Erasures in the database, each as the JSON of its record."""

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from konan.adapters.sql.database import Database
from konan.adapters.sql.tables import erasures
from konan.errors import Conflict, NotFound
from konan.records.access import Principal
from konan.records.erasure import Erasure


class SqlErasures:
    """`konan.ports.ErasureStore` on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_erasure(self, caller: Principal, erasure: Erasure) -> None:
        """Keep an erasure of the caller's project; see `konan.ports.ErasureStore.add_erasure`."""
        row = {**_row(erasure), "project": caller.project}
        try:
            with self._database.writing() as connection:
                connection.execute(erasures.insert().values(row))
        except IntegrityError:
            raise Conflict("An erasure with that id exists already, or its project does not.") from None

    def erasure(self, caller: Principal, erasure_id: str) -> Erasure:
        """One erasure; see `konan.ports.ErasureStore.erasure`."""
        query = sa.select(erasures).where(erasures.c.project == caller.project, erasures.c.id == erasure_id)
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None or not _visible(caller, found := _erasure(row)):
            raise NotFound("There is no such erasure.")
        return found

    def list_erasures(self, caller: Principal, limit: int, before: str = "") -> list[Erasure]:
        """Erasures, newest first; see `konan.ports.ErasureStore.list_erasures`."""
        query = sa.select(erasures).where(erasures.c.project == caller.project)
        if before:
            query = query.where(erasures.c.id < before)
        found = list[Erasure]()
        with self._database.reading() as connection:
            for row in connection.execute(query.order_by(erasures.c.id.desc())):
                erasure = _erasure(row)
                if _visible(caller, erasure):
                    found.append(erasure)
                if len(found) == limit:
                    break
        return found

    def platform_erasures(self) -> list[Erasure]:
        """Every erasure; see `konan.ports.ErasureStore.platform_erasures`."""
        with self._database.reading() as connection:
            return [_erasure(row) for row in connection.execute(sa.select(erasures).order_by(erasures.c.id))]

    def platform_put_erasure(self, erasure: Erasure) -> None:
        """Keep an erasure as it is now; see `konan.ports.ErasureStore.platform_put_erasure`."""
        with self._database.writing() as connection:
            connection.execute(erasures.delete().where(erasures.c.id == erasure.id))
            connection.execute(erasures.insert().values({**_row(erasure), "project": erasure.project}))


def _visible(caller: Principal, erasure: Erasure) -> bool:
    return all(map(caller.sees, erasure.deployments))


def _row(erasure: Erasure) -> dict[str, str]:
    return {"id": erasure.id, "body": msgspec.json.encode(erasure).decode()}


def _erasure(row: sa.Row[Any]) -> Erasure:
    return msgspec.structs.replace(msgspec.json.decode(row.body, type=Erasure), project=row.project)
