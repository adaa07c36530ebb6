"""Chooses the rows whose truth would make the interval of the headline metric narrowest (pure).

Rows are grouped by the cell of their score, or of the number that was answered. A group is worth a label the
more rows it stands for, the less certain its rows are, and the fewer of them are labelled (the allocation of
strata by size times standard deviation). Within a group rows are drawn by chance, so that what is learnt
there holds for all of it, and metrics stay fair estimates by group.

Source: Neyman, "On the two different aspects of the representative method" (1934).
"""

import heapq
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple


class Group(NamedTuple):
    """Rows that are alike.

    Attributes:
        name: in words.
        labelled: rows of it whose truth is known.
        deviation: standard deviation of the loss of one row.
        expected: what is known of it, in words.
    """

    name: str
    labelled: int
    deviation: float
    expected: str


class Chosen(NamedTuple):
    """A row to label.

    Attributes:
        place: of the row among those that were given.
        group: place of its group.
    """

    place: int
    group: int


def chosen(ids: Sequence[str], of_group: Sequence[int], groups: Sequence[Group], most: int) -> list[Chosen]:
    """The rows to label, the one that tells most first.

    Args:
        ids: of the rows without a truth.
        of_group: place of the group of each.
        groups: all of them.
        most: so many rows at most.

    >>> sure, unsure = Group("sure", 50, 0.1, ""), Group("unsure", 50, 0.5, "")
    >>> found = chosen([f"p{at}" for at in range(200)], [0] * 100 + [1] * 100, [sure, unsure], 12)
    >>> [one.group for one in found].count(1)
    12
    """
    members: dict[int, list[int]] = {}
    for place, group in enumerate(of_group):
        members.setdefault(group, []).append(place)
    for places in members.values():
        places.sort(key=lambda place: _drawn(ids[place]), reverse=True)
    sizes = {group: len(places) + groups[group].labelled for group, places in members.items()}
    known = {group: groups[group].labelled for group in members}
    heap = [(-_gain(groups[group], sizes[group], known[group]), group) for group in members]
    heapq.heapify(heap)
    found = list[Chosen]()
    while heap and len(found) < most:
        _, group = heapq.heappop(heap)
        found.append(Chosen(members[group].pop(), group))
        known[group] += 1
        if members[group]:
            heapq.heappush(heap, (-_gain(groups[group], sizes[group], known[group]), group))
    return found


def reason(group: Group, rows: int) -> str:
    """Why a row of a group is worth a label.

    >>> reason(Group("score in [0.4, 0.6)", 3, 0.5, "about 55 % of such answers are right"), 1200)
    '3 of 1,203 such rows are labelled; about 55 % of such answers are right.'
    """
    known = f"; {group.expected}" if group.expected else ""
    return f"{group.labelled:,} of {rows + group.labelled:,} such rows are labelled{known}."


def _gain(group: Group, rows: int, labelled: int) -> float:
    """By how much one more label lowers the variance of a sum over all rows."""
    return (rows * group.deviation) ** 2 / ((labelled + 1) * (labelled + 2))


def _drawn(about: str) -> bytes:
    """A number by chance that stays the same for a row."""
    return blake2b(about.encode(), digest_size=8).digest()
