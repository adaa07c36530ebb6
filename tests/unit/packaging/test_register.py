"""Registration from the archive to a version that is ready to run, with everything real."""

import asyncio
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from konan.adapters.disk import DiskBlobs
from konan.adapters.processes import WorkerFailed, start_worker
from konan.adapters.sql.store import SqlStore, open_store, sqlite_url
from konan.config import Paths, Settings
from konan.errors import Conflict, Invalid, KonanError, NotAllowed, NotFound
from konan.packaging import archive
from konan.packaging.golden import frame, outputs
from konan.packaging.pack import pack
from konan.packaging.register import Registrar
from konan.records.access import Principal
from konan.records.deployments import Version
from konan.records.routes import WorkerSpec
from konan.records.upload import MANIFEST_NAME, UploadManifest
from konan.worker import frames

SUM = "class Model:\n    def predict(self, rows):\n        return [row['a'] + row['b'] for row in rows]\n"
SLOW = "import time\nprint('loading', flush=True)\ntime.sleep(2)\n" + SUM
DATA = "a,b,y,who\n" + "".join(f"{number},{number / 2},{number},p{number}\n" for number in range(300))
OWNER = Principal(
    project="default", key_id="owner", scopes=frozenset({"deploy", "model:upload-code", "predict", "read"})
)


