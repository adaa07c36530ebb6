"""The few Linux calls that the standard library of Python 3.8 does not offer."""

import contextlib
import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
PR_CAPBSET_DROP = 24
PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000

MS_NOSUID = 2
MS_NODEV = 4
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2

_ATTR_READ_ONLY, _ATTR_NOSUID, _ATTR_NODEV = 1, 2, 4
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_MOUNT_SETATTR = 442
_CAPABILITY_VERSION = 0x20080522


class _Capabilities(ctypes.Structure):
    _fields_ = [
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    ]


class _CapabilityHead(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _MountAttributes(ctypes.Structure):
    _fields_ = [
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns", ctypes.c_uint64),
    ]


def machine() -> str:
    """The processor, as ``x86_64`` or ``aarch64``; empty when this is not Linux."""
    return os.uname().machine if sys.platform.startswith("linux") else ""


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, what + ": " + os.strerror(number))
    return result


def syscall(what: str, number: int, *arguments: object) -> int:
    """Call the kernel by number.

    Args:
        what: the call's name, for the error.
        number: the call's number on this machine.
        arguments: ctypes values.

    Raises:
        OSError: the kernel refuses.
    """
    function = _library().syscall
    function.restype = ctypes.c_long
    return _checked(function(ctypes.c_long(number), *arguments), what)


def prctl(option: int, value: int, pointer: object = None) -> None:
    """Change an attribute of this process.

    Raises:
        OSError: the kernel refuses.
    """
    third = ctypes.c_ulong(0) if pointer is None else pointer
    zero = ctypes.c_ulong(0)
    _checked(_library().prctl(option, ctypes.c_ulong(value), third, zero, zero), "prctl %d" % option)


def unshare(flags: int) -> None:
    """Give this process namespaces of its own.

    Raises:
        OSError: the kernel refuses.
    """
    _checked(_library().unshare(flags), "unshare")


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """Mount a file system or bind a path.

    Raises:
        OSError: the kernel refuses; names the target.
    """
    result = _library().mount(
        source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode()
    )
    _checked(result, "mount " + target)


def unmount(target: str) -> None:
    """Take a mount away, also while it is in use.

    Raises:
        OSError: the kernel refuses.
    """
    _checked(_library().umount2(target.encode(), MNT_DETACH), "umount " + target)


def make_read_only(target: str, *, recursive: bool) -> None:
    """Make a mount read-only, without devices and set-uid programs, keeping its other attributes.

    Raises:
        OSError: the kernel refuses.
    """
    attributes = _MountAttributes(_ATTR_READ_ONLY | _ATTR_NOSUID | _ATTR_NODEV, 0, 0, 0)
    flags = _AT_RECURSIVE if recursive else 0
    syscall(
        "mount_setattr " + target,
        _MOUNT_SETATTR,
        ctypes.c_long(_AT_FDCWD),
        ctypes.c_char_p(target.encode()),
        ctypes.c_ulong(flags),
        ctypes.byref(attributes),
        ctypes.c_ulong(ctypes.sizeof(attributes)),
    )


def pivot_root(new: str, old: str) -> None:
    """Make ``new`` the root and put the old one at ``old``, a directory below it.

    Raises:
        OSError: the kernel refuses.
    """
    syscall(
        "pivot_root",
        _PIVOT_ROOT[machine()],
        ctypes.c_char_p(new.encode()),
        ctypes.c_char_p(old.encode()),
    )


def drop_capabilities() -> None:
    """Give up every capability, for good.

    Raises:
        OSError: the kernel refuses.
    """
    with contextlib.suppress(OSError):  # no more of them, or none to give up
        for capability in range(64):
            prctl(PR_CAPBSET_DROP, capability)
    head = _CapabilityHead(_CAPABILITY_VERSION, 0)
    none = (_Capabilities * 2)()
    _checked(_library().capset(ctypes.byref(head), ctypes.byref(none)), "capset")


def die_with_parent() -> None:
    """Be killed when the process that started this one ends; a change of user id undoes it."""
    prctl(PR_SET_PDEATHSIG, 9)
