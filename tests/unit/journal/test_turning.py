"""A new segment can be asked for at any time; nothing is lost by it, and all older ones can go."""

import asyncio
from pathlib import Path

import pytest
from tests.unit.journal.journaling import SEGMENT, append, ends, entry, write

from konan.errors import JournalUnavailable, KonanError, StorageFull
from konan.journal import turning
from konan.journal.files import SegmentFiles
from konan.journal.reader import Tail, free, read, tail
from konan.journal.segments import segments
from konan.journal.verify import verify
from konan.journal.writer import Writer


async def turn(writer: Writer) -> KonanError | None:
    told: asyncio.Future[KonanError | None] = asyncio.get_running_loop().create_future()
    writer.turn_over(told.set_result)
    return await asyncio.wait_for(told, 30)


def test_the_segments_before_can_be_freed_and_the_journal_goes_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        writer = Writer(tmp_path, SEGMENT, asyncio.get_running_loop())
        await ends(append(writer, 1, 2, 3))
        following = Tail(tmp_path, 0)
        assert [sequence for sequence, _ in following.read(durable=True)] == [1, 2, 3]
        assert await turn(writer) is None
        assert (writer.next_sequence, writer.answered, writer.records, writer.groups) == (4, 3, 3, 1)
        assert len(free(tmp_path, 3)) == 1
        assert [*read(tmp_path)] == [*following.read()] == []
        await ends(append(writer, 4))
        assert [*following.read(durable=True)] == [*tail(tmp_path, 3)] == [(4, entry(4))]
        writer.close()

    asyncio.run(scenario())
    assert verify(tmp_path).findings == ()


@pytest.mark.parametrize("durable", [True, False])
def test_what_was_appended_before_is_in_an_older_segment(tmp_path: Path, *, durable: bool) -> None:
    async def scenario() -> None:
        writer = Writer(tmp_path, SEGMENT, asyncio.get_running_loop())
        before = append(writer, *range(1, 8), durable=durable)
        turned = asyncio.create_task(turn(writer))
        await asyncio.sleep(0)
        after = append(writer, *range(8, 12), durable=durable)
        assert await ends(before + after) == [None] * 11
        assert await turned is None
        assert len(free(tmp_path, 7)) == 1
        assert [sequence for sequence, _ in read(tmp_path)] == [8, 9, 10, 11]
        writer.close()

    asyncio.run(scenario())
    assert verify(tmp_path).findings == ()


def test_a_journal_whose_newest_segment_is_empty_is_gone_on_with(tmp_path: Path) -> None:
    async def turned() -> None:
        writer = Writer(tmp_path, SEGMENT, asyncio.get_running_loop())
        assert await turn(writer) is None
        writer.close()

    write(tmp_path, 1, 2, 3)
    before = turning.newest(tmp_path)
    assert before
    asyncio.run(turned())
    assert turning.is_past(tmp_path, before)
    assert turning.newest(tmp_path) == 0
    free(tmp_path, 3)
    assert len(segments(tmp_path)) == 1
    assert verify(tmp_path).findings == ()
    write(tmp_path, 4)
    assert [sequence for sequence, _ in tail(tmp_path, 0)] == [4]
    assert verify(tmp_path).findings == ()


def test_a_full_disk_puts_it_off_and_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: SegmentFiles, __: int, ___: int) -> None:
        raise OSError(28, "No space left on device")

    async def scenario() -> None:
        writer = Writer(tmp_path, SEGMENT, asyncio.get_running_loop())
        await ends(append(writer, 1))
        with monkeypatch.context() as patched:
            patched.setattr(SegmentFiles, "turn_over", full)
            assert isinstance(await turn(writer), StorageFull)
        assert await ends(append(writer, 2)) == [None]
        assert await turn(writer) is None
        writer.close()
        assert isinstance(await turn(writer), JournalUnavailable)

    asyncio.run(scenario())
    assert [sequence for sequence, _ in read(tmp_path)] == [1, 2]


def test_who_asks_is_heard_until_it_is_done(tmp_path: Path) -> None:
    assert turning.newest(tmp_path) == 0
    assert turning.is_past(tmp_path, 7)
    turning.ask(tmp_path)
    turning.ask(tmp_path)
    assert turning.is_asked(tmp_path)
    turning.answered(tmp_path)
    turning.answered(tmp_path)
    assert not turning.is_asked(tmp_path)
