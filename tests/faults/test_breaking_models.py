"""Models that break themselves, fail to load, or hide an attack in a file: others go on beside them."""

import json
import math
import os
import pickle
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.zoo.keeper import Kept, bystander, kept, package, refusal, spec, well
from typing_extensions import override

from konan.worker import frames

VANDAL = {"loader": "python", "files": ["model.py"], "features": [["way", "string", "object"]]}
PROBE = {"loader": "python", "files": ["model.py"], "features": [["attack", "string", "object"]]}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    with bystander(tmp_path_factory.mktemp("good")) as worker:
        yield worker


@pytest.fixture(autouse=True)
def others_go_on(good: Kept) -> Iterator[None]:
    yield
    assert well(good)


@pytest.fixture(scope="module")
def vandals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package(tmp_path_factory.mktemp("vandals"), "vandals.py")


@pytest.fixture(scope="module")
def robust(vandals: Path) -> Iterator[Kept]:
    with kept(spec(vandals, model=VANDAL), vandals.parent / "log") as worker:
        yield worker


@pytest.mark.parametrize(
    ("way", "error"),
    [
        ("raises", "ValueError"),
        ("raises_unspeakable", "Unspeakable"),
        ("raises_much", "ValueError"),
        ("exits", "SystemExit"),
        ("interrupts", "KeyboardInterrupt"),
        ("recurses", "RecursionError"),
        ("takes_all_memory", "MemoryError"),
        ("answers_gigabyte", "MemoryError"),
        ("answers_megabytes", "OutputInvalid"),
        ("answers_object", "OutputInvalid"),
        ("answers_itself", "OutputInvalid"),
        ("answers_too_few", "OutputInvalid"),
        ("answers_no_list", "OutputInvalid"),
    ],
)
def test_what_a_model_raises_fails_its_call_only(robust: Kept, way: str, error: str) -> None:
    frame = robust.ask([[way]])
    assert frame.kind == frames.FAIL
    told = json.loads(frame.texts)
    assert told["type"] == error
    assert set(told) == {"type", "message", "traceback"}
    assert len(frame.texts) < 100_000
    assert robust.told([["well"]]) == [0]


def test_what_a_model_raises_is_in_its_log(robust: Kept, vandals: Path) -> None:
    robust.ask([["raises"]])
    assert "the model is not in the mood" in (vandals.parent / "log").read_text()


def test_nan_is_left_to_the_gateway(robust: Kept) -> None:
    [answer] = robust.told([["answers_nan"]])
    assert math.isnan(answer)


def test_a_model_may_break_its_own_output(vandals: Path) -> None:
    with kept(spec(vandals, model=VANDAL), vandals.parent / "log") as worker:
        assert worker.ask([["blinds_the_log"]]).kind == frames.FAIL
        assert worker.told([["well"]]) == [0]


@pytest.mark.parametrize(
    ("way", "status"),
    [("dies", 7), ("segfaults", -11), ("aborts", -6), ("kills_itself", -9), ("closes_everything", None)],
)
def test_a_model_that_dies_takes_its_own_call_only(vandals: Path, way: str, status: int | None) -> None:
    with kept(spec(vandals, model=VANDAL), vandals.parent / "log") as worker:
        with pytest.raises(EOFError):
            worker.ask([[way]])
        ended = worker.ended()
        assert ended == status or status is None


@pytest.mark.parametrize("way", ["loops", "sleeps"])
def test_a_model_that_hangs_can_be_killed(vandals: Path, way: str) -> None:
    with kept(spec(vandals, model=VANDAL), vandals.parent / "log") as worker:
        frames.write(worker.link, frames.Frame(frames.PREDICT, 1, b"", json.dumps([[way]]).encode()))
        worker.process.kill()
        assert worker.ended() == -9


@pytest.mark.parametrize(
    ("way", "error"),
    [
        ("raise", "ValueError"),
        ("exit", "SystemExit"),
        ("die", "WorkerDied"),
        ("hang", "StartTimeout"),
        ("hang_up", "WorkerDied"),
        ("lie", "WorkerDied"),
        ("babble", "WorkerDied"),
    ],
)
def test_a_model_that_fails_to_load_is_told(tmp_path: Path, way: str, error: str) -> None:
    canary = tmp_path / "canary"
    canary.mkdir()
    made = package(tmp_path, "sleeper.py", way=f"{way} {canary}".encode())
    failure = refusal(spec(made), tmp_path / "log", within=2 if way == "hang" else 60)
    assert failure["type"] == error, failure
    assert canary.is_dir()


