"""How urgent a process is: what goes on behind the scenes gives way to predictions."""

import contextlib
import os
from pathlib import Path

BACKGROUND = 15


def give_way(pid: int = 0, nice: int = BACKGROUND) -> None:
    """Have a process take only what the others leave of the processors.

    Linux shares processors out among sessions first, where it groups them by itself, and a process's nice
    value counts only inside its session. Hence this process gets a session of its own, and the session's
    value is set too.

    Args:
        pid: a process that leads its session, or 0 for this one.
        nice: 0 to 19; 15 gets about a thirtieth of a busy core.

    Raises:
        OSError: the process has gone, or is not ours.
    """
    if not pid:
        with contextlib.suppress(PermissionError):  # it leads its session or group already
            os.setsid()
    os.setpriority(os.PRIO_PROCESS, pid, nice)
    with contextlib.suppress(OSError):  # not on this system
        Path(f"/proc/{pid or 'self'}/autogroup").write_text(str(nice), encoding="ascii")
