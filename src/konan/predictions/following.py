"""Who wants to know what a table holds whenever it was changed; told by the process that changes it."""

import logging
from collections.abc import Callable
from typing import Protocol

from konan.predictions.table import Snapshot

logger = logging.getLogger(__name__)


class Follower(Protocol):
    """Makes something of the rows of tables, and keeps it up to date."""

    def follow(self, name: str, now: Snapshot) -> None:
        """Take in what changed in a table since the last time, if anything did.

        A change is told at least once; after a crash it may be told together with later ones.

        Args:
            name: of the log.
            now: its table.
        """
        ...


def tell(follower: Follower | None, name: str, now: Callable[[], Snapshot]) -> None:
    """Tell a follower of a table; that it fails must not make a commit fail, and it will be told again.

    Args:
        follower: None if nobody wants to know.
        name: of the log.
        now: gives its table.
    """
    if follower is None:
        return
    try:
        found = now()
        if found.delta is not None:
            follower.follow(name, found)
    except Exception:
        logger.exception("what follows from a table could not be brought up to date", extra={"log": name})
