"""What `konan doctor` looks at: every check tries the real thing, and says what to do where it fails."""

import asyncio
import os
import platform
import shutil
import socket
import stat
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from konan import config
from konan.access import secret
from konan.cli.command import Session
from konan.cli.shapes import Check
from konan.config import Paths, Settings
from konan.errors import KonanError, NotAllowed, Unauthenticated, Unreachable

State = Literal["ok", "warn", "fail"]

_SERVER = ("uvloop", "litestar", "uvicorn", "sqlalchemy", "numpy", "uv")
_INSTALL = "pip install 'konan-mlops[server]'"
_MODEL = "class Model:\n    def predict(self, rows):\n        return rows\n"
_FREE_FAIL, _FREE_WARN = 200 * 1024**2, 2 * 1024**3
_MEMORY_DISKS = frozenset({"tmpfs", "ramfs"})
_NETWORK_DISKS = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"})


def _check(name: str, state: State, detail: str, advice: str = "") -> Check:
    return Check(name=name, state=state, detail=detail, advice=advice)


def all_checks(session: Session, settings: Settings) -> list[Callable[[], Check]]:
    """Every check, in the order in which they are shown."""
    root = config.paths(settings).root
    return [
        python,
        packages,
        lambda: sandbox(unsafe=settings.unsafe_models),
        lambda: directory(root),
        lambda: space(root),
        lambda: disk(root),
        lambda: server_secret(config.paths(settings)),
        lambda: port(session, settings),
        lambda: server(session),
    ]


def python() -> Check:
    """The interpreter and its platform."""
    found = f"Python {platform.python_version()} on {platform.system()}"
    if platform.system() == "Linux":
        return _check("python", "ok", found)
    return _check(
        "python", "warn", found, "Linux is where models are locked in best; use this for development."
    )


def packages() -> Check:
    """The server's packages and uv, which builds environments."""
    missing = [name for name in _SERVER if find_spec(name) is None]
    if missing:
        lacking = ", ".join(missing)
        return _check("packages", "warn", f"only the client is installed; missing: {lacking}", _INSTALL)
    import uv

    try:
        return _check("packages", "ok", f"the server is installed; uv is {uv.find_uv_bin()}")
    except FileNotFoundError:
        return _check(
            "packages", "fail", "uv is installed without its program", "pip install --force-reinstall uv"
        )


def sandbox(*, unsafe: bool) -> Check:
    """The sandbox, by starting a worker in it with a model that answers nothing."""
    if find_spec("numpy") is None:
        return _check("sandbox", "warn", "not tried: the server is not installed", _INSTALL)
    with tempfile.TemporaryDirectory(prefix="konan-doctor-") as folder:
        (Path(folder) / "model.py").write_text(_MODEL)
        Path(folder).chmod(0o755)
        try:
            found = asyncio.run(_probe(Path(folder), unsafe=unsafe))
        except (OSError, KonanError) as error:
            return _check("sandbox", "fail", f"no worker can be started: {error}")
        except Exception as error:  # noqa: BLE001 - a failure to start is what is looked for
            advice = (
                "`konan up --unsafe-models` runs models without a sandbox; do that with your own models only."
            )
            return _check("sandbox", "fail", str(error), advice)
    return _level(*found)


def _level(level: str, layers: list[str]) -> Check:
    detail = f"level {level}: {', '.join(layers)}"
    if level == "full":
        return _check("sandbox", "ok", detail)
    if level == "restricted":
        return _check(
            "sandbox", "ok", detail, "Started as root, models also get a root and a user of their own."
        )
    return _check("sandbox", "warn", detail, "Models run almost unconfined here; run only your own.")


async def _probe(folder: Path, *, unsafe: bool) -> tuple[str, list[str]]:
    from konan.adapters.processes import start_worker
    from konan.records.routes import WorkerSpec

    spec = WorkerSpec(
        version_uuid="doctor",
        label="doctor",
        python=sys.executable,
        package=str(folder),
        model={"loader": "python", "files": ["model.py"], "options": {"class": "Model"}, "features": []},
        replicas=1,
        memory=2 * 1024**3,
        files=64,
        file_bytes=1024**2,
        threads=1,
        start_timeout=30.0,
        crashes=1,
    )
    log = os.open(os.devnull, os.O_WRONLY)
    try:
        worker = start_worker(spec, log=log, unsafe=unsafe)
        try:
            ready = await worker.ready(spec.start_timeout)
        finally:
            worker.kill()
            await worker.wait()
    finally:
        os.close(log)
    return ready["sandbox"]["level"], ready["sandbox"]["layers"]


