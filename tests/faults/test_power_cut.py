"""Power cuts: what was acknowledged as durable is on the disk as it is at a random moment.

The journal is on a file system of its own in a file. A cut stops the process, copies that file, which has
just what reached the disk, and goes on with the copy: the kernel repairs it as after a power cut.
"""

import contextlib
import os
import random
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.size import FULL, size

from konan.journal.mark import read_mark, read_start
from konan.journal.reader import read
from konan.journal.verify import verify

CUTS = size(30, 1000)
IMAGE_BYTES = 32 * 1024 * 1024
MOST_KEPT = 8_000
MOST_FILES = 100
"""Records and files of the journal after which it begins anew, for the disk is small."""

LAZY_CUTS = 5
pytestmark = [
    pytest.mark.slow,
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount"),
    pytest.mark.timeout(7200 if FULL else 300),
]


def command(*words: str | Path) -> None:
    subprocess.run(words, check=True, capture_output=True)


@contextlib.contextmanager
def mounted(image: Path, at: Path) -> Iterator[Path]:
    """The file system in an image; it writes its own journal only when it is told to sync."""
    command("mount", "-o", "loop,commit=300", image, at)
    try:
        yield at
    finally:
        command("umount", at)


def frozen(image: Path) -> bytes:
    """The image's bytes at one moment."""
    before, now = b"", image.read_bytes()
    while before != now:
        before, now = now, image.read_bytes()
    return now


def cut(image: Path, at: Path, mode: str, first: int, seconds: float) -> tuple[bytes, set[int]]:
    """Append for a while and cut the power; returns the disk, and what was acknowledged as durable."""
    with mounted(image, at):
        program = [sys.executable, "-m", "tests.faults.appending", str(at / "journal"), mode, str(first), "0"]
        with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            heard = [process.stdout.readline()]
            os.set_blocking(process.stdout.fileno(), False)
            until = time.monotonic() + seconds
            said = b""
            while time.monotonic() < until:
                with contextlib.suppress(BlockingIOError):
                    said += os.read(process.stdout.fileno(), 65536)
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED)
            with contextlib.suppress(BlockingIOError):
                while part := os.read(process.stdout.fileno(), 65536):
                    said += part
            disk = frozen(image)
            process.kill()
    lines = [*heard, *(line for line in said.decode().splitlines(keepends=True) if line.endswith("\n"))]
    return disk, {int(line.split()[1]) for line in lines if line.startswith("ok ")}


def empty_disk(folder: Path) -> tuple[Path, Path]:
    """An image with a fresh file system, and where to mount it."""
    image, at = folder / "disk", folder / "mounted"
    at.mkdir()
    image.write_bytes(bytes(IMAGE_BYTES))
    command("mkfs.ext4", "-q", "-F", image)
    return image, at


def described(journal: Path) -> str:
    """What is on the disk, for whoever looks for the reason of a loss."""
    sizes = [f"{path.name} {path.stat().st_size}" for path in sorted(journal.iterdir())]
    return (
        f"{', '.join(sizes)}; {read_mark(journal)}, {read_start(journal)}; last read: {verify(journal).last}"
    )


def went_on(image: Path, disk: bytes) -> Path:
    """The disk in a file of its own: of the one before, the kernel may still have blocks in memory."""
    image.unlink()
    new = image.with_name(f"disk-{secrets.token_hex(8)}")
    new.write_bytes(disk)
    return new


@pytest.mark.parametrize("mode", ["durable", "mixed"])
def test_nothing_that_was_acknowledged_is_lost(tmp_path: Path, mode: str) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    image, at = empty_disk(tmp_path)
    acknowledged: set[int] = set()
    total = 0
    for number in range(CUTS // 2):
        disk, more = cut(image, at, mode, 1_000_000 * (number + 1), dice.random() * 0.2)
        acknowledged |= more
        total += len(more)
        image = went_on(image, disk)
        with mounted(image, at):
            kept = [entry.at_ns for _, entry in read(at / "journal")]
            assert not verify(at / "journal").damaged
            assert acknowledged <= set(kept), described(at / "journal")
            assert len(kept) == len(set(kept))
            if len(kept) > MOST_KEPT or len(list((at / "journal").iterdir())) > MOST_FILES:
                command("rm", "-r", at / "journal")
                acknowledged = set()
    print(f"{CUTS // 2} power cuts, {mode}: 0 of {total} acknowledged records lost")


def test_what_no_sync_put_on_the_disk_is_lost_and_nothing_else_goes_wrong(tmp_path: Path) -> None:
    """A cut that comes just behind the turn to a new segment loses nothing; so there are several."""
    image, at = empty_disk(tmp_path)
    lost = 0
    for number in range(LAZY_CUTS):
        disk, acknowledged = cut(image, at, "lazy", 1_000_000 * (number + 1), 0.2)
        image = went_on(image, disk)
        with mounted(image, at):
            lost += len(acknowledged - {entry.at_ns for _, entry in read(at / "journal")})
            assert not verify(at / "journal").damaged
    assert lost > 0
