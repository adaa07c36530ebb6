"""A process that appends to a journal and says what was acknowledged: ``python -m`` with directory and mode.

It prints a line for each answer, in their order: ``ok`` and the number, or the error's code and the number.
Modes: ``durable``; ``buffered``, with a sync as often as can be; ``lazy``, buffered without any sync;
``mixed``, where only what was durable is told.
"""

import asyncio
import random
import sys
from collections.abc import Callable
from pathlib import Path

from tests.unit.journal.journaling import SEGMENT, entry

from konan.errors import KonanError
from konan.journal import writer as writing
from konan.journal.entry import encode
from konan.journal.writer import Writer

AT_ONCE = 5


def say(word: str, number: int) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{word} {number}\n")
    sys.stdout.flush()


def teller(number: int, *, told: bool) -> Callable[[KonanError | None], None]:
    """What hears of an append."""

    def done(error: KonanError | None) -> None:
        if error is not None:
            say(error.code, number)
        elif told:
            say("ok", number)

    return done


async def append(directory: Path, mode: str, first: int, most: int) -> None:
    """Append numbers from one on; for ever unless there is a most."""
    writing.SYNC_SECONDS = 3600 if mode == "lazy" else 0.001
    writer = Writer(directory, SEGMENT, asyncio.get_running_loop())
    dice = random.Random(first)
    number = first
    while not most or number < first + most:
        for _ in range(AT_ONCE):
            durable = mode == "durable" or (mode == "mixed" and dice.random() < 0.3)
            told = durable or mode != "mixed"
            payload = encode(entry(number, dice.randrange(400)))
            writer.append(payload, teller(number, told=told), durable=durable)
            number += 1
        await asyncio.sleep(0 if mode == "durable" else dice.random() * 0.002)
    await asyncio.sleep(0.05)
    writer.close()
    await asyncio.sleep(0)


if __name__ == "__main__":
    asyncio.run(append(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
