"""What is known of the truth of a prediction: every revision of it, and which of them counts (pure)."""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Literal

import msgspec

from konan.predictions.orders import Cells

SUFFIX = "-truth"
"""Behind a deployment's uuid: the name of the table with its revisions."""

PARKED_DAYS = 30
"""So long the truth for a business key waits for a prediction that carries it."""

Status = Literal["accepted", "duplicate", "revised"]


class Revision(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One statement of the truth of one prediction.

    Attributes:
        id: of the prediction, never of a copy that a challenger answered.
        observed: when the truth was known, microseconds since 1970-01-01 UTC.
        arrival: nanoseconds since 1970-01-01 UTC; greater than that of everything that came before.
        target: as JSON.
        label: as the text of a class, or None.
        value: as a number, or None.
        key: the business key that it came by, or None.
        key_id: public id of the API key that sent it.
    """

    id: str
    observed: int
    arrival: int
    target: str
    label: str | None
    value: float | None
    key: str | None
    key_id: str


class Parked(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A truth that came before its prediction.

    Attributes:
        key: business key.
        observed: as in `Revision`.
        arrival: as in `Revision`.
        target: what was sent, as JSON.
        key_id: as in `Revision`.
    """

    key: str
    observed: int
    arrival: int
    target: str
    key_id: str

    @property
    def until(self) -> int:
        """The moment after which it is too old for a prediction; microseconds since 1970-01-01 UTC."""
        return self.arrival // 1000 + PARKED_DAYS * 86_400_000_000


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """What one request, or predictions that were waited for, changed.

    Attributes:
        revisions: what is new.
        parked: what waits from now on.
        unparked: arrivals of what does not wait any more.
    """

    revisions: list[Revision]
    parked: list[Parked] = []
    unparked: list[int] = []


def cells_of(revisions: Iterable[Revision]) -> list[Cells]:
    """Revisions as columns for their table; all but the day, which follows from the id."""
    rows = sorted(revisions, key=attrgetter("arrival"))
    return [
        Cells("id", "string", [one.id for one in rows]),
        Cells("observed_at", "timestamp[us, tz=UTC]", [one.observed for one in rows]),
        Cells("received_at", "timestamp[us, tz=UTC]", [one.arrival // 1000 for one in rows]),
        Cells("arrival", "int64", [one.arrival for one in rows]),
        Cells("target", "string", [one.target for one in rows]),
        Cells("label", "string", [one.label for one in rows]),
        Cells("value", "double", [one.value for one in rows]),
        Cells("key", "string", [one.key for one in rows]),
        Cells("key_id", "string", [one.key_id for one in rows]),
    ]


def current(revisions: Sequence[Revision]) -> Revision:
    """The revision that counts: the one observed last; of several of them the one that came last.

    Args:
        revisions: of one prediction, at least one.
    """
    return max(revisions, key=_age) if len(revisions) > 1 else revisions[0]


def judged(revisions: Sequence[Revision], new: Revision, *, stated: bool) -> Status:
    """What a new statement is beside what is known: a duplicate changes nothing and is not kept.

    Args:
        revisions: all that is known of the prediction.
        new: the statement.
        stated: whether the caller said when the truth was observed.

    >>> first = Revision("p", 5, 1, "1", None, 1.0, None, "")
    >>> judged([], first, stated=True), judged([first], first, stated=True)
    ('accepted', 'duplicate')
    >>> judged([first], Revision("p", 9, 2, "1", None, 1.0, None, ""), stated=True)
    'revised'
    """
    if not revisions:
        return "accepted"
    if stated:
        known = any(one.target == new.target and one.observed == new.observed for one in revisions)
    else:
        known = current(revisions).target == new.target
    return "duplicate" if known else "revised"


def _age(revision: Revision) -> tuple[int, int]:
    return revision.observed, revision.arrival
