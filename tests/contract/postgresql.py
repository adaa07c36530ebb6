"""A real PostgreSQL for the contract suites: its own cluster, on a unix socket in a temporary directory.

The binaries are those that the system has (Debian puts them below ``/usr/lib/postgresql``). Where there
are none the suites fail and say so; nothing is skipped.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_USER = "konan"


@contextmanager
def cluster() -> Iterator[str]:
    """Run a cluster; gives the directory of its socket."""
    binaries = _binaries()
    account = _account()
    # Short, because the path of a unix socket may have 107 bytes; and readable for the other account.
    with tempfile.TemporaryDirectory(prefix="kn-pg-", ignore_cleanup_errors=True) as text:
        directory = Path(text)
        if account:
            os.chown(directory, account.pw_uid, account.pw_gid)
        data = directory / "data"
        _run(
            account,
            binaries / "initdb",
            "-D",
            data,
            "-U",
            _USER,
            "-A",
            "trust",
            "-N",
            "--no-locale",
            "-E",
            "UTF8",
        )
        options = f"-k {directory} -c listen_addresses='' -c fsync=off -c max_connections=50"
        control = binaries / "pg_ctl"
        log = directory / "log"
        _run(account, control, "start", "-D", data, "-w", "-t", "60", "-l", log, "-o", options)
        try:
            yield text
        finally:
            _run(account, control, "stop", "-D", data, "-m", "immediate", "-w")


def url(socket: str, database: str) -> str:
    """The URL of a database of the cluster."""
    return f"postgresql://{_USER}@/{database}?host={socket}"


def create_database(socket: str, name: str) -> str:
    """Make an empty database, sorted as people do, not by bytes; gives its URL."""
    command = f"CREATE DATABASE {name} TEMPLATE template0 LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'"
    psql = _binaries() / "psql"
    subprocess.run(
        [psql, "-q", "-h", socket, "-U", _USER, "-d", "postgres", "-c", command], check=True, timeout=60
    )
    return url(socket, name)


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        missing = (
            "The store is tested on a real PostgreSQL, and there is none here. "
            "Install it (Debian: apt-get install postgresql; macOS: brew install postgresql)."
        )
        if os.environ.get("CI"):  # where everything is installed, it may not go untested
            raise RuntimeError(missing)
        pytest.skip(missing)
    return found[-1].parent if found else Path(str(on_path)).parent


def _account() -> "pwd.struct_passwd | None":
    """Somebody else to run as, because PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("PostgreSQL does not run as root, and there is no account postgres or nobody.")


def _run(account: "pwd.struct_passwd | None", *words: object) -> None:
    done = subprocess.run(
        [str(word) for word in words],
        check=False,
        timeout=120,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if "start" not in words else subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=() if account else None,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{words[0]} failed: {(done.stdout or b'').decode(errors='replace')}")
