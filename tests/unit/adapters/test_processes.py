"""Workers as real processes with a real model; `tests/faults` tries what goes wrong with hostile ones."""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from tests.faults.zoo.keeper import kept, kept_without, package, refusal, spec, started_without, why_not

from konan.adapters.processes import WorkerFailed, start_worker
from konan.worker import frames

ROWS = np.random.default_rng(0).normal(size=(50, 2))
FITTED = LogisticRegression().fit(ROWS, ROWS[:, 0] > 0)
MODEL = {
    "loader": "sklearn",
    "files": ["model.joblib"],
    "options": {"format": "joblib"},
    "features": [["a", "number", "float64"], ["b", "number", "float64"]],
    "output": {"kind": "classifier", "probabilities": True, "label": "argmax"},
    "input": "array",
}


@pytest.fixture
def fitted(tmp_path: Path) -> Path:
    made = tmp_path / "package"
    made.mkdir()
    joblib.dump(FITTED, made / "model.joblib")
    return made


def test_a_fitted_model_answers_from_its_sandbox_as_it_does_here(fitted: Path) -> None:
    wanted = spec(fitted, model=MODEL, memory=4 << 30)
    with kept(wanted, fitted.parent / "log") as worker:
        assert worker.ready["described"]["classes"] == [False, True]
        assert worker.ready["sandbox"]["level"] in ("full", "restricted")
        assert worker.ready["load_seconds"] > 0
        assert worker.ready["memory_bytes"] > 1 << 20
        frames.write(worker.link, frames.Frame(frames.PREDICT, 50, ROWS.tobytes(), b""))
        answer = frames.read(worker.link)
        assert answer is not None
        assert answer.numbers == FITTED.predict_proba(ROWS).tobytes()
        assert answer.nanoseconds > 0


def test_a_worker_ends_by_itself_when_its_channel_is_closed(tmp_path: Path) -> None:
    with kept(spec(package(tmp_path, "bystander.py")), tmp_path / "log") as worker:
        assert worker.process.returncode is None
        worker.process.close()
        assert worker.ended() == 0
        assert worker.process.returncode == 0


def test_several_may_wait_for_the_same_end(tmp_path: Path) -> None:
    async def both() -> list[int]:
        with (tmp_path / "log").open("ab") as log:
            worker = start_worker(spec(package(tmp_path, "bystander.py")), log=log.fileno())
        await worker.ready(60)
        waits = [asyncio.ensure_future(worker.wait()) for _ in range(2)]
        await asyncio.sleep(0)
        worker.kill()
        return list(await asyncio.gather(*waits))

    assert asyncio.run(both()) == [-9, -9]


def test_a_dead_worker_takes_no_links(tmp_path: Path) -> None:
    with kept(spec(package(tmp_path, "bystander.py")), tmp_path / "log") as worker:
        worker.process.kill()
        worker.ended()
        with pytest.raises(WorkerFailed, match="takes no links"):
            worker.process.add_link()


def test_what_a_model_prints_is_in_its_log(tmp_path: Path) -> None:
    made = package(tmp_path, "bystander.py")
    with (made / "model.py").open("a") as file:
        file.write("\nprint('good morning')\n")
    with kept(spec(made), tmp_path / "log"):
        assert "good morning" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("missing", ["package", "python", "file"])
def test_what_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    made, gone = package(tmp_path, "bystander.py"), str(tmp_path / "gone")
    model = {"loader": "python", "files": ["gone"], "features": []}
    wanted = {
        "package": spec(Path(gone)),
        "python": spec(made, python=gone),
        "file": spec(made, model=model),
    }
    failure = refusal(wanted[missing], tmp_path / "log")
    assert failure["type"] == "NotFound"
    assert "gone" in failure["message"]


@pytest.mark.root
def test_what_the_worker_s_user_cannot_read_is_named(tmp_path: Path) -> None:
    made = package(tmp_path, "bystander.py")
    (made / "model.py").chmod(0o600)
    failure = refusal(spec(made), tmp_path / "log")
    assert failure["type"] == "PermissionError"
    assert str(made / "model.py") in failure["message"]
    assert "umask 022" in failure["message"]


def test_a_system_without_landlock_is_refused(tmp_path: Path) -> None:
    process = started_without(
        ["landlock_create_ruleset"], spec(package(tmp_path, "bystander.py")), tmp_path / "log"
    )
    failure = why_not(process)
    assert failure["type"] == "Refused"
    assert "no landlock" in failure["message"]
    assert "--unsafe-models" in failure["message"]


def test_a_system_without_landlock_serves_when_told_that_this_is_unsafe(tmp_path: Path) -> None:
    wanted = spec(package(tmp_path, "bystander.py"))
    with kept_without(["landlock_create_ruleset"], wanted, tmp_path / "log", unsafe=True) as worker:
        assert worker.ready["sandbox"]["level"] == "limits"
        assert "landlock" not in worker.ready["sandbox"]["layers"]
        assert "seccomp" in worker.ready["sandbox"]["layers"]


def left_over() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("konan-worker-*"))


def test_nothing_is_left_in_the_temporary_directory(tmp_path: Path) -> None:
    before = left_over()
    wanted = spec(package(tmp_path, "bystander.py"))
    with kept_without(["unshare"], wanted, tmp_path / "log") as worker:
        assert worker.ready["sandbox"]["level"] == "restricted"
        made = left_over() - before
        assert made
    assert not made & left_over()


def test_the_worker_holds_no_descriptor_of_the_supervisor(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("")
    with secret.open() as file:
        os.set_inheritable(file.fileno(), True)
        with kept(spec(package(tmp_path, "bystander.py")), tmp_path / "log") as worker:
            held = Path(f"/proc/{worker.process.pid}/fd")
            assert str(secret) not in {str(entry.readlink()) for entry in held.iterdir()}


def test_the_interpreter_s_own_folder_is_not_shown_to_workers(tmp_path: Path) -> None:
    made = package(tmp_path, "bystander.py")
    (made / "model.py").write_text(
        "import os, sys\n"
        "class Model:\n"
        "    def predict(self, rows):\n"
        "        return [os.access(sys.base_prefix + '/include', os.F_OK) for _ in rows]\n"
    )
    model = {"loader": "python", "files": ["model.py"], "features": [["x", "string", "object"]]}
    with kept(spec(made, model=model), tmp_path / "log") as worker:
        if "root" in worker.ready["sandbox"]["layers"]:
            assert worker.told([["x"]]) == [False]
    assert Path(sys.base_prefix).is_dir()
