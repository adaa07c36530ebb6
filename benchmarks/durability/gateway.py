"""A gateway like Konan's that makes no record of a prediction, and answers at once."""

import asyncio
from pathlib import Path

from konan.journal.entry import Entry
from konan.journal.writer import Done
from konan.serving import __main__ as program
from konan.serving import gateway, predict


class Nothing:
    """Takes the place of `konan.journal.writer.Writer`; says of everything that it is done, and does nothing.

    Args:
        directory: made, as the gateway looks into it.
    """

    broken = False
    records = groups = answered = 0

    def __init__(self, directory: Path, _: int, __: asyncio.AbstractEventLoop) -> None:
        self.bytes = 0
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def append(self, _: bytes, done: Done, *, durable: bool = True) -> None:
        """Answer at once."""
        del durable
        done(None)

    def turn_over(self, done: Done) -> None:
        """Answer at once."""
        done(None)

    def close(self) -> None:
        """There is nothing to close."""


def nothing(_: Entry) -> bytes:
    """Takes the place of `konan.journal.entry.encode`: what nobody keeps need not be encoded."""
    return b""


if __name__ == "__main__":
    vars(gateway)["Writer"] = Nothing  # that is what this program is for
    vars(predict)["encode"] = nothing
    program.main()
