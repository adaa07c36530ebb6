"""Nothing is acknowledged that is not on disk, and nothing keeps the writer from going on."""

import asyncio
import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.journal.journaling import SEGMENT, append, ends, entry, write

from konan.errors import Conflict, JournalUnavailable, KonanError, StorageFull
from konan.journal.entry import encode
from konan.journal.reader import read
from konan.journal.segments import segments
from konan.journal.verify import verify
from konan.journal.writer import Writer


def numbers(directory: Path) -> list[int]:
    found = list(read(directory))
    assert [sequence for sequence, _ in found] == list(range(1, len(found) + 1))
    return [each.at_ns for _, each in found]


def test_what_is_acknowledged_can_be_read_by_anyone_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        writer = Writer(tmp_path / "0", SEGMENT, asyncio.get_running_loop())
        assert await ends(append(writer, 1, 2)) == [None, None]
        assert list(read(tmp_path / "0")) == [(1, entry(1)), (2, entry(2))]
        assert await ends(append(writer, 3)) == [None]
        assert numbers(tmp_path / "0") == [1, 2, 3]
        assert (writer.records, writer.groups, writer.next_sequence) == (3, 2, 4)
        writer.close()

    asyncio.run(scenario())
    assert numbers(tmp_path / "0") == [1, 2, 3]
    assert (tmp_path / "0").stat().st_mode & 0o777 == 0o700


def test_appends_of_one_pass_share_a_write(tmp_path: Path) -> None:
    async def scenario() -> None:
        writer = Writer(tmp_path, SEGMENT, asyncio.get_running_loop())
        assert await ends(append(writer, *range(64))) == [None] * 64
        assert writer.groups == 1
        writer.close()

    asyncio.run(scenario())


def test_records_go_on_over_many_segments(tmp_path: Path) -> None:
    write(tmp_path, *range(200), size=2000, at_once=7)
    assert numbers(tmp_path) == list(range(200))
    found = segments(tmp_path)
    assert len(found) > 5
    assert sum(path.stat().st_size for _, path in found) < 200 * 2400
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".segment"] == ["mark"]


def test_an_entry_larger_than_a_segment_gets_one_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, 1, 2, 3, size=3 * SEGMENT, at_once=1)
    assert numbers(tmp_path) == [1, 2, 3]


def test_a_journal_is_gone_on_with_after_a_restart(tmp_path: Path) -> None:
    write(tmp_path, 1, 2)
    write(tmp_path)
    write(tmp_path, 3)
    assert numbers(tmp_path) == [1, 2, 3]


def test_closing_writes_what_waits(tmp_path: Path) -> None:
    async def scenario() -> None:
        writer = Writer(tmp_path, SEGMENT, asyncio.get_running_loop())
        first = append(writer, 1)
        await asyncio.sleep(0)
        rest = append(writer, 2, 3)
        writer.close()
        assert await ends(first + rest) == [None] * 3
        assert await ends(append(writer, 4)) == [JournalUnavailable]

    asyncio.run(scenario())
    assert numbers(tmp_path) == [1, 2, 3]


def test_a_directory_has_one_writer(tmp_path: Path) -> None:
    async def scenario() -> None:
        writer = Writer(tmp_path, SEGMENT, asyncio.get_running_loop())
        with pytest.raises(Conflict):
            Writer(tmp_path, SEGMENT, asyncio.get_running_loop())
        writer.close()
        Writer(tmp_path, SEGMENT, asyncio.get_running_loop()).close()

    asyncio.run(scenario())


def test_a_reply_to_a_vanished_client_wedges_nothing(tmp_path: Path) -> None:
    def gone(error: KonanError | None) -> None:
        raise ConnectionResetError(error)

    async def scenario() -> None:
        writer = Writer(tmp_path, SEGMENT, asyncio.get_running_loop())
        for number in range(3):
            writer.append(encode(entry(number)), gone)
            assert await ends(append(writer, number + 10)) == [None]
        writer.close()

    asyncio.run(scenario())
    assert numbers(tmp_path) == [0, 10, 1, 11, 2, 12]


