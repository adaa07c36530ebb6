"""Sees to it that nothing that was answered by now is in a journal any more, or in bytes kept aside.

A gateway begins a new segment when it is asked; a journal whose gateway is no more is gone on with here for
a moment. What cannot be read any more goes too: nobody can tell whom it is about.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

from konan import clock
from konan.config import Paths
from konan.erasure import answers
from konan.errors import Conflict, KonanError, NotReady
from konan.journal import turning
from konan.journal.mark import read_mark
from konan.journal.recovery import ASIDE
from konan.journal.writer import Writer
from konan.serving.answered import ANSWERS

_PAUSE = 0.1
_PATIENCE = 60.0
_SEGMENT_BYTES = 64 * 1024


async def turn_over(paths: Paths, gateways: int) -> None:
    """Wait until every gateway's journal goes on in a segment that holds nothing of what was answered by now.

    Args:
        paths: of the server.
        gateways: how many gateways run.

    Raises:
        NotReady: a gateway did not do it in time; the message says which.
        KonanError: a journal cannot be written.
    """
    waiting = {directory: turning.newest(directory) for directory in _journals(paths)}
    for directory, number in waiting.items():
        if number and int(directory.name) >= gateways:
            await _turn_over(directory)
    until = clock.monotonic() + _PATIENCE
    for directory, number in waiting.items():
        if int(directory.name) < gateways:
            await _wait(paths, directory, number, until)


def aside(paths: Paths, shelved: set[Path]) -> list[Path]:
    """The files with bytes that nobody can read.

    Args:
        paths: of the server.
        shelved: files of the shelf that should be gone by now.
    """
    found = [*paths.journal.glob(f"*/{ASIDE}"), *paths.predictions.glob("*.damaged")]
    found += [paths.root / ANSWERS.replace(".db", ".broken"), *shelved]
    return [path for path in found if path.is_file()]


def shelf(paths: Paths) -> set[Path]:
    """The files of the shelf."""
    return set((paths.predictions / "shelf").glob("*.shelf"))


def _journals(paths: Paths) -> Iterator[Path]:
    return (path for path in sorted(paths.journal.iterdir()) if path.name.isdecimal())


async def _wait(paths: Paths, directory: Path, number: int, until: float) -> None:
    """Ask a gateway, and wait until its new segment is there and its answers are kept."""
    mark = read_mark(directory)
    acknowledged = mark.acknowledged if mark else 0
    turning.ask(directory)
    while turning.is_asked(directory) or not (
        turning.is_past(directory, number)
        and await asyncio.to_thread(answers.noted, paths.root / ANSWERS, int(directory.name)) >= acknowledged
    ):
        if clock.monotonic() > until:
            raise NotReady(f"Gateway {directory.name} has not begun a new segment of its journal.")
        await asyncio.sleep(_PAUSE)


async def _turn_over(directory: Path) -> None:
    """Go on for a moment with a journal that no gateway writes."""
    told: asyncio.Future[KonanError | None] = asyncio.get_running_loop().create_future()
    with contextlib.suppress(Conflict):  # a gateway writes it after all
        writer = await asyncio.to_thread(Writer, directory, _SEGMENT_BYTES, asyncio.get_running_loop())
        try:
            writer.turn_over(told.set_result)
            error = await told
        finally:
            await asyncio.to_thread(writer.close)
        if error is not None:
            raise error
