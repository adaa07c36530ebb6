"""Which files of a Delta table were only written anew, with the same rows, as its log tells."""

from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from konan.predictions.mark import LOG

_MOST = 50
_decode = msgspec.json.Decoder().decode


class Rewritten(NamedTuple):
    """Names of files of one folder, which holds a day.

    Attributes:
        old: those that went.
        new: those that came in their place.
    """

    old: set[str]
    new: set[str]


def rewritten(table: Path, after: int, last: int) -> defaultdict[str, Rewritten]:
    """What some changes of a table left as it was; what its log does not tell any more is not in it.

    Args:
        table: its directory.
        after: the version before the first of the changes.
        last: the version after the last of them.

    Returns:
        The files by their folder.
    """
    found = defaultdict[str, Rewritten](lambda: Rewritten(set(), set()))
    for version in range(max(after, last - _MOST) + 1, last + 1):
        try:
            lines = (table / LOG / f"{version:020d}.json").read_bytes().splitlines()
        except FileNotFoundError:
            continue
        for line in lines:
            action: dict[str, dict[str, Any]] = _decode(line)
            for place, kind in enumerate(("remove", "add")):
                if kind in action and not action[kind].get("dataChange", True):
                    path = Path(action[kind]["path"])
                    found[path.parent.name][place].add(path.name)
    return found


def taken_over(counted: set[str], there: set[str], moved: Rewritten) -> set[str] | None:
    """What is counted, by the names that files have now; None if some are gone that were not only merged.

    Args:
        counted: names of the files that were counted.
        there: names of the files that there are.
        moved: what was merged meanwhile.

    >>> taken_over({"a", "b"}, {"ab", "c"}, Rewritten({"a", "b"}, {"ab"}))
    {'ab'}
    >>> taken_over({"a", "b"}, {"b"}, Rewritten(set(), set())) is None
    True
    """
    gone = counted - there
    if gone and not (gone <= moved.old <= counted and moved.new <= there):
        return None
    return (counted - gone) | moved.new if gone else counted
