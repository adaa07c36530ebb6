"""What is asked of whoever changes the tables, also in words that another process understands."""

import socket
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from konan.predictions.shelf import Done, Place
from konan.records.schema import Schema

_HEAD = 4


class Cells(NamedTuple):
    """A column of rows that are given to a table.

    Attributes:
        name: of the column.
        kind: Arrow type as text, as ``timestamp[us, tz=UTC]``.
        cells: what it holds, row by row; moments in the type's unit since 1970-01-01 UTC.
    """

    name: str
    kind: str
    cells: list[Any]


class Writer(Protocol):
    """Changes the tables (`konan.predictions.writing.TableWriter`, `konan.predictions.apart.Apart`)."""

    def commit(self, name: str, places: Sequence[Place], *, waited: bool = False) -> Done:
        """Put entries into a log's table; what is in there is passed over, and somebody may wait for it."""
        ...

    def append(self, name: str, rows: Sequence[Cells], sequence: int) -> None:
        """Put rows that no gateway journalled into a table; a sequence that it knows is passed over."""
        ...

    def tidy(self, name: str, days: int) -> None:
        """Put a log in order."""
        ...

    def rest(self) -> None:
        """Called often; give back what was not needed for a while."""
        ...

    def close(self) -> None:
        """Give everything back; the next order takes it again."""
        ...


class Commit(msgspec.Struct, frozen=True, tag=True):
    """An order: put entries into a log's table."""

    log: str
    places: list[Place]


class Append(msgspec.Struct, frozen=True, tag=True):
    """An order: put rows into a table that has no journal here."""

    log: str
    rows: list[Cells]
    sequence: int


class Tidy(msgspec.Struct, frozen=True, tag=True):
    """An order: put a log in order."""

    log: str
    days: int


class Known(msgspec.Struct, frozen=True, tag=True):
    """The answer to a question."""

    schema: Schema | None


class Ask(msgspec.Struct, frozen=True, tag=True):
    """A question: what does a version take?"""

    deployment: str
    version: int


class Carried(msgspec.Struct, frozen=True, tag=True):
    """An order was carried out."""

    done: Done


class Failed(msgspec.Struct, frozen=True, tag=True):
    """An order failed, and left the table as it was or half changed."""

    reason: str


Order = Commit | Append | Tidy
Message = Commit | Append | Tidy | Known | Ask | Carried | Failed


def _made(kind: type[Any], value: Any) -> Any:
    return kind(value)


_encode = msgspec.msgpack.Encoder(enc_hook=str).encode
_decode = msgspec.msgpack.Decoder(Message, dec_hook=_made).decode


class Line:
    """A connection that carries messages, used by one thread at a time.

    Args:
        connection: a stream socket.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb")

    def send(self, message: Message) -> None:
        """Say something.

        Raises:
            OSError: the other side has gone, or takes too long.
        """
        data = _encode(message)
        self._connection.sendall(len(data).to_bytes(_HEAD, "little") + data)

    def receive(self) -> Message:
        """What the other side says next.

        Raises:
            EOFError: it has gone.
            OSError: it takes too long.
        """
        size = int.from_bytes(self._taken(_HEAD), "little")
        message: Message = _decode(self._taken(size))
        return message

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._connection.close()

    def _taken(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            raise EOFError
        return data


def sent(place: Place) -> Place:
    """A place as another process can take it."""
    return place._replace(segment=None)