def directory(root: Path) -> Check:
    """The data directory: this user's and nobody else's."""
    if not root.exists():
        return _check("data directory", "ok", f"{root} is not there yet; `konan up` makes it")
    found = root.stat()
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid != os.getuid():
        return _check("data directory", "fail", f"{root} belongs to user {found.st_uid}", "Use --data-dir.")
    if mode & 0o077:
        return _check("data directory", "fail", f"{root} has mode {mode:04o}", f"chmod 700 {root}")
    return _check("data directory", "ok", f"{root}, mode {mode:04o}")


def space(root: Path) -> Check:
    """Free space where the data directory is or will be."""
    free = shutil.disk_usage(_existing(root)).free
    detail = f"{free / 1024**3:.1f} GiB free"
    if free < _FREE_FAIL:
        return _check(
            "disk space", "fail", detail, "Make room: no prediction is answered that cannot be logged."
        )
    if free < _FREE_WARN:
        return _check("disk space", "warn", detail, "Environments of models take up to some GiB; make room.")
    return _check("disk space", "ok", detail)


def disk(root: Path) -> Check:
    """Whether what is written survives the machine, and how long a durable write takes."""
    place = _existing(root)
    kind = _filesystem(place)
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"konan")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return _check("disk", "fail", f"{place} cannot be written: {error.strerror}", "Use --data-dir.")
    if kind in _MEMORY_DISKS:
        advice = "Use --data-dir with a directory on a disk; this one is gone after a restart."
        return _check("disk", "warn", f"{place} is memory ({kind})", advice)
    if kind in _NETWORK_DISKS:
        return _check(
            "disk", "warn", f"{place} is on a network ({kind})", "Locks and syncs are safer on a local disk."
        )
    return _check("disk", "ok", f"{place} takes durable writes ({kind or 'kind unknown'})")


def server_secret(paths: Paths) -> Check:
    """Whether the secret is there under which columns are hashed."""
    if secret.is_lost(paths.secret, paths.snapshot):
        said = secret.lost(paths.secret)
        return _check("secret", "fail", said.message, said.hint)
    if not paths.secret.exists():
        return _check("secret", "ok", "it is not there yet; `konan up` makes it")
    mode = stat.S_IMODE(paths.secret.stat().st_mode)
    if mode & 0o077:
        return _check("secret", "fail", f"{paths.secret} has mode {mode:04o}", f"chmod 600 {paths.secret}")
    return _check("secret", "ok", "it is there, and its owner's alone")


def port(session: Session, settings: Settings) -> Check:
    """Whether the port is free, or taken by our own server."""
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except PermissionError:
            return _check("port", "fail", f"port {settings.port} needs privileges", "Use --port 8000.")
        except OSError as error:
            return _taken(session, settings, error)
    return _check("port", "ok", f"port {settings.port} of {settings.host} is free")


def _taken(session: Session, settings: Settings, error: OSError) -> Check:
    address = f"port {settings.port} of {settings.host}"
    try:
        with session.client() as client:
            ours = client.url.endswith(f":{settings.port}")
    except KonanError:
        ours = False
    if ours:
        return _check("port", "ok", f"{address} is the server's")
    return _check("port", "warn", f"{address} cannot be taken: {error.strerror}", "Use `konan up --port 0`.")


def server(session: Session) -> Check:
    """Whether the server that flag, environment or profile name answers, and takes the key."""
    try:
        with session.client() as client:
            system = client.system()
            return _check("server", "ok", f"{client.url} answers, version {system.version}; the key is valid")
    except Unauthenticated as error:
        return _check(
            "server", "fail", f"it answers, but not to this key: {error.message}", "Use `konan login`."
        )
    except NotAllowed:
        return _check("server", "ok", "it answers; the key is valid, but may not read the server's state")
    except Unreachable as error:
        return _check("server", "warn", error.message, error.hint)
    except KonanError as error:
        return _check("server", "fail", error.message, error.hint)


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def _filesystem(path: Path) -> str:
    """The kind of the file system that holds a path, as the kernel names it; empty where it does not say."""
    mounts = Path("/proc/self/mounts")
    if not mounts.exists():
        return ""
    best, kind = "", ""
    for line in mounts.read_text().splitlines():
        _, place, found, *_ = line.split(" ")
        place = place.encode().decode("unicode_escape")
        if path.is_relative_to(place) and len(place) >= len(best):
            best, kind = place, found
    return kind
