"""Uploads that the real registrar refuses: nothing of them is kept, and the answer says why."""

import io
import json
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import pytest
from tests.http.control.rig import Rig

from konan.adapters.processes import start_worker
from konan.packaging.register import Registrar
from konan.records.upload import MANIFEST_NAME

ZIP = {"Content-Type": "application/zip"}
PATH = "/v1/deployments/bikes/versions"
FORMAT = {"flavor": "sklearn", "model": ["model/m.joblib"], "options": {"format": "joblib"}, "python": "3.11"}


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path / "data")
    made.registrar = Registrar(made.store, made.drawer.blobs, made.paths, made.settings, start_worker)
    made.restart()
    yield made
    made.close()


def packed(manifest: dict[str, Any], members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(MANIFEST_NAME, json.dumps(manifest))
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def pickled() -> bytes:
    buffer = io.BytesIO()
    joblib.dump({"a": 1}, buffer)
    return buffer.getvalue()


def tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w"):
        pass
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("scopes", "status"), [(("deploy",), 403), (("admin",), 403), (("read", "predict"), 403)]
)
def test_a_pickle_needs_the_scope_for_code(real: Rig, scopes: tuple[str, ...], status: int) -> None:
    content = packed(FORMAT, {"model/m.joblib": pickled()})
    answer = real.call("POST", PATH, real.key(*scopes), content=content, headers=ZIP)
    assert (answer.status_code, answer.json()["code"]) == (status, "not_allowed")
    _nothing_kept(real)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (tar(), 415),
        (b"PK\x03\x04 truncated", 422),
        (packed({**FORMAT, "source": "file:///etc"}, {"model/m.joblib": pickled()}), 422),
        (packed({**FORMAT, "flavor": "nothing"}, {"model/m.joblib": pickled()}), 422),
        (packed(FORMAT, {}), 422),
        (packed(FORMAT, {"model/m.joblib": pickled(), "../../canary": b"x"}), 422),
        (packed(FORMAT, {"model/m.joblib": pickled(), "/etc/canary": b"x"}), 422),
        (packed({**FORMAT, "options": {"format": "skops"}}, {"model/m.joblib": pickled()}), 422),
    ],
)
def test_what_is_no_package_is_refused_and_not_kept(real: Rig, content: bytes, status: int) -> None:
    answer = real.call("POST", PATH, real.key(), content=content, headers=ZIP)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert str(real.paths.root) not in answer.text
    _nothing_kept(real)


def _nothing_kept(rig: Rig) -> None:
    for root in (rig.paths.uploads, rig.paths.blobs, rig.paths.packages):
        assert [path for path in root.rglob("*") if path.is_file()] == []
    assert rig.call("GET", "/v1/deployments", rig.key()).json()["deployments"] == []
