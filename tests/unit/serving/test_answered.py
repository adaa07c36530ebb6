"""The file of answers: found by whoever asks, for a day, and read from the journal where it lacks some."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.unit.journal.journaling import SEGMENT, entry

from konan import clock
from konan.journal.entry import encode
from konan.journal.writer import Writer
from konan.serving.answered import KEPT_SECONDS, Answered, AnswerFile
from konan.serving.idempotency import Idempotency, digest

NOW = clock.now_ns() // 1_000_000_000


def answer(name: str, at: int = NOW) -> Answered:
    return Answered(digest(name), digest("request"), at, f"id of {name}", b"{}")


async def told(ask: Callable[[Callable[[Answered | None], None]], None]) -> Answered | None:
    future: asyncio.Future[Answered | None] = asyncio.get_running_loop().create_future()
    ask(future.set_result)
    return await asyncio.wait_for(future, 30)


def test_an_answer_is_found_until_it_is_too_old(tmp_path: Path) -> None:
    async def scenario() -> None:
        kept: list[Answered] = []
        file = AnswerFile(tmp_path / "a.db", asyncio.get_running_loop().call_soon_threadsafe, kept.append)
        file.start()
        file.keep(answer("one"), 0, 7)
        found = await told(lambda tell: file.find(digest("one"), NOW - KEPT_SECONDS, tell))
        while found is None:  # it is looked up first and kept then, when both come at once
            found = await told(lambda tell: file.find(digest("one"), NOW - KEPT_SECONDS, tell))
        assert found == answer("one")
        assert await told(lambda tell: file.find(digest("one"), NOW + 1, tell)) is None
        assert await told(lambda tell: file.find(digest("two"), 0, tell)) is None
        assert kept == [answer("one")]
        file.close()
        again = AnswerFile(tmp_path / "a.db", asyncio.get_running_loop().call_soon_threadsafe, kept.append)
        assert (again.seen(0), again.seen(1)) == (7, 0)
        again.start()
        assert await told(lambda tell: again.find(digest("one"), 0, tell)) == answer("one")
        again.close()

    asyncio.run(scenario())
    assert (tmp_path / "a.db").stat().st_mode & 0o777 == 0o600


def test_old_answers_are_deleted(tmp_path: Path) -> None:
    async def scenario() -> None:
        call = asyncio.get_running_loop().call_soon_threadsafe
        for name, at in (("old", NOW - KEPT_SECONDS - 1), ("new", NOW)):
            file = AnswerFile(tmp_path / "a.db", call, lambda _: None)
            file.start()
            file.keep(answer(name, at), 0, 1)
            file.close()
        file = AnswerFile(tmp_path / "a.db", call, lambda _: None)
        file.start()
        assert await told(lambda tell: file.find(digest("old"), 0, tell)) is None
        assert await told(lambda tell: file.find(digest("new"), 0, tell)) == answer("new")
        file.close()

    asyncio.run(scenario())


def test_an_old_answer_also_goes_while_nobody_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("konan.serving.answered._IDLE_SECONDS", 0.01)
    file = AnswerFile(tmp_path / "a.db", lambda step: step(), lambda _: None)
    file.start()
    file.keep(answer("one"), 0, 1)
    until(lambda: count(tmp_path / "a.db") == 1)
    monkeypatch.setattr("konan.clock.now_ns", lambda: (NOW + KEPT_SECONDS + 1) * 1_000_000_000)
    until(lambda: count(tmp_path / "a.db") == 0)
    file.close()
    assert b"id of one" not in (tmp_path / "a.db").read_bytes()


def count(path: Path) -> int:
    database = sqlite3.connect(path, timeout=10)
    try:
        return int(database.execute("SELECT count(*) FROM answers").fetchone()[0])
    finally:
        database.close()


def until(condition: Callable[[], bool]) -> None:
    deadline = clock.monotonic() + 30
    while not condition():
        assert clock.monotonic() < deadline


def test_what_a_journal_of_a_gateway_that_is_no_more_had_is_found(tmp_path: Path) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        kept = msgspec.structs.replace(
            entry(NOW * 1_000_000_000), idempotency=digest("k") + digest("r"), answer=b'{"a":1}'
        )
        for number in (0, 3):
            writer = Writer(tmp_path / "journal" / str(number), SEGMENT, loop)
            if number == 3:
                writer.append(encode(kept), lambda _: None)
            writer.close()
        book = Idempotency(tmp_path / "a.db", tmp_path / "journal" / "0", 1, lambda: 0, loop)
        told: asyncio.Future[object] = loop.create_future()
        book.claim(digest("k"), digest("r"), told.set_result, told.set_result)
        found = await told
        book.close()
        assert isinstance(found, Answered)
        assert found.body == b'{"a":1}'

    asyncio.run(asyncio.wait_for(scenario(), 30))
