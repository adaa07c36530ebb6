"""Starts a gateway or control as a child that dies with the supervisor, with a channel to it."""

import asyncio
import contextlib
import ctypes
import functools
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from konan import clock, config
from konan.channel import Channel
from konan.config import Settings
from konan.records.messages import AnyMessage, Drain
from konan.supervisor import logfiles

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Child:
    """A gateway or control while it runs.

    Attributes:
        process: the process; its exit is awaited by who started it.
        ready: set once it says that it serves.
    """

    def __init__(self, process: asyncio.subprocess.Process, channel: Channel) -> None:
        self.process = process
        self.ready = asyncio.Event()
        self._channel = channel
        self._since: float | None = None

    def serves(self) -> None:
        """Note that it serves from now on."""
        self._since = clock.monotonic()
        self.ready.set()

    @property
    def served(self) -> float:
        """Seconds since it said that it serves; 0 if it never did."""
        return 0.0 if self._since is None else clock.monotonic() - self._since

    def send(self, message: AnyMessage, fds: Sequence[int] = ()) -> None:
        """Send it a message; dropped if it has gone."""
        self._channel.send(message, fds)

    async def receive(self) -> tuple[AnyMessage, list[int]] | None:
        """What it says next; None when it has gone."""
        return await self._channel.receive()

    def close(self) -> None:
        """Give up the channel."""
        self._channel.close()

    def kill(self) -> None:
        """End it at once."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    async def drain(self, seconds: float) -> None:
        """Let it finish what it does, then end; it is killed when it takes longer than that many seconds."""
        self.send(Drain(seconds=seconds))
        try:
            async with asyncio.timeout(seconds + 1.0):
                await self.process.wait()
        except TimeoutError:
            self.kill()
            await self.process.wait()


async def start(
    arguments: Sequence[str], *, settings: Settings, log: Path, inherit: Sequence[int] = ()
) -> Child:
    """Start ``python -m`` with arguments, a channel and the settings, in the run directory.

    Args:
        arguments: the module and its own arguments.
        settings: handed over through a descriptor, for they may hold a password.
        log: file for its standard output and error.
        inherit: further descriptors that it gets under the same numbers.
    """
    ours, theirs = socket.socketpair()
    with theirs, handed_over(settings) as settings_fd, _log(log) as log_fd:
        process = await asyncio.create_subprocess_exec(
            *command(arguments),
            *("--settings-fd", str(settings_fd), "--channel-fd", str(theirs.fileno())),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log_fd,
            stderr=log_fd,
            cwd=config.paths(settings).run,
            pass_fds=(settings_fd, theirs.fileno(), *inherit),
            start_new_session=True,  # a Ctrl-C on the terminal is for the supervisor alone
            preexec_fn=functools.partial(die_with, os.getpid()),
        )
    return Child(process, Channel(ours))


def command(arguments: Sequence[str]) -> list[str]:
    """The command line of a module of ours; nothing is imported from the working directory."""
    return [sys.executable, "-P", "-m", *arguments]


@contextlib.contextmanager
def handed_over(settings: Settings) -> Iterator[int]:
    """A descriptor from which a child reads the settings."""
    reader, writer = os.pipe()
    try:
        with os.fdopen(writer, "wb") as file:
            file.write(config.to_json(settings))
        yield reader
    finally:
        os.close(reader)


@contextlib.contextmanager
def _log(path: Path) -> Iterator[int]:
    handle = logfiles.open_append(path)
    try:
        yield handle
    finally:
        os.close(handle)


def die_with(supervisor: int) -> None:
    """Called in a new child: the kernel kills it when the supervisor ends, however that ends (Linux).

    Args:
        supervisor: process id of the one that started it.
    """
    if hasattr(_libc, "prctl"):
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:  # it ended before the kernel was told
        os._exit(1)
