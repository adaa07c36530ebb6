"""Keys in the database: only their digests."""

from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from konan.adapters.sql.database import Database
from konan.adapters.sql.tables import keys
from konan.errors import Conflict, NotFound
from konan.records.access import Key, KeyGrant, Principal


class SqlKeys:
    """`konan.ports.KeyStore` on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_key(self, caller: Principal, key: Key, digest: str) -> None:
        """Keep a key of the caller's project; see `konan.ports.KeyStore.add_key`."""
        row = {
            **msgspec.structs.asdict(key),
            "project": caller.project,
            "digest": digest,
            "scopes": _texts(key.scopes),
            "deployments": _texts(key.deployments),
        }
        try:
            with self._database.writing() as connection:
                connection.execute(keys.insert().values(row))
        except IntegrityError:
            raise Conflict("A key with that id exists already, or its project does not.") from None

    def list_keys(self, caller: Principal, limit: int, after: str = "") -> list[Key]:
        """Keys by id; see `konan.ports.KeyStore.list_keys`."""
        query = sa.select(keys).where(keys.c.project == caller.project, keys.c.id > after)
        with self._database.reading() as connection:
            return [_key(row) for row in connection.execute(query.order_by(keys.c.id).limit(limit))]

    def revoke_key(self, caller: Principal, key_id: str, at: str) -> Key:
        """Mark a key as revoked; see `konan.ports.KeyStore.revoke_key`."""
        own = (keys.c.project == caller.project) & (keys.c.id == key_id)
        with self._database.writing() as connection:
            connection.execute(keys.update().where(own, keys.c.revoked_at.is_(None)).values(revoked_at=at))
            row = connection.execute(sa.select(keys).where(own)).one_or_none()
        if row is None:
            raise NotFound("There is no such key.")
        return _key(row)

    def platform_grants(self) -> list[KeyGrant]:
        """Every key that is not revoked; see `konan.ports.KeyStore.platform_grants`."""
        query = sa.select(keys).where(keys.c.revoked_at.is_(None)).order_by(keys.c.id)
        with self._database.reading() as connection:
            return [_grant(row) for row in connection.execute(query)]


def _key(row: sa.Row[Any]) -> Key:
    return Key(
        id=row.id,
        name=row.name,
        project=row.project,
        scopes=_names(row.scopes),
        deployments=_names(row.deployments),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )


def _grant(row: sa.Row[Any]) -> KeyGrant:
    return KeyGrant(
        id=row.id,
        digest=row.digest,
        project=row.project,
        scopes=_names(row.scopes),
        deployments=_names(row.deployments),
        expires_at=datetime.fromisoformat(row.expires_at).timestamp(),
    )


def _texts(names: tuple[str, ...]) -> str:
    return msgspec.json.encode(names).decode()


def _names(text: str) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...])
