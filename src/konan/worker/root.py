"""A root of its own for a worker: an empty file system with read-only views of what it needs.

The namespaces also take the network, the host's name and shared memory away. As root the worker gets
another user id too; otherwise a user namespace makes the same possible where the system allows it.
"""

import contextlib
import os

from . import kernel
from .interpreter import Needs

TEMPORARY = "/tmp"  # noqa: S108 - the worker's own, empty and limited
_OLD = "/.old"
_STAGE = TEMPORARY  # any directory: what is in it is still seen through the old root
_NAMESPACES = kernel.CLONE_NEWNS | kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS
_FIRST_USER = 0x70000000
"""Ids from here on belong to nobody: beyond those of people, containers and systemd's ranges."""


def enter() -> bool:
    """Take namespaces and an empty root with the old one at ``/.old``; false where that is refused.

    Nothing that matters has changed when it is refused.
    """
    user, group = os.getuid(), os.getgid()
    try:
        kernel.unshare(_NAMESPACES | (kernel.CLONE_NEWUSER if user else 0))
        if user:
            _write("/proc/self/setgroups", "deny")
            _write("/proc/self/uid_map", "%d %d 1" % (user, user))
            _write("/proc/self/gid_map", "%d %d 1" % (group, group))
        kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
        _mount_empty(_STAGE, "size=1m,mode=755")
    except (OSError, AttributeError):  # no such call outside Linux
        return False
    return _pivot()


def fill(needs: Needs, devices: "tuple[str, ...]", temporary_bytes: int) -> None:
    """Show what is needed in the new root, then let go of the old one.

    Args:
        needs: what to show, read-only.
        devices: device files to show.
        temporary_bytes: size of the only place that can be written.

    Raises:
        OSError: the kernel refuses.
    """
    os.mkdir(TEMPORARY)
    size = "size=%d,nr_inodes=4096,mode=755" % temporary_bytes
    _mount_empty(TEMPORARY, size)
    for path in needs.readable:
        _show(path)
        kernel.make_read_only(path, recursive=True)
    for path in devices:
        if os.path.exists(_OLD + path):
            _show(path)
    for name, target in needs.links:
        _link(name, target)
    kernel.unmount(_OLD)
    os.rmdir(_OLD)


def own_temporary(user: int, group: int) -> None:
    """Give the temporary directory to the worker's user and close the root for writing.

    Raises:
        OSError: the kernel refuses.
    """
    os.chown(TEMPORARY, user, group)
    os.chmod(TEMPORARY, 0o700)
    kernel.make_read_only("/", recursive=False)


def become(user: int) -> None:
    """Change to a user and group id that no other process has.

    Raises:
        OSError: the kernel refuses.
    """
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def free_user(process: int, id_map: str) -> int:
    """A user id for a process: one that no other living process is given.

    Args:
        process: id of the process.
        id_map: text of ``/proc/self/uid_map``; a container may have few ids.

    >>> free_user(7, "0 0 4294967295") - 0x70000000
    7
    >>> free_user(7, "0 100000 65536")
    61191
    """
    for line in id_map.splitlines():
        first, _, count = (int(word) for word in line.split())
        if first <= _FIRST_USER and _FIRST_USER + process < first + count:
            return _FIRST_USER + process
    return 61184 + process % 4000


def _pivot() -> bool:
    try:
        os.mkdir(_STAGE + _OLD)
        kernel.pivot_root(_STAGE, _STAGE + _OLD)
    except OSError:
        kernel.unmount(_STAGE)
        return False
    os.chdir("/")
    return True


def _mount_empty(path: str, options: str) -> None:
    kernel.mount("none", path, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, options)


def _show(path: str) -> None:
    if os.path.isdir(_OLD + path):
        os.makedirs(path, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "ab"):
            pass
    kernel.mount(_OLD + path, path, "", kernel.MS_BIND | kernel.MS_REC)


def _link(name: str, target: str) -> None:
    with contextlib.suppress(OSError):  # it is there already, as part of what is shown
        os.makedirs(os.path.dirname(name), exist_ok=True)
        os.symlink(target, name)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