def test_a_failed_write_is_never_followed_by_a_success(tmp_path: Path) -> None:
    async def scenario() -> None:
        writer = Writer(tmp_path, SEGMENT, asyncio.get_running_loop())
        assert await ends(append(writer, 1)) == [None]
        descriptor = writer._files._descriptor
        assert descriptor is not None
        reading = os.open(os.devnull, os.O_RDONLY)
        os.dup2(reading, descriptor)  # from now on a write fails with EBADF
        os.close(reading)
        failing = append(writer, 2, 3)
        await asyncio.sleep(0)
        waiting = append(writer, 4)
        assert await ends(failing + waiting) == [JournalUnavailable] * 3
        assert await ends(append(writer, 5)) == [JournalUnavailable]
        writer.close()

    asyncio.run(scenario())
    assert numbers(tmp_path) == [1]
    write(tmp_path, 6)
    assert numbers(tmp_path) == [1, 6]


@pytest.fixture
def file_limit() -> Iterator[int]:
    """Lets this process write files of half a segment only; a longer write fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SEGMENT // 2, before[1]))
    yield before[0]
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_refuses_and_heals(tmp_path: Path, file_limit: int) -> None:
    async def scenario() -> None:
        writer = Writer(tmp_path, SEGMENT, asyncio.get_running_loop())
        for number in (1, 2):
            assert await ends(append(writer, number)) == [StorageFull]
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        assert await ends(append(writer, 3, 4)) == [None, None]
        writer.close()

    asyncio.run(scenario())
    assert numbers(tmp_path) == [3, 4]


def test_a_group_that_found_no_room_is_not_read_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        writer = Writer(tmp_path, SEGMENT, asyncio.get_running_loop())
        assert await ends(append(writer, 1)) == [None]
        whole = os.pwrite

        def full(descriptor: int, data: bytes, offset: int) -> int:
            whole(descriptor, data, offset)
            raise OSError(errno.ENOSPC, "no space")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("konan.journal.files.os.pwrite", full)
            assert await ends(append(writer, 2, 3)) == [StorageFull] * 2
        assert await ends(append(writer, 4)) == [None]
        writer.close()

    asyncio.run(scenario())
    assert numbers(tmp_path) == [1, 4]


def test_bytes_behind_the_last_record_are_counted_and_kept(tmp_path: Path) -> None:
    write(tmp_path, 1, 2)
    path = segments(tmp_path)[-1][1]
    with path.open("ab") as file:
        file.write(b"half a record")
    (found,) = verify(tmp_path).findings
    assert (found.kind, found.file) == ("doubtful", path.name)
    assert found.what.startswith("13 bytes")
    assert numbers(tmp_path) == [1, 2]
    before = path.read_bytes()

    async def scenario() -> None:
        writer = Writer(tmp_path, SEGMENT, asyncio.get_running_loop())
        assert (writer.leftover, writer.next_sequence) == (13, 3)
        assert await ends(append(writer, 3)) == [None]
        writer.close()

    asyncio.run(scenario())
    assert path.read_bytes() == before
    assert numbers(tmp_path) == [1, 2, 3]
    (aside,) = tmp_path.glob("doubtful-*.bytes")
    assert aside.read_bytes() == b"half a record"
    assert [finding.file for finding in verify(tmp_path).findings] == [aside.name]


KILLED = """
import asyncio, sys
from pathlib import Path
from konan.journal.entry import encode
from konan.journal.writer import Writer
from tests.unit.journal.journaling import SEGMENT, entry

async def main():
    writer = Writer(Path(sys.argv[1]), SEGMENT, asyncio.get_running_loop())
    number = int(sys.argv[2])
    def said(number):
        def done(error):
            if error is None:
                sys.stdout.write(f"{number}\\n")
                sys.stdout.flush()
        return done
    while True:
        for _ in range(5):
            writer.append(encode(entry(number)), said(number))
            number += 1
        await asyncio.sleep(0)

asyncio.run(main())
"""


def test_nothing_acknowledged_is_lost_by_kill_9(tmp_path: Path) -> None:
    acknowledged: list[int] = []
    for start in range(0, 5_000_000, 1_000_000):
        child = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path), str(start)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        wanted = 50 + start // 20_000
        acknowledged.extend(int(child.stdout.readline()) for _ in range(wanted))
        child.kill()
        acknowledged.extend(
            int(line) for line in child.stdout.read().splitlines(keepends=True) if line[-1] == "\n"
        )
        child.wait()
        child.stdout.close()
    logged = numbers(tmp_path)
    assert len(acknowledged) > 500
    assert set(acknowledged) <= set(logged)
    assert len(logged) == len(set(logged))
