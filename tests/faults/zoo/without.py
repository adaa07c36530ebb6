"""Runs a program on a system that lacks some system calls, as an older kernel or a container does.

``without.py unshare -- program argument…``
"""

import os
import sys

from konan.worker import kernel, seccomp, syscalls

_MORE = {"landlock_create_ruleset": 444}

if __name__ == "__main__":
    end = sys.argv.index("--")
    syscalls.ARCHITECTURES[kernel.machine()][1].update(_MORE)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    seccomp.install(tuple(sys.argv[1:end]), [])
    os.execv(sys.argv[end + 1], sys.argv[end + 1 :])
