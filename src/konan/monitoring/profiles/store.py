"""Where the profiles of one log lie: a file a day, and an index that tells whether they are complete."""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path

import msgspec

from konan.journal.segments import Damage
from konan.monitoring.profiles import FOLDER, days
from konan.monitoring.profiles.days import Day, DayFile
from konan.monitoring.profiles.layouts import Layouts
from konan.predictions.mark import sync

NAME = FOLDER

_INDEX = "index"
_FORM = 2
_SUFFIX = ".day"


class Covered(msgspec.Struct, frozen=True, array_like=True):
    """What is counted in a day's file.

    Attributes:
        files: `digest_of` the names of the table's files.
        truths: likewise of the truths' table.
        seen: likewise of the table's files with which those were joined.
        layouts: digest of the layout of each version.
        values: the segment columns and values that have profiles.
    """

    files: str
    truths: str
    seen: str
    layouts: dict[int, str]
    values: list[tuple[str, str | None]]


class Index(msgspec.Struct):
    """What is counted in all of them; made again from them when it is lost.

    Attributes:
        followed: version of the log's table that was looked at last.
        table: version of the log's table of which everything is counted; -1 if there is none.
        truths: likewise of the truths' table.
        joined: version of the truths' table that was looked at last.
        days: by days since 1970-01-01 UTC.
        form: of the days' files.
    """

    followed: int = -1
    table: int = -1
    truths: int = -1
    joined: int = -1
    days: dict[int, Covered] = {}
    form: int = 0


class Store:
    """The profiles of one log.

    Args:
        log: directory of the log.
    """

    def __init__(self, log: Path) -> None:
        self.log = log
        self._directory = log / NAME
        self._place = str(self._directory)
        self.layouts = Layouts(self._directory)

    def index(self) -> Index:
        """The index, if need be made from the days' files; a file that is damaged is removed."""
        try:
            found = _decode((self._directory / _INDEX).read_bytes())
        except (FileNotFoundError, msgspec.DecodeError):
            found = Index()
        if found.form != _FORM:
            found = Index(days=dict(self._headed()), form=_FORM)
        return found

    def put_index(self, index: Index) -> None:
        """Replace the index; what it says of the days' files is on disk before."""
        self._directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory.mkdir(mode=0o700, exist_ok=True)
        sync(self._directory)
        fresh = self._directory / f"{_INDEX}.new"
        fresh.touch(mode=0o600)
        fresh.write_bytes(_encode(index))
        fresh.replace(self._directory / _INDEX)

    def open(self, day: int) -> DayFile | None:
        """The file of a day, to be closed; None if there is none.

        Raises:
            Damage: it is not as it was written.
        """
        try:
            return DayFile(f"{self._place}/{day}{_SUFFIX}")
        except FileNotFoundError:
            return None

    def day(self, day: int) -> Day:
        """All profiles of a day; none if there is no file or it is damaged."""
        try:
            with DayFile(self._path(day)) as file:
                return file.day()
        except (FileNotFoundError, Damage):
            return Day()

    def truths(self, day: int) -> set[str]:
        """The files of the truths' table that are counted of a day; none if its file is damaged."""
        try:
            with DayFile(self._path(day)) as file:
                return set(file.head.truths)
        except (FileNotFoundError, Damage):
            return set()

    def put(self, day: int, profiles: Day) -> Covered:
        """Replace the file of a day."""
        self._directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory.mkdir(mode=0o700, exist_ok=True)
        days.write(self._path(day), profiles)
        return covered(profiles)

    def remove(self, day: int) -> None:
        """Remove the file of a day."""
        self._path(day).unlink(missing_ok=True)

    def forget(self) -> None:
        """Remove the index: every file is looked at before the next is written."""
        (self._directory / _INDEX).unlink(missing_ok=True)

    def _path(self, day: int) -> Path:
        return self._directory / f"{day}{_SUFFIX}"

    def _headed(self) -> Iterator[tuple[int, Covered]]:
        for path in list(self._directory.glob(f"*{_SUFFIX}")):
            try:
                with DayFile(path) as file:
                    yield int(path.stem), covered(file.day())
            except Damage:
                path.unlink()


def covered(profiles: Day) -> Covered:
    """What is counted in the profiles of a day."""
    return Covered(
        digest_of(profiles.files),
        digest_of(profiles.truths),
        digest_of(profiles.seen),
        profiles.layouts,
        sorted({(key.column, key.value) for key in profiles.found if key.column}, key=str),
    )


def digest_of(names: Iterable[str]) -> str:
    """A digest of some names in any order; empty of none."""
    text = "\n".join(sorted(names))
    return blake2b(text.encode(), digest_size=16).hexdigest() if text else ""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Index).decode
