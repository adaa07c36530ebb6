"""Deployments, versions, uploads and logs over HTTP."""

import errno
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.http.control.rig import Rig, archive

from konan.config import Settings
from konan.control import bodies
from konan.control.bodies import Upload
from konan.errors import KonanError, StorageFull

ZIP = {"Content-Type": "application/zip"}


def kept(rig: Rig) -> list[Path]:
    """Every file that uploads could have left."""
    return [
        path for root in (rig.paths.uploads, rig.paths.blobs) for path in root.rglob("*") if path.is_file()
    ]


def test_an_upload_becomes_a_live_version(rig: Rig) -> None:
    key = rig.key()
    accepted = rig.deploy(key)
    assert accepted.status_code == 202
    version = accepted.json()
    assert (version["deployment"], version["version"], version["state"]) == ("bikes", 1, "building")
    path = "/v1/deployments/bikes"
    rig.until(lambda: rig.call("GET", path, key).json()["state"] == "ready")
    shown = rig.call("GET", f"{path}/versions/1", key).json()
    assert (shown["uuid"], shown["state"], shown["step"]) == (version["uuid"], "live", "")
    assert rig.call("GET", path, key).json()["live_version"] == 1
    assert list(rig.paths.uploads.iterdir()) == []


def test_versions_are_listed_newest_first(rig: Rig) -> None:
    key = rig.key()
    for _ in range(5):
        rig.live(key)
    path = "/v1/deployments/bikes/versions"
    first = rig.call("GET", path, key, params={"limit": 2}).json()
    assert [version["version"] for version in first["versions"]] == [5, 4]
    second = rig.call("GET", path, key, params={"limit": 9, "cursor": first["next"]}).json()
    assert [version["version"] for version in second["versions"]] == [3, 2, 1]
    assert second["next"] is None
    for cursor in ("YQ", "MA", "LTE", "MS4w"):  # a, 0, -1, 1.0
        assert rig.call("GET", path, key, params={"cursor": cursor}).status_code in {404, 422}


def test_deployments_are_listed_by_name_with_their_state(rig: Rig) -> None:
    key = rig.key()
    for name in ("b", "a", "c"):
        rig.live(key, name)
    page = rig.call("GET", "/v1/deployments", key, params={"limit": 2}).json()
    assert [(item["name"], item["state"]) for item in page["deployments"]] == [("a", "ready"), ("b", "ready")]
    rest = rig.call("GET", "/v1/deployments", key, params={"cursor": page["next"]}).json()
    assert [item["name"] for item in rest["deployments"]] == ["c"]


@pytest.mark.parametrize(
    "name",
    [
        "..",
        "%2e%2e",
        "a%5cb",
        "Fraud",
        "models",
        "a_b",
        "x" * 64,
        "a.",
        "a%20",
        "a%0a",
        "-a",
        "a-",
        "CON",
        "%00",
    ],
)
def test_names_that_name_nothing_are_refused(rig: Rig, name: str) -> None:
    key = rig.key()
    answer = rig.deploy(key, name)
    assert answer.status_code in {400, 404, 422}
    assert rig.call("GET", "/v1/deployments", key).json()["deployments"] == []
    assert kept(rig) == []


