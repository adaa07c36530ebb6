"""Which erasures a restored server has to do again (pure), and how it is told.

`replay(store, later, since=..., at=...)` is called by a restore, before the restored server starts: the
server does what is unfinished when it starts, by itself. Only the records are needed, and the file `secret`
that the backup holds: rows are found by the keyed digest of their subject.
"""

from collections.abc import Iterable

import msgspec

from konan.ports import ErasureStore
from konan.records.erasure import Erasure


def replay(store: ErasureStore, later: Iterable[Erasure], *, since: str, at: str) -> list[Erasure]:
    """Make a restored server erase again what the backup may still hold.

    Args:
        store: the restored metadata.
        later: erasures that are known from elsewhere, as from the server that the backup was made of.
        since: when the backup began, RFC 3339 in UTC.
        at: the present, likewise.

    Returns:
        The erasures that will be done again.
    """
    due = again(store.platform_erasures(), later, since=since, at=at)
    for erasure in due:
        store.platform_put_erasure(erasure)
    return due


def again(present: Iterable[Erasure], later: Iterable[Erasure], *, since: str, at: str) -> list[Erasure]:
    """The erasures that were not finished before a backup began, as they are to be done again, oldest first.

    An erasure that the backup knows as done counts too if it was finished while the backup was made: its
    metadata may be younger than its tables.
    """
    known = {erasure.id: erasure for erasure in (*present, *later)}
    due = [one for one in known.values() if one.finished_at is None or one.finished_at >= since]
    return [
        msgspec.structs.replace(one, state="pending", finished_at=None, waits_for="", replayed_at=at)
        for one in sorted(due, key=lambda one: one.id)
    ]