class Payload:
    """Runs a statement when it is unpickled."""

    def __init__(self, statement: str) -> None:
        self.statement = statement

    @override
    def __reduce__(self) -> tuple[object, ...]:
        return exec, (self.statement,)


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("import os; os.system('touch {canary}') and exec('raise OSError(1)')", "OSError"),
        # with a root of its own it may find a place of that name there, which nobody else sees
        ("open({canary!r}, 'w')", "PermissionError|OSError|FileNotFoundError|Unloadable"),
        ("import subprocess; subprocess.Popen(['touch', {canary!r}])", "PermissionError|FileNotFoundError"),
        ("import socket; socket.create_connection(('127.0.0.1', 1))", "PermissionError"),
        ("open('/etc/shadow').read()", "PermissionError|FileNotFoundError"),
        ("import os; os._exit(0)", "WorkerDied"),
        ("import ctypes; ctypes.string_at(0)", "WorkerDied"),
        ("x = [bytearray(1 << 28) for _ in range(1000)]", "MemoryError"),
        ("pass", "Unloadable"),
    ],
)
def test_a_hostile_pickle_is_contained(tmp_path: Path, statement: str, error: str) -> None:
    canary = str(tmp_path / "canary")
    made = tmp_path / "package"
    made.mkdir()
    (made / "model.pkl").write_bytes(pickle.dumps(Payload(statement.format(canary=canary))))
    model = {"loader": "sklearn", "files": ["model.pkl"], "options": {"format": "pickle"}}
    failure = refusal(spec(made, model=model), tmp_path / "log")
    assert failure["type"] in error.split("|"), failure
    assert not Path(canary).exists()


def test_an_environment_that_replaces_the_interpreter_gets_no_further(tmp_path: Path) -> None:
    environment, canary = tmp_path / "environment", tmp_path / "canary"
    (environment / "bin").mkdir(parents=True)
    (environment / "lib").mkdir()
    (environment / "pyvenv.cfg").write_text(f"home = {environment}/bin\n")
    false = environment / "bin" / "python"
    false.write_text(f"#!{Path(sys.executable).resolve()}\nopen({str(canary)!r}, 'w')\n")
    false.chmod(0o755)
    made = package(tmp_path, "bystander.py")
    failure = refusal(spec(made, python=str(false)), tmp_path / "log")
    assert failure["type"] in ("FileNotFoundError", "PermissionError", "WorkerDied")
    assert not canary.exists()


def test_an_environment_runs_its_startup_files_inside_the_sandbox(tmp_path: Path) -> None:
    environment, canary = tmp_path / "environment", tmp_path / "canary"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = environment / "lib" / version / "site-packages"
    site.mkdir(parents=True)
    (environment / "bin").mkdir()
    (environment / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    (environment / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n")
    (site / "evil.pth").write_text("import evil\n")
    (site / "evil.py").write_text(
        f"import os, sys\nsys.startup = 'ran'\nos.system('touch {canary}')\nopen({str(canary)!r}, 'w')\n"
    )
    made = tmp_path / "package"
    made.mkdir()
    (made / "model.py").write_text(
        "import sys\nclass Model:\n    def predict(self, rows):\n        return [sys.startup for _ in rows]\n"
    )
    wanted = spec(made, python=str(environment / "bin" / "python"), model=PROBE)
    with kept(wanted, tmp_path / "log") as worker:
        assert worker.told([[""]]) == ["ran"]
    assert not canary.exists()


def test_a_hanging_model_dies_with_its_supervisor(vandals: Path) -> None:
    started = subprocess.run(
        [sys.executable, "-c", SUPERVISOR.format(package=str(vandals), log=str(vandals.parent / "log"))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == -signal.SIGKILL, started.stderr
    wait_until_gone(int(started.stdout))


SUPERVISOR = """
import asyncio, os, pathlib
from konan.worker import frames
from tests.faults.zoo.keeper import kept, spec
model = {{"loader": "python", "files": ["model.py"], "features": [["way", "string", "object"]]}}
with kept(spec(pathlib.Path({package!r}), model=model), pathlib.Path({log!r})) as worker:
    frames.write(worker.link, frames.Frame(frames.PREDICT, 1, b"", b'[["sleeps"]]'))
    print(worker.process.pid, flush=True)
    os.kill(os.getpid(), 9)
"""


def wait_until_gone(process: int) -> None:
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        return
    ended, _, _ = select.select([descriptor], [], [], 30)
    os.close(descriptor)
    assert ended
