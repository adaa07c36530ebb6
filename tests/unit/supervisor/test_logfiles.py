"""Log files stay small while they are written to."""

import asyncio
import os
from pathlib import Path

import pytest

from konan.records.logs import parted
from konan.supervisor import logfiles


def test_a_large_file_is_turned_over_while_its_writer_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "control.log"
    writer = logfiles.open_append(path)
    os.write(writer, b"old\n" * 100 + b"newer\n")
    logfiles.turn_over_all(tmp_path, size=10)
    os.write(writer, b"newest\n")
    os.close(writer)
    assert path.read_bytes() == b"newest\n"
    assert (tmp_path / "control.log.1").read_bytes() == b"old\nnewer\n"


def test_a_second_turn_replaces_the_first(tmp_path: Path) -> None:
    for text in (b"first-----x", b"second----y"):
        (tmp_path / "control.log").write_bytes(text)
        logfiles.turn_over_all(tmp_path, size=10)
    assert (tmp_path / "control.log.1").read_bytes() == b"econd----y"
    assert {path.name for path in tmp_path.iterdir()} == {"control.log", "control.log.1"}


def test_small_files_and_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "small.log").write_bytes(b"0123456789")
    (tmp_path / "other.txt").write_bytes(b"0123456789more")
    logfiles.turn_over_all(tmp_path, size=10)
    assert (tmp_path / "small.log").read_bytes() == b"0123456789"
    assert (tmp_path / "other.txt").read_bytes() == b"0123456789more"


def test_a_log_file_is_private_and_no_link_is_followed(tmp_path: Path) -> None:
    os.close(logfiles.open_append(tmp_path / "control.log"))
    assert (tmp_path / "control.log").stat().st_mode & 0o777 == 0o600
    (tmp_path / "link.log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="link"):
        logfiles.open_append(tmp_path / "link.log")


def test_what_is_piped_is_kept_and_turned_over(tmp_path: Path) -> None:
    path = tmp_path / "model.log"

    async def body() -> None:
        log = logfiles.PipedLog(path, size=1000)
        for number in range(100):
            os.write(log.writer, b"%04d\n" % number * 10)
            await asyncio.sleep(0)
        os.write(log.writer, b"the end\n")
        log.close()

    asyncio.run(body())
    old = path.with_suffix(".log.1").read_bytes()
    assert path.read_bytes().endswith(b"the end\n")
    assert path.stat().st_size <= 1000
    assert len(old) <= 1000
    assert old.endswith(b"Z 0099\n") or b"Z 00" in old


def test_a_full_disk_costs_log_lines_only(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)

    async def body() -> None:
        log = logfiles.PipedLog(tmp_path / "model.log", size=1000)
        os.dup2(full, log._file)
        os.write(log.writer, b"lost\n")
        log.close()

    asyncio.run(body())
    os.close(full)
    assert (tmp_path / "model.log").read_bytes() == b""


def test_each_line_has_the_time_at_which_it_came(tmp_path: Path) -> None:
    path = tmp_path / "model.log"

    async def body() -> None:
        log = logfiles.PipedLog(path, size=100_000)
        os.write(log.writer, b"one\ntw")
        log._copy()
        assert [parted(line)[1] for line in path.read_bytes().splitlines()] == [b"one"]
        os.write(log.writer, b"o\nthe end")
        log._copy()
        log.close()

    asyncio.run(body())
    lines = [parted(line) for line in path.read_bytes().splitlines()]
    assert [text for _, text in lines] == [b"one", b"two", b"the end"]
    times = [at for at, _ in lines]
    assert None not in times
    assert sorted(set(map(str, times))) == times


def test_a_line_without_an_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "model.log"

    async def body() -> None:
        log = logfiles.PipedLog(path, size=1_000_000)
        for _ in range(4):
            os.write(log.writer, b"x" * 40_000)
            log._copy()
        assert len(log._begun) <= 64 * 1024
        log.close()

    asyncio.run(body())
    assert path.read_bytes().count(b"x") == 160_000
