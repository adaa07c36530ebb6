"""What ``konan up`` does: claim the data directory, listen, run all processes, end in order."""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable, Coroutine
from dataclasses import replace

import msgspec

from konan import clock, config, logs
from konan.access import secret
from konan.config import Settings
from konan.errors import KonanError, NotReady
from konan.supervisor import listening, lock, logfiles
from konan.supervisor.reachable import Reachable
from konan.supervisor.report import Report
from konan.supervisor.tree import Tree

READY_TIMEOUT = 30.0

_log = logging.getLogger(__name__)


def serve(settings: Settings, announce: Callable[[Report], None]) -> int:
    """Run everything until a signal ends it.

    Args:
        settings: of the server.
        announce: told how it went once it serves.

    Returns:
        The exit code, 0.

    Raises:
        Usage: the address is not a loopback one.
        NotAllowed: the data directory is not private, or the port is not this user's to take.
        Conflict: a server runs on the data directory, or something else on the port, or the secret is lost.
        KonanError: a process did not start; of the class that kept control from it.
    """
    paths = config.paths(settings)
    held = lock.claim(paths)
    if secret.is_lost(paths.secret, paths.snapshot):
        raise secret.lost(paths.secret)
    with listening.bind(settings.host, settings.port) as listener:
        with lock.usable(paths):
            stream = os.fdopen(logfiles.open_append(paths.logs / "supervisor.log"), "w", buffering=1)
        logs.start(settings.log_level, "supervisor", stream, settings.log_format)
        place = Reachable(paths, listening.origin(listener))
        settings = replace(settings, gateways=gateways(settings))
        tree = Tree(settings, listener=listener, lock=held, place=place)
        asyncio.run(_run(tree, place, announce))
    return 0


def gateways(settings: Settings) -> int:
    """How many gateways run: what the settings say, else one up to 4 cores, then a quarter of the cores."""
    if settings.gateways:
        return settings.gateways
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // 4)


async def _run(tree: Tree, place: Reachable, announce: Callable[[Report], None]) -> None:
    stopping = asyncio.Event()
    _on_signals(tree, stopping)
    try:
        if await _unless(stopping, _started(tree, place.url)):
            _log.info("serving", extra={"url": place.url})
            announce(_report(place, tree.trouble))
            await stopping.wait()
    finally:
        _log.info("stopping")
        await tree.stop()
        _log.info("stopped")


def _report(place: Reachable, trouble: KonanError | None) -> Report:
    report = Report(url=place.url, profile=str(place.path), note=place.note)
    if trouble is None:
        return report
    return msgspec.structs.replace(report, code=trouble.code, message=trouble.message, hint=trouble.hint)


def _on_signals(tree: Tree, stopping: asyncio.Event) -> None:
    def on_signal() -> None:
        if stopping.is_set():
            tree.kill()
        stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, on_signal)


async def _unless(stopping: asyncio.Event, work: Coroutine[None, None, None]) -> bool:
    """Do some work; False when it was broken off because the server shall stop."""
    doing, waiting = asyncio.ensure_future(work), asyncio.ensure_future(stopping.wait())
    await asyncio.wait([doing, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if doing.done():
        doing.result()
        return True
    doing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await doing
    return False


async def _started(tree: Tree, url: str) -> None:
    await tree.start(clock.now())
    await _ready(url)
    await tree.control_settled()


async def _ready(url: str) -> None:
    deadline = clock.monotonic() + READY_TIMEOUT
    while not await _answers(url):
        if clock.monotonic() > deadline:
            raise NotReady("The server does not say that it is ready.")
        await asyncio.sleep(0.02)


async def _answers(url: str) -> bool:
    """Whether ``/readyz`` answers 200."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    request = f"GET /readyz HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    try:
        async with asyncio.timeout(5.0):
            reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            writer.write(request.encode())
            status = await reader.readline()
            writer.close()
    except (OSError, TimeoutError):
        return False
    return status.startswith(b"HTTP/1.1 200 ")
