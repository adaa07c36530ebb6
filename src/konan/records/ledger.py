"""The ledger: what was live when, at which share of the traffic, who changed it, and why."""

from typing import Literal

import msgspec

Action = Literal["deploy", "promote", "rollback"]
"""What moved the traffic: a new version that is ready, or somebody who chose a version, or the one before."""

LONGEST_WHY = 500
"""Characters of a reason, at most."""


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """The part of the traffic that a version answers.

    Attributes:
        version: its number.
        share: 0 to 1; those of one entry add up to 1.
    """

    version: int
    share: float


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One movement of a deployment's traffic; entries are only ever added.

    Attributes:
        number: from 1, without gaps.
        deployment: uuid of the deployment.
        at: when, RFC 3339.
        action: what moved it.
        live: who answers from then on.
        by: public id of the key, or ``platform``.
        why: the words of whoever did it; may be empty.
        previous: hash of the entry before; empty for the first.
        hash: SHA-256 of all this, 64 hexadecimal digits.
    """

    number: int
    deployment: str
    at: str
    action: Action
    live: tuple[Share, ...]
    by: str
    why: str = ""
    previous: str = ""
    hash: str = ""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What a check of a ledger found.

    Attributes:
        entries: how many there are.
        broken: number of the first entry that is not as it was written, or does not follow; null if none.
        hash: of the last entry; whoever noted it once can tell whether the ledger was written anew.
    """

    entries: int
    broken: int | None
    hash: str
