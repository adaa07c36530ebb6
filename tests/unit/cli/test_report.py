"""`konan report`: one file, where it is asked for, whole or not at all."""

from pathlib import Path
from urllib.parse import parse_qs

import pytest
from tests.unit.cli.conftest import Konan, Script

PAGE = b"<!doctype html><title>bikes</title>"


@pytest.fixture
def at(server: Script, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Script:
    monkeypatch.setenv("KONAN_URL", server.url)
    monkeypatch.setenv("KONAN_API_KEY", "kn_key")
    monkeypatch.chdir(tmp_path)
    server.answer(PAGE, Content_Type="text/html; charset=utf-8")
    return server


def test_the_file_is_named_for_the_deployment(at: Script, konan: Konan, tmp_path: Path) -> None:
    done = konan("report", "bikes")
    assert (done.code, done.out) == (0, "bikes-report.html\n")
    assert (tmp_path / "bikes-report.html").read_bytes() == PAGE
    assert at.asked[0].target == "/v1/deployments/bikes/report"


def test_flags_say_of_what_it_is_and_where_it_goes(at: Script, konan: Konan, tmp_path: Path) -> None:
    flags = ("--from", "2026-11-01T00:00:00Z", "--to", "2026-11-08T00:00:00Z", "--version", "2")
    done = konan("report", "bikes", *flags, "--output", "week.html", "--json")
    assert done.json == {"deployment": "bikes", "file": "week.html", "bytes": len(PAGE)}
    assert (tmp_path / "week.html").read_bytes() == PAGE
    query = parse_qs(at.asked[0].target.partition("?")[2])
    assert query == {"from": ["2026-11-01T00:00:00Z"], "to": ["2026-11-08T00:00:00Z"], "version": ["2"]}


def test_it_may_go_to_standard_output(at: Script, konan: Konan, tmp_path: Path) -> None:
    assert at.answers
    done = konan("report", "bikes", "--output", "-")
    assert (done.code, done.out) == (0, PAGE.decode())
    assert list(tmp_path.glob("*.html")) == []


def test_standard_output_has_one_thing_at_a_time(at: Script, konan: Konan) -> None:
    assert konan("report", "bikes", "--output", "-", "--json").code == 2
    assert at.asked == []


def test_a_folder_that_is_not_there_is_named(at: Script, konan: Konan) -> None:
    assert at.answers
    done = konan("report", "bikes", "--output", "none/week.html")
    assert done.code == 2
    assert "There is no folder none" in done.err
