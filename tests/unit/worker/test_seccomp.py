import errno
import struct

import pytest

from konan.worker import seccomp
from konan.worker.syscalls import ARCHITECTURES, LAST

OWN = 4321
ALLOWED = 0
MACHINES = sorted(ARCHITECTURES)


def decided(machine: str, number: int, *arguments: int, architecture: int | None = None) -> int:
    """What the filter says of a call, by running its program: 0 or the error's number."""
    code = list(struct.iter_unpack("<HBBI", seccomp.program(machine, seccomp.DENIED, seccomp.checks(OWN))))
    padded = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<IIQ6Q", number, architecture or ARCHITECTURES[machine][0], 0, *padded)
    place = held = 0
    while True:
        operation, on_true, on_false, value = code[place]
        place += 1
        if operation == 0x20:
            (held,) = struct.unpack_from("<I", data, value)
        elif operation == 0x54:
            held &= value
        elif operation in (0x15, 0x25):
            place += on_true if (held == value if operation == 0x15 else held > value) else on_false
        else:
            return ALLOWED if value == 0x7FFF0000 else value & 0xFFFF


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("name", seccomp.DENIED)
def test_what_is_denied_is_refused(machine: str, name: str) -> None:
    number = ARCHITECTURES[machine][1].get(name)
    if number is not None:
        assert decided(machine, number) == errno.EPERM
    else:
        assert machine == "aarch64"  # which never had the old names


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("name", "arguments", "decision"),
    [
        ("clone", (0x10000 | 0x100,), ALLOWED),
        ("clone", (17,), errno.EPERM),
        ("clone3", (), errno.ENOSYS),
        ("kill", (OWN, 9), ALLOWED),
        ("kill", (1, 9), errno.EPERM),
        ("kill", (0, 9), errno.EPERM),
        ("kill", (2**64 - 1, 9), errno.EPERM),
        ("tgkill", (OWN, OWN, 6), ALLOWED),
        ("tgkill", (1, 1, 6), errno.EPERM),
        ("prlimit64", (0, 7), ALLOWED),
        ("prlimit64", (OWN, 7), ALLOWED),
        ("prlimit64", (1, 7), errno.EPERM),
        ("sendto", (3, 1000, 5, 0, 0), ALLOWED),
        ("sendto", (3, 1000, 5, 0, 0x7000_0000), errno.EPERM),
        ("sendto", (3, 1000, 5, 0, 1 << 40), errno.EPERM),
        ("socketpair", (1, 1 | 0o2000000), ALLOWED),
        ("socketpair", (1, 2), errno.EPERM),
        ("socketpair", (2, 1), errno.EPERM),
        ("utimensat", (5, 0), ALLOWED),
        ("utimensat", (5, 1 << 40), errno.EPERM),
        ("prctl", (1, 0), errno.EPERM),
        ("prctl", (15, 0), ALLOWED),
        ("fcntl", (3, 1), ALLOWED),
        ("fcntl", (3, 8), errno.EPERM),
        ("fcntl", (3, 10), errno.EPERM),
        ("fcntl", (3, 15), errno.EPERM),
        ("ioctl", (0, 0x5412), errno.EPERM),
        ("ioctl", (0, 0x8902), errno.EPERM),
        ("ioctl", (0, 0x5401), ALLOWED),
        ("execve", (), ALLOWED),
    ],
)
def test_what_is_allowed_in_part(machine: str, name: str, arguments: tuple[int, ...], decision: int) -> None:
    assert decided(machine, ARCHITECTURES[machine][1][name], *arguments) == decision


@pytest.mark.parametrize(("machine", "number"), [("x86_64", 0), ("x86_64", 1), ("aarch64", 63)])
def test_reading_and_writing_are_allowed(machine: str, number: int) -> None:
    assert decided(machine, number) == ALLOWED


def test_calls_of_another_architecture_are_refused() -> None:
    i386 = 0x40000003
    assert decided("x86_64", 3, architecture=i386) == errno.EPERM


@pytest.mark.parametrize("number", [LAST + 1, 1 << 30, 2**32 - 1])
def test_newer_calls_do_not_exist(number: int) -> None:
    assert decided("x86_64", number) == errno.ENOSYS
