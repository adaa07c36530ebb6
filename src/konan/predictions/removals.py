"""Remembers what was removed because of its age: small files beside the tables, right also after a crash.

What shall go is written down before it goes, with a mark by which can be told later whether it went. So
nothing goes untold, and nothing is told twice.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from konan.predictions.mark import sync
from konan.records.retention import Removed, Where

NAME = "removed.json"
"""In the directory of a log, and in the directory of all logs for bytes set aside."""

MOST = 1000
"""So many removals are remembered."""


_PLACES: dict[str, Where] = {"": "predictions", "-rejected": "rejected", "-truth": "truths"}
_UUID = 36


def logs_of(directory: Path, deployment: str) -> list[Path]:
    """The directories of a deployment's logs, by its uuid, whether they exist or not."""
    return [directory / (deployment + suffix) for suffix in _PLACES]


def deployment_of(log: str) -> str:
    """The uuid of a log's deployment, by the log's name.

    >>> deployment_of("01890000-0000-7000-8000-00000000000a-truth")
    '01890000-0000-7000-8000-00000000000a'
    """
    return log[:_UUID]


def place_of(log: str) -> Where:
    """What is in a log, by its name.

    >>> place_of("01890000-0000-7000-8000-00000000000a-truth")
    'truths'
    """
    return _PLACES[log[_UUID:]]


def day_of(number: int) -> str:
    """A day by its number since 1970-01-01 UTC.

    >>> day_of(20_000)
    '2024-10-04'
    """
    return str((datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=number)).date())


class Intended(msgspec.Struct, frozen=True):
    """Something that is about to go.

    Attributes:
        mark: tells whether it went.
        removed: what is told then.
    """

    mark: str
    removed: Removed


class _Book(msgspec.Struct, frozen=True):
    done: list[Removed] = []
    intended: list[Intended] = []


_decode = msgspec.json.Decoder(_Book).decode


class Removals:
    """What went from one place; changed by one thread at a time, read by any.

    Args:
        directory: that the file is in; it must exist when something goes.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME

    def done(self) -> list[Removed]:
        """What went, oldest first."""
        return self._read().done

    def intend(self, what: Sequence[Intended]) -> None:
        """Write down what is about to go, on disk when this returns; call `settle` before and after."""
        self._write(_Book(self._read().done, list(what)))

    def settle(self, is_gone: Callable[[str], bool]) -> None:
        """Tell what went of what was to go, and forget the rest.

        Args:
            is_gone: whether what has a mark went.
        """
        book = self._read()
        if book.intended:
            gone = [one.removed for one in book.intended if is_gone(one.mark)]
            self._write(_Book([*book.done, *gone][-MOST:]))

    def _read(self) -> _Book:
        try:
            return _decode(self._path.read_bytes())
        except FileNotFoundError:
            return _Book()

    def _write(self, book: _Book) -> None:
        part = self._path.with_suffix(".part")
        part.write_bytes(msgspec.json.encode(book))
        sync(part)
        part.rename(self._path)
        sync(self._path.parent)
