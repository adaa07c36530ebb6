"""Models that want out: each is contained, and others go on.

The same attacks run at every level that this machine and this user can reach: ``full`` (root), root in a
container that may make no namespaces, an unprivileged user with a root of its own, and one without
(Landlock, seccomp and limits alone).
"""

import errno
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.faults.zoo.keeper import (
    NOBODY,
    Kept,
    bystander,
    kept,
    kept_by_nobody,
    kept_without,
    open_to_all,
    own_root_is_possible,
    package,
    python_for_all,
    spec,
    well,
)

from konan.worker import seccomp, syscalls

TEXTS = [["attack", "string", "object"], ["target", "string", "object"]]
PROBE = {"loader": "python", "files": ["model.py"], "features": TEXTS}
SECRET = "the key store's secret"
ROOT = not os.geteuid()
LEVELS = [
    pytest.param("full", marks=pytest.mark.root),
    pytest.param("restricted, as root in a container", marks=pytest.mark.root),
    *(["restricted, own root"] if own_root_is_possible() else []),
    "restricted",
]


@dataclass
class Scene:
    """A captive, and what it must not reach.

    Attributes:
        level: the level that is tried.
        captive: the worker.
        outside: a directory of its user with a secret in ``keys``.
        port: a TCP port that listens.
    """

    level: str
    captive: Kept
    outside: Path
    port: int

    def tries(self, attack: str, target: object = "") -> list[str]:
        """What became of one attack: the error's name and text, or ``through`` and what it got."""
        [answer] = self.captive.told([[attack, str(target)]])
        return [str(part) for part in answer]


@pytest.fixture(scope="module", params=LEVELS)
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    level: str = request.param
    with open_to_all() as directory, socket.create_server(("127.0.0.1", 0)) as server:
        made = package(directory / "version", "probes.py")
        outside = directory / "data"
        outside.mkdir()
        (outside / "keys").write_text(SECRET)
        (outside / "keys").chmod(0o600)
        log = directory / "log"
        if level == "full":
            captive = kept(spec(made, model=PROBE), log)
        elif level == "restricted, as root in a container":
            captive = kept_without(["unshare"], spec(made, model=PROBE), log)
        else:
            (directory / "worker").rename(made.parent / "worker")
            if ROOT:
                os.chown(outside, NOBODY, NOBODY)
                os.chown(outside / "keys", NOBODY, NOBODY)
            captive = kept_by_nobody(
                spec(made, model=PROBE, python=python_for_all()), log, own_root=level != "restricted"
            )
        with captive as worker:
            yield Scene(level, worker, outside, server.getsockname()[1])


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with bystander(tmp_path_factory.mktemp("good")) as worker:
        yield worker


@pytest.fixture(autouse=True)
def others_go_on(good: Kept) -> Iterator[None]:
    yield
    assert well(good)


def test_the_level_is_told_as_it_is(scene: Scene) -> None:
    told = scene.captive.ready["sandbox"]
    assert told["level"] == scene.level.split(",")[0]
    assert ("root" in told["layers"]) == (scene.level in ("full", "restricted, own root"))
    assert ("user" in told["layers"]) == (scene.level == "full")
    assert {"landlock", "seccomp", "limits", "capabilities", "no-new-privileges"} <= set(told["layers"])


@pytest.mark.parametrize("target", ["/etc/passwd", "keys", "/proc/self/environ", "/proc/1/maps", "/root"])
def test_it_reads_nothing_outside(scene: Scene, target: str) -> None:
    how = "list_directory" if target == "/root" else "read"
    error, _ = scene.tries(how, scene.outside / target)
    assert error in ("PermissionError", "FileNotFoundError")


def test_it_reads_no_memory_of_its_parent(scene: Scene) -> None:
    error, _ = scene.tries("read", f"/proc/{os.getpid()}/mem")
    assert error in ("PermissionError", "FileNotFoundError")


def test_it_lists_nothing_outside(scene: Scene) -> None:
    error, _ = scene.tries("list_directory", scene.outside)
    assert error in ("PermissionError", "FileNotFoundError")


def test_it_reads_its_own_package(scene: Scene) -> None:
    own = Path(scene.outside.parent / "version" / "package")
    assert scene.tries("list_directory", own) == ["through", "model.py"]


@pytest.mark.parametrize(
    "attack",
    [
        *("write", "append", "create_beside", "truncate", "remove", "rename"),
        *("change_mode", "change_time", "through_symlink", "through_hardlink"),
    ],
)
def test_it_changes_nothing_outside(scene: Scene, attack: str) -> None:
    canary = scene.outside / "keys"
    before = canary.stat()
    error, got = scene.tries(attack, canary)
    assert error in ("PermissionError", "FileNotFoundError", "OSError"), got
    assert canary.read_text() == SECRET
    after = canary.stat()
    assert (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)
    assert [path.name for path in scene.outside.iterdir()] == ["keys"]


