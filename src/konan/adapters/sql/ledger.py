"""The ledger in the database: entries are added in the transaction that moves the traffic, never changed."""

from collections.abc import Iterator

import msgspec
import sqlalchemy as sa

from konan import clock
from konan.adapters.sql.database import Database
from konan.adapters.sql.deployments import found
from konan.adapters.sql.tables import ledger
from konan.records.access import Principal
from konan.records.ledger import Action, LedgerEntry, Share
from konan.rollout.ledger import sealed

_AT_ONCE = 1000


class SqlLedger:
    """`konan.ports.LedgerStore` on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list_ledger(
        self, caller: Principal, name: str, limit: int, before: int | None = None
    ) -> list[LedgerEntry]:
        """Entries, newest first; see `konan.ports.LedgerStore.list_ledger`."""
        with self._database.reading() as connection:
            query = sa.select(ledger.c.body).where(
                ledger.c.deployment == found(connection, caller, name).uuid
            )
            if before is not None:
                query = query.where(ledger.c.number < before)
            bodies = connection.execute(query.order_by(ledger.c.number.desc()).limit(limit)).scalars()
            return [_entry(body) for body in bodies]

    def whole_ledger(self, caller: Principal, name: str) -> Iterator[LedgerEntry]:
        """All entries, oldest first; see `konan.ports.LedgerStore.whole_ledger`."""
        with self._database.reading() as connection:
            query = sa.select(ledger.c.body).where(
                ledger.c.deployment == found(connection, caller, name).uuid
            )
            streamed = connection.execution_options(yield_per=_AT_ONCE)
            for body in streamed.execute(query.order_by(ledger.c.number)).scalars():
                yield _entry(body)


def moved(
    connection: sa.Connection, caller: Principal, deployment: str, number: int, action: Action, why: str
) -> None:
    """Write down that all traffic of a deployment goes to a version from now on.

    Args:
        connection: in the transaction that does it; the deployment's row is locked.
        caller: who did it.
        deployment: uuid.
        number: of the version.
        action: what moved it.
        why: a person's words.
    """
    newest = sa.select(ledger.c.body).where(ledger.c.deployment == deployment)
    last = connection.execute(newest.order_by(ledger.c.number.desc()).limit(1)).scalar()
    entry = sealed(
        LedgerEntry(
            number=0,
            deployment=deployment,
            at=clock.rfc3339(clock.now()),
            action=action,
            live=(Share(version=number, share=1.0),),
            by=caller.key_id,
            why=why,
        ),
        None if last is None else _entry(last),
    )
    body = msgspec.json.encode(entry).decode()
    connection.execute(ledger.insert().values(deployment=deployment, number=entry.number, body=body))


def _entry(body: str) -> LedgerEntry:
    return msgspec.json.decode(body, type=LedgerEntry)