class Server:
    """A registrar on real adapters in a directory."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self.paths = Paths(root)
        self.paths.make()
        self.store: SqlStore = open_store(sqlite_url(self.paths.database))
        self.store.ensure_project("default", "2026-01-01T00:00:00Z")
        self.blobs = DiskBlobs(self.paths.blobs)
        self.settings = Settings(data_dir=str(root), **settings)
        self.warmed: list[WorkerSpec] = []
        self.registrar = Registrar(self.store, self.blobs, self.paths, self.settings, start_worker)

    def build(self, version: Version) -> Version:
        return asyncio.run(self.registrar.build(OWNER, version, self.warm))

    async def warm(self, spec: WorkerSpec) -> None:
        self.warmed.append(spec)

    def kept(self) -> int:
        return sum(path.is_file() for path in self.paths.blobs.rglob("*"))

    def left_over(self) -> list[str]:
        return [path.name for path in (*self.paths.uploads.iterdir(), *self.paths.packages.iterdir())]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("UV_OFFLINE", "1")
    made = Server(tmp_path / "server")
    yield made
    made.store.close()


def packed(tmp_path: Path, source: str = SUM, **said: Any) -> Path:
    folder = tmp_path / "client"
    folder.mkdir(exist_ok=True)
    (folder / "model.py").write_text(source)
    if "data" not in said:
        (folder / "rows.csv").write_text(DATA)
        said = {"data": folder / "rows.csv", "target": "y", "key": "who", **said}
    out = folder / "upload.zip"
    out.unlink(missing_ok=True)
    return pack(folder / "model.py", out, **said)


def written(tmp_path: Path, **changes: Any) -> Path:
    """An archive with a manifest that a client of ours would not write."""
    manifest = UploadManifest(flavor="python", model=("model/model.py",), options={"class": "Model"})
    out = tmp_path / "written.zip"
    members: dict[str, Path | bytes] = {"model/model.py": SUM.encode()}
    members |= changes.pop("members", {})
    archive.write(out, msgspec.structs.replace(manifest, **changes), members)
    return out


def answer(version: Version, registrar: Registrar, row: tuple[float, ...]) -> Any:
    """What a worker of the version answers for one row."""
    spec = registrar.worker_spec(version)
    assert version.schema is not None

    async def scenario() -> frames.Frame | None:
        worker = start_worker(spec, log=2)
        try:
            await worker.ready(60)
            with worker.add_link() as link:
                assert version.schema is not None
                await asyncio.to_thread(frames.write, link, frame(version.schema.features, [row]))
                return await asyncio.to_thread(frames.read, link)
        finally:
            worker.kill()
            await worker.wait()

    found = asyncio.run(scenario())
    assert found is not None
    return outputs(found, version.schema.output)


def test_an_archive_becomes_a_version_that_workers_can_start_from(server: Server, tmp_path: Path) -> None:
    taken = server.registrar.accept(OWNER, "sums", packed(tmp_path))
    assert (taken.version, taken.state, taken.step, taken.flavor) == (1, "building", "package", "python")
    assert taken.provenance["key_id"] == "owner"
    version = server.build(taken)
    assert version == server.store.version(OWNER, "sums", 1)
    assert (version.state, version.step, version.failure) == ("building", "start", None)
    assert version.schema is not None
    assert [(one.name, one.type) for one in version.schema.features] == [("a", "integer"), ("b", "number")]
    assert version.schema.extra == ("who",)
    assert version.certificate is not None
    assert version.certificate.golden_rows == 300
    assert version.certificate.sandbox["level"]
    assert version.certificate.memory_bytes > 0
    assert [(one.role, one.rows, one.columns) for one in version.datasets] == [
        ("data", 300, ("a", "b", "y", "who"))
    ]
    assert {"MLmodel", "konan.json", "model/model.py"} < {file.path for file in version.files}
    assert next(file.sha256 for file in version.files if file.path == "konan.json") == version.package
    assert server.blobs.read(version.lock).startswith(b"# python 3.")
    assert server.left_over() == [version.uuid]
    server.registrar.materialise(version)
    assert answer(version, server.registrar, (1.0, 2.5)) == [3.5]


def test_later_versions_keep_rows_as_long_as_the_one_before_unless_they_say(
    server: Server, tmp_path: Path
) -> None:
    found = []
    given: tuple[dict[str, Any], ...] = ({}, {"retention_days": 7}, {}, {"retention_days": 0}, {})
    for number, said in enumerate(given):
        folder = tmp_path / str(number)
        folder.mkdir()
        version = server.registrar.accept(OWNER, "sums", packed(folder, **said))
        found.append(version.retention_days)
    assert found == [None, 7, 7, 0, 0]
    assert server.store.version(OWNER, "sums", 2).retention_days == 7


@pytest.mark.parametrize("days", [-1, 36_501, 1.5, "7"])
def test_days_that_are_none_are_refused(server: Server, tmp_path: Path, days: object) -> None:
    with pytest.raises(KonanError):
        server.registrar.accept(OWNER, "sums", written(tmp_path, retention_days=days))


def test_building_again_changes_nothing(server: Server, tmp_path: Path) -> None:
    version = server.build(server.registrar.accept(OWNER, "sums", packed(tmp_path)))
    assert server.build(version) is version
    failed = msgspec.structs.replace(version, state="failed")
    assert server.build(failed) is failed


def test_versions_of_one_lock_are_built_at_once(server: Server, tmp_path: Path) -> None:
    taken = [server.registrar.accept(OWNER, "sums", packed(tmp_path)) for _ in range(2)]

    async def scenario() -> list[Version]:
        return await asyncio.gather(
            *(server.registrar.build(OWNER, version, server.warm) for version in taken)
        )

    first, second = asyncio.run(scenario())
    assert (first.version, second.version) == (1, 2)
    assert first.lock == second.lock != ""
    assert [path.name for path in server.paths.environments.iterdir() if path.name != "locks"] == [first.lock]


@pytest.mark.parametrize(
    ("scopes", "deployments", "error"),
    [
        ({"predict", "read", "model:upload-code"}, (), NotAllowed),
        ({"deploy"}, (), NotAllowed),
        ({"admin"}, (), NotAllowed),
        ({"deploy", "model:upload-code"}, ("other",), NotFound),
    ],
)
def test_nothing_is_kept_of_what_a_caller_may_not_upload(
    server: Server, tmp_path: Path, scopes: set[str], deployments: tuple[str, ...], error: type[KonanError]
) -> None:
    caller = Principal(
        project="default", key_id="k", scopes=frozenset(scopes), deployments=frozenset(deployments)
    )
    with pytest.raises(error):
        server.registrar.accept(caller, "sums", packed(tmp_path))
    assert server.kept() == 0
    assert server.store.list_deployments(OWNER, 10) == []


@pytest.mark.parametrize(
    "name", ["", "..", "a/b", "../../etc/passwd", "Fraud", "x" * 64, "models", "a\n", "-a"]
)
def test_a_name_that_is_none_is_refused(server: Server, tmp_path: Path, name: str) -> None:
    with pytest.raises(Invalid):
        server.registrar.accept(OWNER, name, packed(tmp_path))
    assert server.kept() == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"flavor": "tarot"},
        {"options": {}},
        {"options": {"class": "Model; import os"}},
        {"requirements": ("evil; import os",)},
        {"requirements": ("evil @ https://evil.example/evil.whl",)},
        {"requirements": ("--index-url https://evil.example",)},
        {"requirements": ("a==1\n-r /etc/passwd",)},
        {"expected": "data/expected.jsonl", "members": {"data/expected.jsonl": b"1\n"}},
        {"segments": tuple(f"s{number}" for number in range(30))},
        {"target": "t" * 1000},
        {"provenance": {"note": "x" * 300_000}},
        {"flavor": "sklearn", "options": {"format": "skops"}},
    ],
)
def test_a_manifest_that_lies_is_refused_and_nothing_kept(
    server: Server, tmp_path: Path, changes: dict[str, Any]
) -> None:
    with pytest.raises(Invalid):
        server.registrar.accept(OWNER, "sums", written(tmp_path, **changes))
    assert server.kept() == 0
    assert server.store.list_deployments(OWNER, 10) == []


def test_an_archive_that_is_damaged_in_its_last_member_is_refused_whole(
    server: Server, tmp_path: Path
) -> None:
    file = packed(tmp_path)
    with zipfile.ZipFile(file) as opened:
        last = opened.infolist()[-1]
        assert last.filename != MANIFEST_NAME
    content = bytearray(file.read_bytes())
    content[last.header_offset + 60] ^= 1
    file.write_bytes(content)
    with pytest.raises(Invalid):
        server.registrar.accept(OWNER, "sums", file)
    assert server.kept() == 0


@pytest.mark.parametrize(
    ("source", "said", "step", "code", "message"),
    [
        ("raise ValueError('secret')\n" + SUM, {}, "certificate", "gate_failed", "it raised ValueError"),
        ("import gone\n" + SUM, {"requirements": []}, "certificate", "gate_failed", "ModuleNotFoundError"),
        (SUM, {"data": None, "python": "3.5"}, "environment", "invalid", "Python 3.5"),
        (SUM, {"requirements": ["konan-no-such-thing==1"]}, "environment", "gate_failed", "cannot be met"),
        (SUM, {"target": "z"}, "schema", "data_invalid", "no column 'z'"),
        (SUM, {"data": None}, "schema", "data_invalid", "does not say what its inputs are"),
        (SUM, {"expected": [1]}, "certificate", "gate_failed", "row 0, output: 1 was expected"),
    ],
)
def test_a_version_that_cannot_be_served_is_kept_as_failed_with_the_reason(
    server: Server, tmp_path: Path, source: str, said: dict[str, Any], step: str, code: str, message: str
) -> None:
    version = server.build(server.registrar.accept(OWNER, "sums", packed(tmp_path, source, **said)))
    assert version == server.store.version(OWNER, "sums", 1)
    assert (version.state, version.step) == ("failed", "")
    assert version.failure is not None
    assert (version.failure.step, version.failure.code) == (step, code)
    assert message in version.failure.message
    assert "secret" not in version.failure.message
    assert ("secret" in version.failure.traceback) == ("secret" in source)
    assert server.left_over() == []


def test_rows_that_cannot_be_read_fail_the_version(server: Server, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("a,b,y\n1,2\n")
    version = server.build(server.registrar.accept(OWNER, "sums", packed(tmp_path, data=rows, target="y")))
    assert version.failure is not None
    assert (version.failure.step, version.failure.code) == ("schema", "data_invalid")
    assert "Row 2" in version.failure.message


def test_what_a_model_prints_is_kept_with_its_version(server: Server, tmp_path: Path) -> None:
    version = server.build(server.registrar.accept(OWNER, "sums", packed(tmp_path, "print('hello')\n" + SUM)))
    log = server.paths.logs / f"{version.uuid}.log"
    deadline = time.monotonic() + 10
    while "hello" not in log.read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "hello" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_build_that_was_killed_is_done_again(server: Server, tmp_path: Path) -> None:
    taken = server.registrar.accept(OWNER, "sums", packed(tmp_path, SLOW))
    code = (
        "import sys\nfrom pathlib import Path\nfrom tests.unit.packaging.test_register import OWNER, Server\n"
        "made = Server(Path(sys.argv[1]))\nmade.build(made.store.version(OWNER, 'sums', 1))\n"
    )
    building = subprocess.Popen([sys.executable, "-c", code, str(server.paths.root)])
    log = server.paths.logs / f"{taken.uuid}.log"
    deadline = time.monotonic() + 60
    while not (log.exists() and "loading" in log.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(building.pid, signal.SIGKILL)
    building.wait()
    found = server.store.version(OWNER, "sums", 1)
    assert (found.state, found.step) == ("building", "certificate")
    server.registrar.sweep()
    assert server.left_over() == [taken.uuid]
    version = server.build(found)
    assert (version.state, version.step) == ("building", "start")
    assert answer(version, server.registrar, (1.0, 1.0)) == [2.0]


def test_files_are_checked_and_laid_out_anew(server: Server, tmp_path: Path) -> None:
    version = server.build(server.registrar.accept(OWNER, "sums", packed(tmp_path)))
    place = server.paths.packages / version.uuid
    model = place / "model" / "model.py"
    model.chmod(0o600)
    model.write_text("import os; os.abort()\n")
    (place / "konan.json").unlink()
    server.registrar.materialise(version)
    assert model.read_text() == SUM
    assert answer(version, server.registrar, (1.0, 2.0)) == [3.0]
    linked = tmp_path / "elsewhere.py"
    linked.write_text(SUM)
    model.unlink()
    model.symlink_to(linked)
    server.registrar.materialise(version)
    assert not model.is_symlink()


def test_a_worker_loads_no_file_that_was_changed_since(server: Server, tmp_path: Path) -> None:
    version = server.build(server.registrar.accept(OWNER, "sums", packed(tmp_path)))
    model = server.paths.packages / version.uuid / "model" / "model.py"
    model.chmod(0o644)
    model.write_text(SUM + "# changed\n")
    with pytest.raises(WorkerFailed, match="not the one that was certified"):
        answer(version, server.registrar, (1.0, 2.0))


def test_a_damaged_blob_is_never_loaded(server: Server, tmp_path: Path) -> None:
    version = server.build(server.registrar.accept(OWNER, "sums", packed(tmp_path)))
    digest = next(file.sha256 for file in version.files if file.path == "model/model.py")
    blob = server.paths.blobs / digest[:2] / digest
    blob.chmod(0o600)
    blob.write_text(SUM + "# changed\n")
    (server.paths.packages / version.uuid / "model" / "model.py").unlink()
    with pytest.raises(Conflict):
        server.registrar.materialise(version)


def test_an_environment_that_is_gone_is_built_again(server: Server, tmp_path: Path) -> None:
    version = server.build(server.registrar.accept(OWNER, "sums", packed(tmp_path)))
    (server.paths.environments / version.lock).rename(tmp_path / "gone")
    server.registrar.materialise(version)
    assert answer(version, server.registrar, (1.0, 2.0)) == [3.0]


def test_what_belongs_to_no_version_is_swept(server: Server, tmp_path: Path) -> None:
    version = server.build(server.registrar.accept(OWNER, "sums", packed(tmp_path)))
    (server.paths.packages / ".making-x").mkdir()
    (server.paths.packages / "unknown").mkdir()
    (server.paths.uploads / ".making-y").mkdir()
    (server.paths.uploads / "received").touch()
    server.registrar.sweep()
    assert sorted(server.left_over()) == sorted([version.uuid, "received"])


def test_a_version_that_is_not_certified_has_no_workers(server: Server, tmp_path: Path) -> None:
    with pytest.raises(Conflict):
        server.registrar.worker_spec(server.registrar.accept(OWNER, "sums", packed(tmp_path)))


def test_control_imports_nothing_that_unpickles_or_computes() -> None:
    code = (
        "import konan.packaging.register, sys\n"
        "heavy = {'numpy', 'pandas', 'pyarrow', 'sklearn', 'joblib', 'cloudpickle', 'skops', 'scipy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "[]"
