"""Starts, watches and restarts all processes of a server, and ends them in order.

It owns the listening socket and every long-lived process; it reads no request, no database and no model.
"""

from collections.abc import Callable

from konan.config import Settings
from konan.supervisor.detach import detached, down
from konan.supervisor.report import Report
from konan.supervisor.start import serve

__all__ = ["Report", "down", "run"]


def _say_nothing(_: Report) -> None:
    pass


def run(
    settings: Settings, announce: Callable[[Report], None] = _say_nothing, *, detach: bool = False
) -> int:
    """Run a server, in the foreground until a signal ends it, or in the background.

    Args:
        settings: of the server.
        announce: told where it serves and what else is to be known, once it serves.
        detach: whether to return then and leave it in the background.

    Returns:
        The exit code, 0.

    Raises:
        KonanError: it cannot start; see `konan.supervisor.start.serve`.
    """
    return detached(settings, announce) if detach else serve(settings, announce)