@pytest.mark.parametrize(
    "number", ["0", "-1", "2", "01", "1.0", "x", "9999999999", "99999999999999999999", "%31%20"]
)
def test_numbers_that_no_version_has_are_not_found(rig: Rig, number: str) -> None:
    key = rig.key()
    rig.live(key)
    answer = rig.call("GET", f"/v1/deployments/bikes/versions/{number}", key)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"", ZIP, 422, "invalid"),
        (b"no zip", ZIP, 422, "model_file_invalid"),
        (archive(), {}, 415, "media_type_unsupported"),
        (archive(), {"Content-Type": "application/x-tar"}, 415, "media_type_unsupported"),
        (archive(), {"Content-Type": "multipart/form-data; boundary=a"}, 415, "media_type_unsupported"),
        (archive(), {**ZIP, "Konan-Sha256": "0" * 64}, 422, "invalid"),
        (archive(), {**ZIP, "Konan-Sha256": "xyz"}, 422, "invalid"),
        (b"x" * 100_001, ZIP, 413, "body_too_large"),
    ],
)
def test_an_upload_that_cannot_be_kept_leaves_nothing(
    rig: Rig, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    key = rig.key()
    answer = rig.call("POST", "/v1/deployments/bikes/versions", key, content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert kept(rig) == []
    assert rig.call("GET", "/v1/deployments", key).json()["deployments"] == []


def test_an_upload_with_its_digest_is_taken(rig: Rig) -> None:
    content = archive()
    headers = {**ZIP, "Konan-Sha256": hashlib.sha256(content).hexdigest()}
    path = "/v1/deployments/bikes/versions"
    assert rig.call("POST", path, rig.key(), content=content, headers=headers).status_code == 202


def test_an_endless_upload_is_cut_at_the_cap(rig: Rig) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1000
            yield b"x" * 1000

    answer = rig.call("POST", "/v1/deployments/bikes/versions", rig.key(), content=endless(), headers=ZIP)
    assert answer.status_code == 413
    assert sent <= 102_000
    assert kept(rig) == []


def test_an_upload_that_stops_is_given_up(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "data", Settings(body_timeout=0.05))

    async def stopping() -> AsyncIterator[bytes]:
        import asyncio

        yield b"half"
        await asyncio.Event().wait()

    answer = rig.call("POST", "/v1/deployments/bikes/versions", rig.key(), content=stopping(), headers=ZIP)
    assert (answer.status_code, answer.json()["code"]) == (408, "request_timeout")
    assert kept(rig) == []
    rig.close()


def test_a_caller_who_goes_leaves_nothing(rig: Rig, tmp_path: Path) -> None:
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": b"half", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    upload = Upload({"content-type": "application/zip"}, receive, limit=100, patience=5)
    with pytest.raises(KonanError, match="ended early"):
        rig.run(upload.save(tmp_path / "upload"))
    assert not (tmp_path / "upload").exists()


def test_a_full_disk_is_named_and_leaves_nothing(rig: Rig, tmp_path: Path) -> None:
    async def receive() -> dict[str, Any]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    upload = Upload({"content-type": "application/zip"}, receive, limit=100, patience=5)
    with pytest.raises(StorageFull):
        rig.run(upload.save(tmp_path / "upload"))
    assert not (tmp_path / "upload").exists()


def test_the_document_of_a_deployment_is_typed_for_its_model(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    for scope in ("read", "predict"):
        document = rig.call("GET", "/v1/deployments/bikes/openapi.json", rig.key(scope)).json()
        assert list(document["components"]["schemas"]["Row"]["properties"]) == ["x"]


def test_the_newest_lines_of_a_model_are_shown(rig: Rig) -> None:
    key = rig.key()
    rig.live(key)
    uuid = rig.call("GET", "/v1/deployments/bikes/versions/1", key).json()["uuid"]
    path = "/v1/deployments/bikes/logs"
    assert rig.call("GET", path, key).json() == {
        "deployment": "bikes",
        "version": 1,
        "lines": [],
        "entries": [],
    }
    (rig.paths.logs / f"{uuid}.log").write_bytes(b"one\ntwo\n\xff three\n")
    (rig.paths.logs / "control.log").write_text("canary")
    assert rig.call("GET", path, key).json()["lines"] == ["one", "two", "\ufffd three"]
    assert rig.call("GET", f"{path}?lines=1&version=1", key).json()["lines"] == ["\ufffd three"]
    for wrong in (
        "lines=0",
        "lines=10001",
        "version=0",
        "version=1000000000",
        "version=../control",
        "file=control.log",
        "level=loud",
        "from=soon",
    ):
        assert rig.call("GET", f"{path}?{wrong}", key).status_code == 422
    assert rig.call("GET", f"{path}?version=2", key).status_code == 404


def test_a_link_in_the_place_of_a_log_is_not_followed(rig: Rig, tmp_path: Path) -> None:
    key = rig.key()
    rig.live(key)
    uuid = rig.call("GET", "/v1/deployments/bikes/versions/1", key).json()["uuid"]
    (tmp_path / "secret").write_text("canary\n")
    (rig.paths.logs / f"{uuid}.log").symlink_to(tmp_path / "secret")
    assert rig.call("GET", "/v1/deployments/bikes/logs", key).json()["lines"] == []


def test_what_nobody_foresaw_is_answered_without_its_details(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    key = rig.key()
    rig.store._database.engine.dispose()
    rig.paths.database.unlink()
    answer = rig.call("GET", "/v1/deployments", key)
    assert answer.status_code in {500, 503}
    for detail in (str(rig.paths.root), "sqlite", "SELECT", "Traceback", "sqlalchemy", "konan."):
        assert detail not in answer.text
    assert key not in caplog.text
    assert rig.call("GET", "/metrics", key).status_code == 200


def test_an_error_of_ours_is_500_with_its_trace_in_the_log_only(
    rig: Rig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("canary-5e1f")

    key = rig.key()
    monkeypatch.setattr(rig.store, "list_deployments", fail)
    answer = rig.call("GET", "/v1/deployments", key)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "canary" not in answer.text
    assert "canary-5e1f" in caplog.text
    assert answer.json()["request_id"] in {getattr(record, "request_id", "") for record in caplog.records}


def test_the_depth_of_a_body_is_measured_outside_texts() -> None:
    assert not bodies._deeper(b'{"a":"[[[[\\"[["}', 1)
    assert bodies._deeper(b'{"a":[1]}', 1)
    assert not bodies._deeper(b"[[],[],[]]", 2)
