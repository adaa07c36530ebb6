"""The seccomp filter: which system calls a worker may not make; each is refused with an error, none kills.

Landlock decides about files; this closes what it does not see: new programs and processes, sockets,
signals and limits of others, changes of mode and owner, tracing, mounting, and rarely used parts of the
kernel. System calls newer than this file do not exist for a worker.
"""

import ctypes
import errno
import os
import struct
from typing import NamedTuple

from . import kernel
from .syscalls import ARCHITECTURES, LAST

_LOAD, _AND, _EQUAL, _GREATER, _RETURN = 0x20, 0x54, 0x15, 0x25, 0x06
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_FILTER_MODE = 2
_ALL = 0xFFFFFFFF
_CLONE_THREAD = 0x10000


def _words(text: str) -> "tuple[str, ...]":
    return tuple(text.split())


EXEC = ("execve", "execveat")
"""Refused last, by the worker itself: the launcher must still start the model's interpreter."""

DENIED = _words(
    """
    fork vfork ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp
    pidfd_open pidfd_getfd pidfd_send_signal tkill rt_sigqueueinfo rt_tgsigqueueinfo
    socket connect bind listen accept accept4
    mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr
    msgget msgsnd msgrcv msgctl semget semop semtimedop semctl shmget shmat shmctl
    chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes futimesat truncate
    setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr
    inotify_init inotify_init1 fanotify_init fanotify_mark
    name_to_handle_at open_by_handle_at quotactl quotactl_fd ustat
    mount umount2 pivot_root chroot move_mount open_tree fsopen fsconfig fsmount fspick mount_setattr
    unshare setns personality bpf perf_event_open userfaultfd keyctl add_key request_key
    io_uring_setup io_uring_enter io_uring_register
    setpriority ioprio_set sched_setparam sched_setscheduler sched_setattr migrate_pages move_pages
    init_module finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff acct syslog
    iopl ioperm modify_ldt uselib vhangup lookup_dcookie nfsservctl sethostname setdomainname
    settimeofday clock_settime clock_adjtime adjtimex memfd_secret
    """
)


class Check(NamedTuple):
    """A system call that is allowed only with certain arguments.

    Attributes:
        call: its name.
        word: which 32-bit word of the arguments is looked at: twice the argument's place, plus one for
            its upper half.
        mask: the bits that matter.
        values: the values to compare with.
        allowed: whether these values alone are allowed, or these alone refused.
    """

    call: str
    word: int
    mask: int
    values: "tuple[int, ...]"
    allowed: bool


def checks(own: int) -> "list[Check]":
    """The calls that are allowed in part.

    Args:
        own: this process's id, to which alone it may send signals.
    """
    return [
        _only("sendto", 8, 0),  # only to the peer of a connected socket
        _only("sendto", 9, 0),
        _only("clone", 0, _CLONE_THREAD, mask=_CLONE_THREAD),  # threads, no processes
        _only("kill", 0, own),
        _only("tgkill", 0, own),
        _only("prlimit64", 0, 0, own),
        _only("sched_setaffinity", 0, 0, own),
        _only("socketpair", 0, 1),  # AF_UNIX
        _only("socketpair", 2, 1, mask=0xF),  # SOCK_STREAM: from others one can send to any address
        _only("utimensat", 2, 0),  # only of an open file
        _only("utimensat", 3, 0),
        _never("prctl", 0, kernel.PR_SET_PDEATHSIG),
        _never("fcntl", 2, 8, 10, 15),  # F_SETOWN, F_SETSIG, F_SETOWN_EX: signals to others
        _never("ioctl", 2, 0x5412, 0x541C, 0x8901, 0x8902),  # typing into a terminal, signals to others
    ]


def _only(call: str, word: int, *values: int, mask: int = _ALL) -> Check:
    return Check(call, word, mask, values, allowed=True)


def _never(call: str, word: int, *values: int) -> Check:
    return Check(call, word, _ALL, values, allowed=False)


def available() -> bool:
    """Whether this machine's system calls are known here; the kernel itself may still refuse."""
    return kernel.machine() in ARCHITECTURES


def install(denied: "tuple[str, ...]", partly: "list[Check]") -> None:
    """Refuse system calls from now on, for good. Needs no-new-privs.

    Args:
        denied: names of calls to refuse.
        partly: calls to allow in part.

    Raises:
        OSError: the kernel refuses.
    """
    code = program(kernel.machine(), denied, partly)
    held = ctypes.create_string_buffer(code, len(code))
    head = ctypes.create_string_buffer(struct.pack("HP", len(code) // 8, ctypes.addressof(held)))
    kernel.prctl(kernel.PR_SET_SECCOMP, _FILTER_MODE, ctypes.byref(head))


def install_worker_filter() -> None:
    """Refuse all that a worker never needs but starting the model's interpreter.

    Raises:
        OSError: the kernel refuses.
    """
    install(DENIED, checks(os.getpid()))


def program(machine: str, denied: "tuple[str, ...]", partly: "list[Check]") -> bytes:
    """The filter as classic BPF, 8 bytes an instruction.

    Args:
        machine: ``x86_64`` or ``aarch64``.
        denied: names of calls to refuse; those that the machine does not have are left out.
        partly: calls to allow in part.
    """
    audit, numbers = ARCHITECTURES[machine]
    code = [
        _code(_LOAD, _ARCHITECTURE_AT),
        _code(_EQUAL, audit, 1, 0),
        _code(_RETURN, _ERROR | errno.EPERM),
        _code(_LOAD, _NUMBER_AT),
        _code(_GREATER, LAST, 0, 1),  # also the x32 calls, whose numbers have bit 30 set
        _code(_RETURN, _ERROR | errno.ENOSYS),
        _code(_EQUAL, numbers["clone3"], 0, 1),  # C libraries fall back to clone, whose flags can be read
        _code(_RETURN, _ERROR | errno.ENOSYS),
    ]
    for check in partly:
        code += _checked(check, numbers[check.call])
    for name in denied:
        if name in numbers:
            code += [_code(_EQUAL, numbers[name], 0, 1), _code(_RETURN, _ERROR | errno.EPERM)]
    return b"".join([*code, _code(_RETURN, _ALLOW)])


def _checked(check: Check, number: int) -> "list[bytes]":
    count = len(check.values)
    test = [
        _code(_LOAD, _ARGUMENTS_AT + 4 * check.word),
        _code(_AND, check.mask),
    ]
    for place, value in enumerate(check.values):
        last = place == count - 1
        on_match = count - place - 1 if not check.allowed else count - place
        on_other = 0 if not last else (1 if not check.allowed else 0)
        test.append(_code(_EQUAL, value, on_match, on_other))
    test.append(_code(_RETURN, _ERROR | errno.EPERM))
    return [_code(_EQUAL, number, 0, len(test) + 1), *test, _code(_LOAD, _NUMBER_AT)]


def _code(operation: int, value: int, on_true: int = 0, on_false: int = 0) -> bytes:
    return struct.pack("<HBBI", operation, on_true, on_false, value)
