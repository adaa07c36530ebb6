"""Keeps the profiles of prediction logs equal to a count of their tables, in the process that changes them.

A table is a set of files that never change. The profiles of a day name the files that are counted in them;
so after each commit, and after a crash at any moment, what is missing is counted from just these files. When
files are gone (an erasure), the day is counted anew, unless the table's log tells that they were only merged.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from konan.groundtruth.revisions import SUFFIX
from konan.monitoring.profiles import targets
from konan.monitoring.profiles.compaction import Rewritten, rewritten, taken_over
from konan.monitoring.profiles.counting import Counting, name_of
from konan.monitoring.profiles.days import Day
from konan.monitoring.profiles.segments import Segments
from konan.monitoring.profiles.store import Covered, Store, digest_of
from konan.predictions import table
from konan.predictions.schemas import Schemas
from konan.predictions.table import File, Snapshot

ROWS = 2_000_000
"""So many rows are counted at once at most, about; the rest the next time, so that commits need not wait."""


SOON = 250_000
"""Rows of so many days are looked at, the newest first, whenever truths came for them.

Truths of other days wait until they are asked for, or are so many that it is worth it: each look reads the
whole day.
"""

_MANY = 0.2
_KEPT = 100
"""Logs whose layouts are kept in memory."""


class LiveProfiles:
    """The profiles of all logs (a `konan.predictions.following.Follower`).

    Args:
        directory: where the logs are.
        schemas: what versions take.
        rows: after so many rows the rest is left for the next time.
    """

    def __init__(self, directory: Path, schemas: Schemas, rows: int = ROWS) -> None:
        self._directory = directory
        self._schemas = schemas
        self._rows = rows
        self._stores = OrderedDict[str, Store]()

    def follow(self, name: str, now: Snapshot) -> None:
        """Bring the profiles of a log up to date.

        Rows come first, then their truths.

        Args:
            name: of the log, or of the table of its truths.
            now: that table.
        """
        is_told = name.endswith(SUFFIX)
        if is_told:
            name = name.removesuffix(SUFFIX)
            now = table.snapshot(self._directory / name)
        _Round(self._store(name), now, self._schemas, self._rows).run(is_asked=not is_told)

    def _store(self, name: str) -> Store:
        """Where profiles lie, with the layouts that were read there; of some logs, that of the newest."""
        store = self._stores.pop(name, None) or Store(self._directory / name)
        self._stores[name] = store
        if len(self._stores) > _KEPT:
            self._stores.popitem(last=False)
        return store


class _Round:
    """Brings the profiles of one log up to date, once."""

    def __init__(self, store: Store, now: Snapshot, schemas: Schemas, rows: int) -> None:
        self._store = store
        self._index = store.index()
        self._files = _by_day(now.files)
        self._version = now.delta.version() if now.delta else -1
        self._left = self._rows = rows
        self._soon = SOON
        segments = Segments()
        for covered in self._index.days.values():
            segments.learn(covered.values)
        self._counting = Counting(store.log.name, schemas, store.layouts, segments)

    def run(self, *, is_asked: bool) -> None:
        """Count what is missing.

        Args:
            is_asked: whether somebody may wait for it; not if truths came, and not if the log has changed.
        """
        index = self._index
        self._soon = self._rows if is_asked and index.followed == self._version else SOON
        for day in [one for one in index.days if one not in self._files]:
            self._store.remove(day)
            del index.days[day]
        due = [day for day in sorted(self._files, reverse=True) if not self._is_counted(day)]
        if due:
            moved = rewritten(self._store.log / "table", index.followed, self._version)
            for day in due:
                index.days[day] = self._counted(day, moved)
                if self._left <= 0:
                    break
        counted = all(map(self._is_counted, self._files))
        if counted:
            self._join()
        index.followed, index.table = self._version, self._version if counted else -1
        self._store.put_index(index)

    def _is_counted(self, day: int) -> bool:
        covered = self._index.days.get(day)
        if covered is None or covered.files != digest_of(name_of(one.path) for one in self._files[day]):
            return False
        return self._fits(covered.layouts)

    def _fits(self, layouts: Mapping[int, str]) -> bool:
        return all(self._store.layouts(version).digest == digest for version, digest in layouts.items())

    def _counted(self, day: int, moved: defaultdict[str, Rewritten]) -> Covered:
        """Count what is missing of a day, as much as is allowed."""
        files = {name_of(one.path): one for one in self._files[day]}
        profiles = self._store.day(day)
        folder = Path(self._files[day][0].path).parent.name
        if not self._fits(profiles.layouts) or not _taken_over(profiles, set(files), moved[folder]):
            profiles = Day()
        for name in sorted(files.keys() - profiles.files):
            if self._left <= 0:
                break
            self._counting.count(files[name].path, day, profiles)
            profiles.files.add(name)
            self._left -= files[name].rows
        return self._store.put(day, profiles)

    def _join(self) -> None:
        """Count the targets of the days of which truths came, or rows that have a truth."""
        place = self._store.log.with_name(self._store.log.name + SUFFIX)
        if not place.is_dir():
            return
        now = table.snapshot(place)
        version = now.delta.version() if now.delta else -1
        truths, complete = _by_day(now.files), True
        moved = rewritten(place / "table", self._index.joined, version)
        for day in sorted(self._files, reverse=True):
            known = truths[day - 1] + truths[day] if day in truths or day - 1 in truths else []
            covered = self._index.days[day]
            names = digest_of(name_of(one.path) for one in known)
            if covered.truths == names and (not known or covered.seen == covered.files):
                continue
            if self._left <= 0 or not self._is_due(day, known):
                complete = False
                continue
            profiles = self._store.day(day)
            folders = {Path(one.path).parent.name for one in known}
            profiles.truths = _renamed(profiles.truths, known, [moved[one] for one in folders])
            self._left -= targets.count(self._counting, day, self._files[day], known, profiles)
            self._index.days[day] = self._store.put(day, profiles)
        self._index.truths = version if complete else -1
        if complete:
            self._index.joined = version

    def _is_due(self, day: int, known: Sequence[File]) -> bool:
        """Whether truths of a day are counted now, given all files with them."""
        rows = sum(one.rows for one in self._files[day])
        if self._soon > 0:
            self._soon -= rows
            return True
        counted = self._store.truths(day)
        new = sum(one.rows for one in known if name_of(one.path) not in counted)
        return new >= _MANY * rows


def _taken_over(profiles: Day, names: set[str], moved: Rewritten) -> bool:
    """Whether the files that are gone from a day were only merged; then those they became are counted."""
    gone = profiles.files - names
    files = taken_over(profiles.files, names, moved)
    if files is None:
        return False
    profiles.files = files
    if gone and gone <= profiles.seen:
        profiles.seen = (profiles.seen - gone) | moved.new
    return True


def _renamed(counted: set[str], known: Sequence[File], moved: Sequence[Rewritten]) -> set[str]:
    """The files of truths that are counted, by the names that they have now if they were only merged."""
    whole = Rewritten(
        {name for one in moved for name in one.old}, {name for one in moved for name in one.new}
    )
    return taken_over(counted, {name_of(one.path) for one in known}, whole) or counted


def _by_day(files: Sequence[File]) -> defaultdict[int, list[File]]:
    found = defaultdict[int, list[File]](list)
    for one in files:
        found[one.day].append(one)
    return found
