"""Records of which nobody waits for the disk: written at once, synced soon, never a hole on the disk."""

import asyncio
import errno
from pathlib import Path

import pytest
from tests.unit.journal.journaling import SEGMENT, append, ends, found_in, write

from konan.errors import JournalUnavailable
from konan.journal.mark import Mark, read_mark
from konan.journal.reader import read, tail
from konan.journal.segments import segments
from konan.journal.verify import verify
from konan.journal.writer import Writer


def test_a_buffered_record_is_there_for_every_process_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        writer = Writer(tmp_path, SEGMENT, asyncio.get_running_loop())
        for number in range(1, 200):
            assert await ends(append(writer, number, size=900, durable=False)) == [None]
            assert read_mark(tmp_path) == Mark(number, 0)
        assert [found.at_ns for _, found in tail(tmp_path, 0)] == list(range(1, 200))
        assert list(tail(tmp_path, 0, durable=True)) == []
        writer.close()

    asyncio.run(scenario())
    assert len(segments(tmp_path)) > 2
    assert len(list(read(tmp_path))) == 199


def test_buffered_records_are_synced_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("konan.journal.writer.SYNC_SECONDS", 0.01)

    async def scenario() -> None:
        writer = Writer(tmp_path, SEGMENT, asyncio.get_running_loop())
        await ends(append(writer, 1, 2, durable=False))
        while read_mark(tmp_path) != Mark(2, 2):  # noqa: ASYNC110 - the mark tells nobody
            await asyncio.sleep(0.005)
        await ends(append(writer, 3, durable=False))
        assert found_in(segments(tmp_path)[0][1])[-1].group.synced == 2
        writer.close()

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_a_durable_group_takes_the_buffered_before_it_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr("konan.journal.files.os.fdatasync", synced.append)

    async def scenario() -> None:
        writer = Writer(tmp_path, SEGMENT, asyncio.get_running_loop())
        await ends(append(writer, 1))
        assert synced == []
        await ends(append(writer, 2, durable=False))
        await ends(append(writer, 3))
        assert len(synced) == 1
        assert read_mark(tmp_path) == Mark(3, 3)
        writer.close()

    asyncio.run(scenario())


def test_a_sync_that_fails_stops_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: int) -> None:
        raise OSError(errno.EIO, "the disk is broken")

    async def scenario() -> None:
        writer = Writer(tmp_path, SEGMENT, asyncio.get_running_loop())
        await ends(append(writer, 1, durable=False))
        monkeypatch.setattr("konan.journal.files.os.fdatasync", failing)
        assert await ends(append(writer, 2)) == [JournalUnavailable]
        monkeypatch.undo()
        assert writer.broken
        assert await ends(append(writer, 3, durable=False)) == [JournalUnavailable]
        writer.close()

    asyncio.run(scenario())
    assert read_mark(tmp_path) == Mark(1, 0)


def test_buffered_records_lost_with_the_machine_are_no_damage(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        writer = Writer(tmp_path, SEGMENT, asyncio.get_running_loop())
        await ends(append(writer, 1, 2))
        path = segments(tmp_path)[0][1]
        on_disk = path.read_bytes()
        await ends(append(writer, 3, durable=False))
        mark = (tmp_path / "mark").read_bytes()
        writer.close()
        path.write_bytes(on_disk)
        (tmp_path / "mark").write_bytes(mark)

    asyncio.run(scenario())
    assert not verify(tmp_path).damaged
    write(tmp_path, 4)
    assert [(n, found.at_ns) for n, found in read(tmp_path)] == [(1, 1), (2, 2), (3, 4)]
    assert "were lost with the machine" in caplog.text
