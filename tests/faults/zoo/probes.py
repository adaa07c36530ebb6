"""A model that tries to get out, one way a row, and answers how far it came.

A row names the way (``attack``) and what it is aimed at (``target``). The answer is the name of the error
that stopped it, or ``"through"`` and what it got.
"""

import ctypes
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable


def read(target: str) -> str:
    with open(target, "rb") as file:
        return file.read(100).decode("latin-1")


def list_directory(target: str) -> str:
    return ",".join(sorted(os.listdir(target)))


def write(target: str) -> str:
    with open(target, "w") as file:
        file.write("overwritten")
    return target


def append(target: str) -> str:
    descriptor = os.open(target, os.O_WRONLY | os.O_APPEND)
    return str(os.write(descriptor, b"appended"))


def create_beside(target: str) -> str:
    with open(os.path.join(os.path.dirname(target), "planted"), "x") as file:
        return file.name


def truncate(target: str) -> None:
    os.truncate(target, 0)


def remove(target: str) -> None:
    os.remove(target)


def rename(target: str) -> None:
    os.rename(target, target + ".moved")


def change_mode(target: str) -> None:
    os.chmod(target, 0o777)


def change_time(target: str) -> None:
    os.utime(target, (0, 0))


def through_symlink(target: str) -> str:
    name = os.path.join(tempfile.gettempdir(), "shortcut")
    os.symlink(target, name)
    try:
        return read(name)
    finally:
        os.remove(name)


def through_hardlink(target: str) -> str:
    name = os.path.join(tempfile.gettempdir(), "second-name")
    os.link(target, name)
    return read(name)


def write_temporary(target: str) -> str:
    with tempfile.TemporaryDirectory() as directory, open(os.path.join(directory, "mine"), "w+") as file:
        file.write(target)
        file.seek(0)
        return file.read()


def shell(target: str) -> str:
    status = os.system("touch " + target)
    if status:
        raise OSError("the shell ended with %d" % status)
    return target


def program(target: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", "print(1)"], check=True, capture_output=True, text=True
    ).stdout


def become_program(target: str) -> None:
    os.execv(sys.executable, [sys.executable, "-c", "open(%r, 'w')" % target])


def fork(target: str) -> str:
    child = os.fork()
    if not child:
        os._exit(0)
    return str(os.waitpid(child, 0))


def spawn(target: str) -> str:
    return str(os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {}))


def fork_bomb(target: str) -> str:
    born = 0
    for _ in range(1000):
        try:
            if not os.fork():
                signal.pause()
            born += 1
        except OSError:
            pass
    if not born:
        raise PermissionError("no child was born")
    return str(born)


def connect(target: str) -> str:
    with socket.create_connection(("127.0.0.1", int(target)), timeout=2) as link:
        return str(link.getpeername())


def datagram(target: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        return str(link.sendto(b"x", ("127.0.0.1", int(target))))


def listen(target: str) -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname())


def unix_socket(target: str) -> str:
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(target)
        return str(link.getpeername())


def datagram_pair(target: str) -> str:
    with socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0] as link:
        return str(link.sendto(b"x", target))


def stream_pair(target: str) -> str:
    left, right = socket.socketpair()
    with left, right:
        left.sendall(target.encode())
        return right.recv(100).decode()


def signal_process(target: str) -> None:
    os.kill(int(target), signal.SIGKILL)


def signal_group(target: str) -> None:
    os.killpg(os.getpgid(int(target)), signal.SIGKILL)


def signal_all(target: str) -> None:
    os.kill(-1, signal.SIGKILL)


def limit_process(target: str) -> None:
    resource.prlimit(int(target), resource.RLIMIT_NOFILE, (1, 1))


def lower_priority(target: str) -> None:
    os.setpriority(os.PRIO_PROCESS, int(target), 19)


def outlive(target: str) -> None:
    _library("prctl", 1, 0, 0, 0, 0)


def system_call(target: str) -> None:
    _library("syscall", int(target), 0, 0, 0, 0, 0, 0)


def become_root(target: str) -> None:
    os.setuid(0)
    os.chown(tempfile.gettempdir(), 12345, 12345)


def raise_limits(target: str) -> None:
    for limit in (resource.RLIMIT_AS, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE):
        resource.setrlimit(limit, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def environment(target: str) -> str:
    return ",".join(sorted(os.environ))


def whole_environment(target: str) -> str:
    return repr(dict(os.environ)) + repr(sys.argv)


def user(target: str) -> str:
    return "%d %s" % (os.getuid(), os.getgroups())


def threads(target: str) -> str:
    stop, started = threading.Event(), []
    try:
        for _ in range(int(target)):
            thread = threading.Thread(target=stop.wait, daemon=True)
            thread.start()
            started.append(thread)
    except (RuntimeError, MemoryError):
        pass
    finally:
        stop.set()
    for thread in started:
        thread.join()
    return str(len(started))


def descriptors(target: str) -> str:
    held = []
    try:
        for _ in range(int(target)):
            held.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass
    for descriptor in held:
        os.close(descriptor)
    return str(len(held))


def fill_disk(target: str) -> str:
    written, names = 0, []
    directory = tempfile.gettempdir()
    try:
        for number in range(int(target)):
            names.append(os.path.join(directory, "ballast%d" % number))
            with open(names[-1], "wb", buffering=0) as file:
                for _ in range(64):
                    written += file.write(b"x" * (1 << 20))
    except OSError:
        pass
    for name in names:
        os.remove(name)
    return str(written)


def large_file(target: str) -> str:
    name, written = os.path.join(tempfile.gettempdir(), "large"), 0
    try:
        with open(name, "wb", buffering=0) as file:
            while written < int(target):
                written += file.write(b"x" * (1 << 20))
    except OSError:
        pass
    os.remove(name)
    return str(written)


def _library(name: str, *arguments: int) -> None:
    function = getattr(ctypes.CDLL(None, use_errno=True), name)
    if function(*(ctypes.c_long(argument) for argument in arguments)) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Model:
    """Tries each row's attack."""

    def predict(self, rows: list[dict[str, str]]) -> list[list[str]]:
        """``[name of the error, its text]`` or ``["through", what it got]`` for each row."""
        return [self._try(row["attack"], row["target"]) for row in rows]

    def _try(self, attack: str, target: str) -> list[str]:
        run: Callable[[str], object] = globals()[attack]
        try:
            return ["through", str(run(target))]
        except Exception as error:
            return [type(error).__name__, str(error)]
