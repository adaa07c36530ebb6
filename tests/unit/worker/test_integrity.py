"""A worker loads only the bytes that were certified."""

import hashlib
from pathlib import Path

import pytest

from konan.worker.integrity import Damaged, check


def test_files_with_their_digests_pass(tmp_path: Path) -> None:
    content = b"x" * (3 << 20)
    (tmp_path / "a").write_bytes(content)
    (tmp_path / "b").write_bytes(b"")
    check(str(tmp_path), {name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in "ab"})


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"other")
    with pytest.raises(Damaged, match="file a"):
        check(str(tmp_path), {"a": hashlib.sha256(b"certified").hexdigest()})


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        check(str(tmp_path), {"a": "0"})
