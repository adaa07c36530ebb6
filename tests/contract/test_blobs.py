"""What every keeper of blobs promises."""

import errno
import os
import resource
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from konan import ids
from konan.adapters.disk import DiskBlobs
from konan.errors import Conflict, NotFound, StorageFull
from konan.ports import Blobs


def stored(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


@pytest.mark.parametrize("chunks", [[], [b""], [b"a"], [b"ab", b"", b"c"], [b"x" * 3_000_000, b"y"]])
def test_bytes_come_back_under_their_digest(blobs: Blobs, chunks: list[bytes], tmp_path: Path) -> None:
    content = b"".join(chunks)
    digest, size = blobs.put(iter(chunks))
    assert (digest, size) == (ids.sha256_hex(content), len(content))
    assert blobs.read(digest) == content
    blobs.copy_to(digest, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == content


def test_equal_bytes_are_kept_once(blobs: Blobs, tmp_path: Path) -> None:
    assert blobs.put(iter([b"same"])) == blobs.put(iter([b"sa", b"me"]))
    assert len(stored(tmp_path / "blobs")) == 1


def test_what_is_removed_is_gone_and_may_come_again(blobs: Blobs) -> None:
    digest, _ = blobs.put(iter([b"for a while"]))
    other, _ = blobs.put(iter([b"for long"]))
    for each in (digest, digest, "0" * 64, "../" * 20 + "etc/passwd"):
        blobs.remove(each)
    with pytest.raises(NotFound):
        blobs.read(digest)
    assert blobs.read(other) == b"for long"
    assert blobs.put(iter([b"for a while"])) == (digest, 11)
    assert blobs.read(digest) == b"for a while"


@pytest.mark.parametrize("digest", ["0" * 64, "", "..", "../" * 20 + "etc/passwd", "A" * 64, "0" * 63 + "\n"])
def test_an_unknown_digest_is_not_found(blobs: Blobs, digest: str, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        blobs.read(digest)
    with pytest.raises(NotFound):
        blobs.copy_to(digest, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_source_that_fails_leaves_nothing(blobs: Blobs, tmp_path: Path) -> None:
    def cut_off() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        blobs.put(cut_off())
    assert stored(tmp_path / "blobs") == []


def test_a_copy_never_replaces_a_file(blobs: Blobs, tmp_path: Path) -> None:
    digest, _ = blobs.put(iter([b"new"]))
    target = tmp_path / "copy"
    target.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        blobs.copy_to(digest, target)
    assert target.read_bytes() == b"old"


def test_damage_is_found_and_healed_by_putting_again(tmp_path: Path) -> None:
    blobs = DiskBlobs(tmp_path)
    content = b"z" * 2_000_000
    digest, _ = blobs.put(iter([content]))
    path = tmp_path / digest[:2] / digest
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(1_500_000)
        file.write(b"Z")
    with pytest.raises(Conflict):
        blobs.read(digest)
    with pytest.raises(Conflict):
        blobs.copy_to(digest, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    blobs.put(iter([content]))
    assert blobs.read(digest) == content


def test_blobs_are_private_and_cannot_be_written(tmp_path: Path) -> None:
    blobs = DiskBlobs(tmp_path)
    digest, _ = blobs.put(iter([b"a"]))
    path = tmp_path / digest[:2] / digest
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_link_in_the_place_of_a_blob_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"canary")
    digest = ids.sha256_hex(b"canary")
    (tmp_path / "blobs" / digest[:2]).mkdir(parents=True)
    (tmp_path / "blobs" / digest[:2] / digest).symlink_to(secret)
    with pytest.raises(NotFound):
        DiskBlobs(tmp_path / "blobs").read(digest)


def test_what_a_crash_left_is_removed_at_the_next_start(tmp_path: Path) -> None:
    digest, _ = DiskBlobs(tmp_path).put(iter([b"kept"]))
    (tmp_path / f".new-{ids.new_uuid()}").write_bytes(b"half")
    blobs = DiskBlobs(tmp_path)
    assert stored(tmp_path) == [tmp_path / digest[:2] / digest]
    assert blobs.read(digest) == b"kept"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path, number: int) -> None:
    def fill() -> Iterator[bytes]:
        yield b"half"
        raise OSError(number, os.strerror(number))

    with pytest.raises(StorageFull):
        DiskBlobs(tmp_path).put(fill())
    assert stored(tmp_path) == []


def test_a_write_that_the_system_refuses_leaves_nothing(tmp_path: Path) -> None:
    """The kernel itself refuses here: this process may write no file beyond 64 KiB for a moment."""
    blobs = DiskBlobs(tmp_path)
    old, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.getsignal(signal.SIGXFSZ)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, old[1]))
    try:
        with pytest.raises(OSError, match="large") as refusal:
            blobs.put(iter([b"x" * 1_000_000]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    assert refusal.value.errno == errno.EFBIG
    assert stored(tmp_path) == []
