"""A server in the background: started by ``konan up --detach``, stopped by ``konan down``."""

import os
import signal
import subprocess
import time
from collections.abc import Callable

import msgspec

from konan import clock, config
from konan.config import Settings
from konan.errors import NotReady, Unreachable
from konan.supervisor import children, lock, logfiles
from konan.supervisor.report import Report
from konan.supervisor.tree import CONTROL_DRAIN

_PAUSE = 0.05
_SLACK = 10.0


def detached(settings: Settings, announce: Callable[[Report], None]) -> int:
    """Start a supervisor in the background; returns 0 once it serves.

    Args:
        settings: of the server.
        announce: told how it went once it serves.

    Raises:
        KonanError: of the class that kept it from starting.
    """
    paths = config.paths(settings)
    lock.make_private(paths)
    reader, writer = os.pipe()
    with lock.usable(paths):
        log = logfiles.open_append(paths.logs / "supervisor.log")
    with os.fdopen(reader, "rb") as said, children.handed_over(settings) as handle:
        subprocess.Popen(
            [*children.command(["konan.supervisor"]), str(handle), str(writer)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=paths.root,
            pass_fds=(handle, writer),
            start_new_session=True,
        )
        os.close(writer)
        os.close(log)
        text = said.read()
    if not text:
        raise NotReady("The server did not start.", hint=f"Look at {paths.logs / 'supervisor.log'}.")
    report = msgspec.json.decode(text, type=Report)
    if report.url:
        announce(report)
        return 0
    raise report.error()


def down(settings: Settings) -> None:
    """Stop the server of the data directory and wait until it has ended.

    Raises:
        Unreachable: none runs.
        NotReady: it did not end in time.
    """
    paths = config.paths(settings)
    pid = lock.holder(paths)
    if pid is None:
        raise Unreachable("No server runs on this data directory.")
    os.kill(pid, signal.SIGTERM)
    deadline = clock.monotonic() + settings.drain_timeout + CONTROL_DRAIN + _SLACK
    while lock.holder(paths) == pid:
        if clock.monotonic() > deadline:
            raise NotReady(f"The server (process {pid}) did not end in time.")
        time.sleep(_PAUSE)
