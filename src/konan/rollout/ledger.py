"""The rules of the ledger (pure): how entries are chained, and what was live at a moment.

Each entry's hash covers the hash of the one before it, so no entry can be changed, left out or put in
between without every later hash being another.
"""

from collections.abc import Iterable, Sequence

import msgspec

from konan.ids import sha256_hex
from konan.records.ledger import Checked, LedgerEntry


def sealed(entry: LedgerEntry, before: LedgerEntry | None) -> LedgerEntry:
    """An entry with its number, the hash of the one before it, and its own.

    Args:
        entry: what is to be written.
        before: the last entry of the same deployment; None for the first.
    """
    number, previous = (before.number + 1, before.hash) if before else (1, "")
    follows = msgspec.structs.replace(entry, number=number, previous=previous, hash="")
    return msgspec.structs.replace(follows, hash=_digest(follows))


def checked(entries: Iterable[LedgerEntry]) -> Checked:
    """Find the first entry that is not as it was written, or does not follow the one before it.

    Args:
        entries: all of a deployment, oldest first.
    """
    last: LedgerEntry | None = None
    count, broken = 0, None
    for entry in entries:
        count += 1
        if broken is None and sealed(entry, last) != entry:
            broken = entry.number
        last = entry
    return Checked(entries=count, broken=broken, hash=last.hash if last else "")


def before(entries: Sequence[LedgerEntry]) -> int | None:
    """The version that was live before the one that is, or None if there was none.

    Args:
        entries: of a deployment, newest first.
    """
    live = _version(entries[0]) if entries else None
    return next((found for entry in entries if (found := _version(entry)) != live), None)


def live_at(entries: Iterable[LedgerEntry], moment: str) -> int | None:
    """The version that was live at a moment, or None if there was none yet.

    Args:
        entries: of a deployment, newest first.
        moment: RFC 3339 in UTC with microseconds, as ledgers have it.
    """
    return next((_version(entry) for entry in entries if entry.at <= moment), None)


def _version(entry: LedgerEntry) -> int:
    return max(entry.live, key=lambda one: one.share).version


def _digest(entry: LedgerEntry) -> str:
    return sha256_hex(msgspec.json.encode(entry, order="sorted"))
