"""What the tests of the journal write."""

import asyncio
from pathlib import Path

from konan.errors import KonanError
from konan.journal.entry import Entry, encode
from konan.journal.segments import HEAD_BYTES
from konan.journal.window import Found, Window
from konan.journal.writer import Writer

SEGMENT = 64 * 1024


def entry(number: int, size: int = 20) -> Entry:
    return Entry(
        at_ns=number,
        project="default",
        deployment="01890000-0000-7000-8000-000000000000",
        version=1,
        role="live",
        key_id="k",
        request_id=f"r{number}",
        status=200,
        latency_us=12,
        ids=[f"p{number}"],
        single=True,
        body=b'{"x":%d}' % number + b" " * size,
        outputs=[b'{"value":1.5}'],
    )


def append(
    writer: Writer, *numbers: int, size: int = 20, durable: bool = True
) -> list[asyncio.Future[KonanError | None]]:
    futures = []
    for number in numbers:
        future: asyncio.Future[KonanError | None] = asyncio.get_running_loop().create_future()
        writer.append(encode(entry(number, size)), future.set_result, durable=durable)
        futures.append(future)
    return futures


async def ends(futures: list[asyncio.Future[KonanError | None]]) -> list[type[KonanError] | None]:
    """The error of each append, or None."""
    found = await asyncio.wait_for(asyncio.gather(*futures), 30)
    return [None if error is None else type(error) for error in found]


def write(directory: Path, *numbers: int, size: int = 20, at_once: int = 3, durable: bool = True) -> None:
    """A journal with these entries, written in groups."""

    async def scenario() -> None:
        writer = Writer(directory, SEGMENT, asyncio.get_running_loop())
        for start in range(0, len(numbers), at_once):
            found = await ends(append(writer, *numbers[start : start + at_once], size=size, durable=durable))
            assert found == [None] * len(found)
        writer.close()

    asyncio.run(scenario())


def found_in(path: Path) -> list[Found]:
    """The good records of a segment."""
    with Window(path, int(path.stem)) as window:
        return list(window.good(HEAD_BYTES, 0))
