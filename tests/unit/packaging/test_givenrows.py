"""Rows given with a version that has private columns go; those that another version needs stay."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from konan.adapters.disk import DiskBlobs
from konan.errors import NotFound
from konan.ids import new_uuid
from konan.packaging.givenrows import forget, is_due
from konan.packaging.uploads import Upload
from konan.records.deployments import DatasetFile, FileDigest, Version
from konan.records.upload import Table, UploadManifest

MANIFEST = UploadManifest(
    flavor="sklearn",
    model=("model/a",),
    data=Table(path="data/data.csv", format="csv"),
    holdout=Table(path="data/holdout.csv", format="csv"),
)


class Made:
    """Versions with the rows they were given."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.blobs = DiskBlobs(directory)

    def version(self, data: bytes = b"rows", **changes: Any) -> Version:
        contents = {"model/a": b"model", "data/data.csv": data, "data/holdout.csv": b"later"}
        kept = {path: self.blobs.put(iter([content]))[0] for path, content in contents.items()}
        files = tuple(FileDigest(path=path, sha256=digest, size=1) for path, digest in kept.items())
        upload, _ = self.blobs.put(iter([msgspec.json.encode(Upload(manifest=MANIFEST, files=files))]))
        datasets = (
            DatasetFile(role="data", sha256=kept["data/data.csv"], rows=1, columns=("x",)),
            DatasetFile(role="holdout", sha256=kept["data/holdout.csv"], rows=1, columns=("x",)),
        )
        known: dict[str, Any] = {"state": "live", "datasets": datasets, "privacy": {"x": "mask"}}
        return Version(
            uuid=new_uuid(),
            deployment="d",
            version=1,
            created_at="2026-11-23T00:00:00Z",
            flavor="sklearn",
            upload=upload,
            **known | changes,
        )

    def has(self, file: DatasetFile) -> bool:
        try:
            self.blobs.read(file.sha256)
        except NotFound:
            return False
        return True


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Blobs in a directory."""
    return Made(tmp_path / "blobs")


def test_rows_go_with_a_note_and_once(made: Made) -> None:
    version = made.version()
    assert is_due(version)
    after = forget(made.blobs, version, [version])
    assert [file.kept for file in after.datasets] == [False, False]
    assert not any(map(made.has, version.datasets))
    assert not is_due(after)
    assert forget(made.blobs, version, [version]) == after  # a crash may repeat it
    assert made.blobs.read(version.upload)


@pytest.mark.parametrize("privacy", [{}, {"x": "keep"}])
def test_rows_of_a_version_that_hides_nothing_stay(made: Made, privacy: dict[str, Any]) -> None:
    assert not is_due(made.version(privacy=privacy))


@pytest.mark.parametrize("changes", [{"privacy": {}}, {"state": "building", "datasets": ()}])
def test_rows_that_another_version_needs_stay_for_it(made: Made, changes: dict[str, Any]) -> None:
    version = made.version(data=b"mine alone")
    other = made.version(**changes)
    forget(made.blobs, version, [version, other])
    assert [made.has(file) for file in version.datasets] == [False, True]


def test_what_a_failed_version_was_given_goes_too(made: Made) -> None:
    failed = made.version(state="failed")
    digests = failed.datasets
    failed = msgspec.structs.replace(failed, datasets=())
    assert is_due(failed)
    after = forget(made.blobs, failed, [])
    assert (after.upload, is_due(after)) == ("", False)
    assert not any(map(made.has, digests))
