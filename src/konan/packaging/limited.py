"""What a helper process begins with: it takes on its limits, then becomes the program.

It runs as a script without any package path, so it uses the standard library only. Arguments: bytes of
address space, seconds of processor time (0 is no limit), then the program with its arguments.
"""

import ctypes
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1


def become(memory: int, processor: int, command: list[str]) -> None:
    """Become the program, which then dies with its parent and makes files that other users may read.

    The directory around them is private; what workers under another user id may read is bound for them.

    Args:
        memory: most bytes of address space; 0 does not limit it.
        processor: most seconds of processor time; 0 does not limit it.
        command: absolute path of the program and its arguments.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.umask(0o022)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for kind, limit in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, processor)):
        if limit:
            resource.setrlimit(kind, (limit, limit))
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    become(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
