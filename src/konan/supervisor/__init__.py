"""Starts, watches and restarts all processes of a server, and ends them in order.

It owns the listening socket and every long-lived process; it reads no request, no database and no model.
"""

from collections.abc import Callable

from konan.config import Settings
from konan.supervisor.detach import detached, down
from konan.supervisor.start import serve

__all__ = ["down", "run"]


def _say_nothing(_: str) -> None:
    pass


def run(settings: Settings, announce: Callable[[str], None] = _say_nothing, *, detach: bool = False) -> int:
    """Run a server, in the foreground until a signal ends it, or in the background.

    Args:
        settings: of the server.
        announce: called with the server's address, as ``http://127.0.0.1:8000``, once it serves.
        detach: whether to return then and leave it in the background.

    Returns:
        The exit code, 0.

    Raises:
        KonanError: it cannot start; see `konan.supervisor.start.serve`.
    """
    return detached(settings, announce) if detach else serve(settings, announce)
