"""The gateway process: ``python -m konan.serving``, started by the supervisor with what it shall own.

Its working directory is `Paths.run`, so that control's socket has a short name.
"""

import argparse
import asyncio
import gc
import os
import resource
import signal
import socket
import sys

import uvloop

from konan import config, logs
from konan.channel import Channel
from konan.config import Settings
from konan.serving.gateway import Gateway

_OTHER_DESCRIPTORS = 256
_COLLECT_AFTER = 50_000
_SWITCH_SECONDS = 0.0005
"""The journal's thread, back from the disk, waits no longer than this for the event loop to let it go on."""


def main() -> None:
    """Serve until the supervisor says to drain, SIGTERM comes, or the supervisor has gone."""
    arguments = _arguments()
    with os.fdopen(arguments.settings_fd, "rb") as pipe:
        settings = config.from_json(pipe.read())
    logs.start(settings.log_level, f"gateway-{arguments.index}", form=settings.log_format)
    sys.setswitchinterval(_SWITCH_SECONDS)
    _raise_descriptor_limit(settings.connections + _OTHER_DESCRIPTORS)
    uvloop.run(_serve(arguments, settings))


async def _serve(arguments: argparse.Namespace, settings: Settings) -> None:
    channel = Channel(socket.socket(fileno=arguments.channel_fd))
    gateway = Gateway(arguments.index, settings, channel)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, gateway.drain)
    await gateway.start(socket.socket(fileno=arguments.listen_fd))
    # What exists now lives as long as the process: a full collection would look at all of it in vain.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 100)
    await gateway.serve()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m konan.serving")
    parser.add_argument("--index", type=int, required=True)
    for name in ("--listen-fd", "--channel-fd", "--settings-fd"):
        parser.add_argument(name, type=int, required=True)
    return parser.parse_args()


def _raise_descriptor_limit(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


if __name__ == "__main__":
    main()
