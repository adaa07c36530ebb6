"""How much of the machine a worker may use: address space, descriptors, threads, files."""

import resource

THREADS = 256
"""Most threads of a worker that has a user id of its own."""


def limit(*, memory: int, files: int, file_bytes: int, own_user: bool) -> None:
    """Limit this process and all it starts, for good.

    Args:
        memory: bytes of address space.
        files: descriptors.
        file_bytes: bytes of one file.
        own_user: whether no other process has this user id; then threads are limited too (the system
            counts them by user; without it the address space limits them, 8 MiB each).

    Raises:
        ValueError: the system does not take a limit.
        OSError: likewise.
    """
    wanted = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_NOFILE: files,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_CORE: 0,
    }
    if own_user:
        wanted[resource.RLIMIT_NPROC] = THREADS
    for name, most in wanted.items():
        _, hard = resource.getrlimit(name)
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(name, (value, value))
