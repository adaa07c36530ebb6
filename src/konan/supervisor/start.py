"""What ``konan up`` does: claim the data directory, prepare it, listen, run all processes, end in order."""

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
from collections.abc import Callable, Coroutine
from dataclasses import replace

import msgspec

from konan import clock, config, logs, profile
from konan.config import Settings
from konan.errors import KonanError, NotReady
from konan.profile import Profile
from konan.supervisor import children, listening, lock, logfiles
from konan.supervisor.report import Report
from konan.supervisor.tree import Tree

READY_TIMEOUT = 30.0
_PREPARE_TIMEOUT = 120.0

_log = logging.getLogger(__name__)


def serve(settings: Settings, announce: Callable[[str], None]) -> int:
    """Run everything until a signal ends it.

    Args:
        settings: of the server.
        announce: called with the server's address once it serves.

    Returns:
        The exit code, 0.

    Raises:
        Usage: the address is not a loopback one.
        NotAllowed: the data directory is not private, or the port is not this user's to take.
        Conflict: a server runs on the data directory, or something else on the port.
        NotReady: a process did not start.
    """
    paths = config.paths(settings)
    held = lock.claim(paths)
    with listening.bind(settings.host, settings.port) as listener:
        stream = os.fdopen(logfiles.open_append(paths.logs / "supervisor.log"), "w", buffering=1)
        logs.start(settings.log_level, "supervisor", stream)
        url = listening.origin(listener)
        profile.write(Profile(url=url, key=prepare(settings)))
        settings = replace(settings, gateways=gateways(settings))
        tree = Tree(settings, listener=listener, lock=held, gateways=settings.gateways)
        asyncio.run(_run(tree, url, announce))
    return 0


def prepare(settings: Settings) -> str:
    """Bring the database up to date in a short-lived child; returns the text of the local owner key.

    The profile's key is kept while it is valid. The database's library never enters this process.

    Raises:
        KonanError: the database cannot be used.
    """
    known = _known_key()
    with children.handed_over(settings) as handle:
        done = subprocess.run(
            [*children.command(["konan.wiring", "prepare"]), "--settings-fd", str(handle)],
            input=known.encode(),
            capture_output=True,
            pass_fds=(handle,),
            timeout=_PREPARE_TIMEOUT,
            check=False,
        )
    if not done.stdout:
        reason = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise KonanError("The database could not be prepared.", hint=reason)
    report = msgspec.json.decode(done.stdout, type=Report)
    if not report.key:
        raise report.error()
    return report.key


def gateways(settings: Settings) -> int:
    """How many gateways run: what the settings say, else one up to 4 cores, then a quarter of the cores."""
    if settings.gateways:
        return settings.gateways
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // 4)


def _known_key() -> str:
    try:
        known = profile.read()
    except KonanError:
        return ""
    return known.key if known else ""


async def _run(tree: Tree, url: str, announce: Callable[[str], None]) -> None:
    stopping = asyncio.Event()
    _on_signals(tree, stopping)
    try:
        if await _unless(stopping, _started(tree, url)):
            _log.info("serving", extra={"url": url})
            announce(url)
            await stopping.wait()
    finally:
        _log.info("stopping")
        await tree.stop()
        _log.info("stopped")


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
    await tree.start()
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
