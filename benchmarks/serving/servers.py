"""Start and stop each server of the benchmark on core 0; every server answers right before it is timed."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.serving.models import Trained

HERE = Path(__file__).parent
PEERS = HERE / ".env-peers"
PIN = ["taskset", "-c", "0"]
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Server:
    """A server that runs.

    Attributes:
        name: as it stands in the table.
        url: where a prediction is posted.
        pid: root of its process tree.
        headers: sent with each request.
        tensor: whether it takes MLflow's tensor form instead of a named row.
        cold_start_s: seconds from its start to its first right answer.
    """

    name: str
    url: str
    pid: int
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    tensor: bool = False
    cold_start_s: float = 0.0


def prepare_peers() -> None:
    """Make the peers' environment once."""
    if (PEERS / "bin" / "mlflow").exists():
        return
    uv = shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        raise RuntimeError("uv is not in this environment; run `make setup`")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(PEERS)], check=True)
    requirements = str(HERE / "peers" / "requirements.txt")
    python = str(PEERS / "bin" / "python")
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, "-r", requirements], check=True)


def post(url: str, body: str, headers: dict[str, str]) -> bytes:
    """One request; raises on any status but 200."""
    request = urllib.request.Request(url, body.encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        content: bytes = answer.read()
    return content


def free_port() -> int:
    """A TCP port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


Starter = Callable[[Trained, Path], AbstractContextManager[Server]]
"""Starts a server for a model, with a directory for its files."""


@contextmanager
def empty_uvicorn(_: Trained, directory: Path) -> Iterator[Server]:
    """The empty ASGI application on uvicorn with uvloop and httptools."""
    port = free_port()
    command = [str(PEERS / "bin" / "uvicorn"), "empty_app:app", "--port", str(port), "--no-access-log"]
    with _process([*command, "--app-dir", str(HERE / "peers")], directory, {}) as child:
        seconds = _until_answers(child, f"http://127.0.0.1:{port}/", "{}")
        yield Server("empty uvicorn", f"http://127.0.0.1:{port}/", child.pid, cold_start_s=seconds)


@contextmanager
def fastapi(model: Trained, directory: Path) -> Iterator[Server]:
    """The hand-written FastAPI service."""
    port = free_port()
    command = [str(PEERS / "bin" / "uvicorn"), "fastapi_app:app", "--port", str(port), "--no-access-log"]
    environment = {"MODEL": str(model.path)}
    with _process([*command, "--app-dir", str(HERE / "peers")], directory, environment) as child:
        url = f"http://127.0.0.1:{port}/predict"
        body = json.dumps({f"f{i}": v for i, v in enumerate(model.rows[0])})
        yield Server("FastAPI", url, child.pid, cold_start_s=_until_answers(child, url, body))


@contextmanager
def mlflow(model: Trained, directory: Path) -> Iterator[Server]:
    """``mlflow models serve`` with a tensor signature."""
    saved = directory / f"mlflow-{model.name}"
    python = str(PEERS / "bin" / "python")
    if not saved.exists():
        save = [python, str(HERE / "peers" / "save_mlflow.py"), str(model.path), str(saved)]
        subprocess.run(save, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    port = free_port()
    command = [python, "-m", "mlflow", "models", "serve", "-m", str(saved), "-p", str(port)]
    path = {"PATH": f"{PEERS / 'bin'}:{os.environ['PATH']}"}
    with _process([*command, "--env-manager", "local"], directory, path) as child:
        url = f"http://127.0.0.1:{port}/invocations"
        body = json.dumps({"inputs": [model.rows[0]]})
        seconds = _until_answers(child, url, body)
        answer = json.loads(post(url, body, {"Content-Type": "application/json"}))
        _same(answer["predictions"][0][1], model.expected[0])
        yield Server("mlflow models serve", url, child.pid, tensor=True, cold_start_s=seconds)


@contextmanager
def konan(
    model: Trained,
    directory: Path,
    name: str = "Konan",
    *,
    entry: Sequence[str] = (),
    deployed: Sequence[str] = (),
) -> Iterator[Server]:
    """Konan as a user starts it: every check on, the record on disk before the answer.

    Args:
        model: what it serves.
        directory: where it works.
        name: as it stands in the table.
        entry: what is run instead of the command ``konan`` to start the server.
        deployed: further arguments of ``konan deploy``.
    """
    place = f"{name.lower().replace(' ', '-')}-{model.name}"
    home = directory / f"home-{place}"
    port = free_port()
    environment = {"KONAN_HOME": str(home), "KONAN_DATA_DIR": str(directory / f"data-{place}")}
    executable = str(Path(sys.executable).parent / "konan")
    started = time.monotonic()
    with _process([*(entry or [executable]), "up", "--port", str(port)], directory, environment) as child:
        _until_ready(child, f"http://127.0.0.1:{port}/readyz")
        seconds = time.monotonic() - started
        files = [str(model.path), "--data", str(model.data), "--target", "target"]
        deploy = [executable, "deploy", model.name, *files, *deployed, "--json"]
        subprocess.run(deploy, check=True, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
        key = json.loads((home / "profile.json").read_text())["key"]
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
        url = f"http://127.0.0.1:{port}/v1/deployments/{model.name}/predict"
        body = json.dumps({f"f{i}": v for i, v in enumerate(model.rows[0])})
        answer = json.loads(post(url, body, headers))
        _same(answer["output"]["probabilities"]["1"], model.expected[0])
        yield Server(name, url, child.pid, headers, cold_start_s=seconds)


def _same(got: float, expected: float) -> None:
    if abs(got - expected) > 1e-12:
        raise RuntimeError(f"a server answered {got!r} where scikit-learn says {expected!r}")


@contextmanager
def _process(
    command: list[str], directory: Path, environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    env = {**os.environ, **ONE_THREAD, **environment}
    log = (directory / f"{Path(command[0]).name}.log").open("ab")
    child = subprocess.Popen([*PIN, *command], env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        log.close()


def _until_answers(child: subprocess.Popen[bytes], url: str, body: str) -> float:
    started = time.monotonic()
    while time.monotonic() - started < 90:
        try:
            post(url, body, {"Content-Type": "application/json"})
            return time.monotonic() - started
        except (urllib.error.URLError, ConnectionError):
            if child.poll() is not None:
                break
            time.sleep(0.05)
    raise RuntimeError(f"no answer from {url}")


def _until_ready(child: subprocess.Popen[bytes], url: str) -> None:
    started = time.monotonic()
    while time.monotonic() - started < 90:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:  # nobody listens yet, or nobody answers yet
            if child.poll() is not None:
                break
            time.sleep(0.05)
    raise RuntimeError(f"not ready: {url}")
