"""How much memory a process takes of what it may."""

import os
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


def address_space(pid: int) -> int:
    """Bytes of address space of a process; 0 when it has gone or the system does not tell (no /proc).

    It is this that a worker's limit counts, so this says how near an allocation is to failing.

    >>> address_space(os.getpid()) > 0 or not Path("/proc/self/statm").exists()
    True
    """
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * _PAGE
    except (OSError, IndexError):
        return 0