@pytest.mark.parametrize("attack", ["write", "remove", "change_mode", "create_beside"])
def test_it_changes_nothing_of_its_package(scene: Scene, attack: str) -> None:
    own = Path(scene.outside.parent / "version" / "package" / "model.py")
    before = own.read_bytes(), own.stat().st_mode
    error, _ = scene.tries(attack, own)
    assert error in ("PermissionError", "OSError")
    assert (own.read_bytes(), own.stat().st_mode) == before


def test_it_can_use_its_temporary_directory(scene: Scene) -> None:
    assert scene.tries("write_temporary", "note") == ["through", "note"]


@pytest.mark.parametrize("attack", ["shell", "program", "become_program", "fork", "spawn", "fork_bomb"])
def test_it_starts_no_process(scene: Scene, attack: str) -> None:
    error, got = scene.tries(attack, scene.outside / "planted")
    assert error in ("PermissionError", "OSError", "BlockingIOError", "FileNotFoundError"), got
    assert not (scene.outside / "planted").exists()


@pytest.mark.parametrize("attack", ["connect", "datagram", "listen"])
def test_it_has_no_network(scene: Scene, attack: str) -> None:
    assert scene.tries(attack, scene.port)[0] == "PermissionError"


@pytest.mark.parametrize("attack", ["unix_socket", "datagram_pair"])
def test_it_reaches_no_unix_socket(scene: Scene, attack: str) -> None:
    path = scene.outside.parent / "socket"
    kind = socket.SOCK_STREAM if attack == "unix_socket" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_UNIX, kind) as server:
        server.bind(str(path))
        path.chmod(0o777)
        assert scene.tries(attack, path)[0] == "PermissionError"
    path.unlink()


def test_it_may_talk_to_itself(scene: Scene) -> None:
    assert scene.tries("stream_pair", "hello") == ["through", "hello"]


@pytest.mark.parametrize(
    "attack", ["signal_process", "signal_group", "signal_all", "limit_process", "lower_priority"]
)
def test_it_touches_no_other_process(scene: Scene, good: Kept, attack: str) -> None:
    error, got = scene.tries(attack, good.process.pid)
    assert error in ("PermissionError", "ProcessLookupError"), got


@pytest.mark.parametrize("attack", ["outlive", "become_root", "raise_limits"])
def test_it_gets_no_more_rights(scene: Scene, attack: str) -> None:
    error, got = scene.tries(attack)
    assert error in ("PermissionError", "ValueError", "OSError"), got


def test_its_environment_holds_no_more_than_it_needs(scene: Scene) -> None:
    _, names = scene.tries("environment")
    allowed = {"HOME", "TMPDIR", "LANG", "USER", "LOGNAME", "LC_CTYPE"}
    assert {
        name
        for name in names.split(",")
        if name not in allowed and not name.endswith("_NUM_THREADS") and "MAX" not in name
    } == {"JOBLIB_MULTIPROCESSING"}


def test_only_the_full_level_changes_the_user(scene: Scene) -> None:
    _, told = scene.tries("user")
    number, groups = told.split(" ", 1)
    if scene.level == "full":
        assert int(number) >= 61184
    else:
        assert int(number) == (NOBODY if ROOT and "container" not in scene.level else os.getuid())
    assert groups == "[]" or not ROOT


@pytest.mark.parametrize("name", sorted({*seccomp.DENIED, *seccomp.EXEC}))
def test_a_denied_system_call_is_refused(scene: Scene, name: str) -> None:
    numbers = syscalls.ARCHITECTURES[os.uname().machine][1]
    if name in numbers:  # some machines never had some calls
        assert scene.tries("system_call", numbers[name])[0] == "PermissionError"


@pytest.mark.parametrize("number", [syscalls.LAST + 1, 1000, (1 << 30) | 39])
def test_a_system_call_that_is_not_known_does_not_exist(scene: Scene, number: int) -> None:
    assert scene.tries("system_call", number) == [
        "OSError",
        f"[Errno {errno.ENOSYS}] {os.strerror(errno.ENOSYS)}",
    ]


def test_a_million_threads_are_not_to_be_had(scene: Scene) -> None:
    _, started = scene.tries("threads", 1_000_000)
    assert 1 <= int(started) < 1000


def test_descriptors_are_limited(scene: Scene) -> None:
    _, opened = scene.tries("descriptors", 100_000)
    assert 1 <= int(opened) < 128


def test_files_are_limited(scene: Scene) -> None:
    _, written = scene.tries("large_file", 64 << 20)
    assert 0 < int(written) <= 8 << 20


def test_the_disk_is_not_filled(scene: Scene) -> None:
    if "root" in scene.captive.ready["sandbox"]["layers"]:
        _, written = scene.tries("fill_disk", 10)
        assert 0 < int(written) <= 8 << 20
    else:  # without a root of its own only single files are limited
        assert int(scene.tries("large_file", 16 << 20)[1]) <= 8 << 20
