"""Landlock: which files this process, and all it starts, may still open (kernel >= 5.13).

A right that is handled and not granted is refused, so everything that the kernel knows is handled:
files, TCP, signals and abstract sockets to processes outside.
"""

import ctypes
import os

from . import kernel

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same numbers on every machine
_VERSION = 1  # flag: ask for the version
_PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL_DEV, _REFER = 1 << 14, 1 << 15, 1 << 13
_OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | _TRUNCATE | _IOCTL_DEV
_MAKE_CHAR, _MAKE_BLOCK = 1 << 6, 1 << 11
_FIRST_FS = (1 << 13) - 1
_NET = 0b11
_SCOPES = 0b11

READ = EXECUTE | READ_FILE | READ_DIR


class _Ruleset(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _PathBeneath(ctypes.Structure):
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def version() -> int:
    """Version of Landlock that the kernel offers; 0 is none."""
    if not kernel.machine():
        return 0
    try:
        return kernel.syscall(
            "landlock_create_ruleset", _CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION)
        )
    except OSError:
        return 0


def handled_rights(offered: int) -> int:
    """Every right on files that a version of Landlock can refuse, as bits.

    >>> handled_rights(1) == (1 << 13) - 1
    True
    """
    rights = _FIRST_FS
    rights |= _REFER if offered >= 2 else 0
    rights |= _TRUNCATE if offered >= 3 else 0
    rights |= _IOCTL_DEV if offered >= 5 else 0
    return rights


def restrict(readable: "list[str]", writable: "list[str]", devices: "list[str]") -> None:
    """Refuse every file but these, for good. Needs no-new-privs.

    Args:
        readable: files and directories to read and run; those that do not exist are left out.
        writable: directories to do anything in but run programs and make devices.
        devices: device files to read and write.

    Raises:
        OSError: the kernel refuses, or has no Landlock.
    """
    offered = version()
    handled = handled_rights(offered)
    attributes = _Ruleset(handled, _NET if offered >= 4 else 0, _SCOPES if offered >= 6 else 0)
    size = 24 if offered >= 6 else 16 if offered >= 4 else 8
    ruleset = kernel.syscall(
        "landlock_create_ruleset",
        _CREATE,
        ctypes.byref(attributes),
        ctypes.c_size_t(size),
        ctypes.c_uint32(0),
    )
    try:
        anything = handled & ~(EXECUTE | _MAKE_CHAR | _MAKE_BLOCK | _IOCTL_DEV)
        for paths, rights in (
            (readable, READ),
            (writable, anything),
            (devices, READ_FILE | WRITE_FILE),
        ):
            for path in paths:
                _allow(ruleset, path, rights & handled)
        kernel.syscall("landlock_restrict_self", _RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not os.path.isdir(path):
            rights &= _OF_FILES
        rule = _PathBeneath(rights, parent)
        kernel.syscall(
            "landlock_add_rule",
            _ADD,
            ctypes.c_int(ruleset),
            ctypes.c_int(_PATH_BENEATH),
            ctypes.byref(rule),
            ctypes.c_uint32(0),
        )
    finally:
        os.close(parent)
