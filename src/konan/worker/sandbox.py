"""The order in which a worker is locked in, and how much of it the machine allowed.

===========  ======================================================================================
level        what holds
===========  ======================================================================================
full         a root of its own without network, a user id of its own, Landlock, seccomp, limits
restricted   Landlock, seccomp, limits; the layers say whether it also has a root of its own
limits       less than that; only when models may run unsafely
===========  ======================================================================================
"""

from typing import NamedTuple

from . import kernel, landlock, rlimits, seccomp

MINIMUM = ("landlock", "seccomp")


class Refused(Exception):
    """The machine cannot lock a model in as is asked."""


class Reach(NamedTuple):
    """What a worker may touch.

    Attributes:
        readable: files and directories to read and run.
        writable: directories to write.
        devices: device files to read and write.
    """

    readable: "list[str]"
    writable: "list[str]"
    devices: "list[str]"


class Limits(NamedTuple):
    """How much a worker may use, as in `rlimits.limit`."""

    memory: int
    files: int
    file_bytes: int


def level(layers: "list[str]") -> str:
    """The level that layers amount to.

    >>> level(["landlock", "seccomp", "limits"]), level(["limits"])
    ('restricted', 'limits')
    """
    if not set(MINIMUM) <= set(layers):
        return "limits"
    return "full" if {"root", "user"} <= set(layers) else "restricted"


def lock_in(reach: Reach, limits: Limits, layers: "list[str]", *, unsafe: bool) -> "list[str]":
    """Lock this process in, for good; the interpreter of the model may still be started.

    Args:
        reach: what it may touch.
        limits: how much it may use.
        layers: what holds already.
        unsafe: go on where a layer is not to be had.

    Returns:
        What holds now.

    Raises:
        Refused: a layer that is needed is not to be had.
        OSError: the kernel refuses a layer that it offers.
    """
    offered = {"landlock": landlock.version() > 0, "seccomp": seccomp.available()}
    missing = [layer for layer in MINIMUM if not offered[layer]]
    if missing and not unsafe:
        raise Refused(
            "This machine cannot lock models in: it has no %s. " % " and no ".join(missing)
            + "Start with --unsafe-models to run models without a sandbox."
        )
    reached = list(layers)
    try:
        rlimits.limit(
            memory=limits.memory,
            files=limits.files,
            file_bytes=limits.file_bytes,
            own_user="user" in layers,
        )
        reached.append("limits")
    except (ValueError, OSError):
        if not unsafe:
            raise
    if kernel.machine():
        kernel.drop_capabilities()
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        reached += ["capabilities", "no-new-privileges"]
    if offered["landlock"]:
        landlock.restrict(reach.readable, reach.writable, reach.devices)
        reached.append("landlock")
    if offered["seccomp"]:
        seccomp.install_worker_filter()
        reached.append("seccomp")
    return reached
