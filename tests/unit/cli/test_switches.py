"""``konan version promote``, ``konan rollback`` and ``konan ledger``."""

import json
from typing import Any

import pytest
from tests.unit.cli.conftest import Konan, Script

DEPLOYMENT = {"uuid": "u", "name": "bikes", "project": "default", "created_at": "c", "live_version": 2}
ENTRY: dict[str, Any] = {
    "number": 1,
    "deployment": "u",
    "at": "2026-11-20T14:00:00.000000Z",
    "action": "rollback",
    "live": [{"version": 2, "share": 1.0}],
    "by": "k",
    "why": "too slow",
    "previous": "",
    "hash": "abc",
}


@pytest.fixture
def at(server: Script, monkeypatch: pytest.MonkeyPatch) -> Script:
    monkeypatch.setenv("KONAN_URL", server.url)
    monkeypatch.setenv("KONAN_API_KEY", "kn_key")
    return server


@pytest.mark.parametrize(
    ("flags", "to"),
    [((), None), (("--to", "2"), 2), (("--to", "2026-11-20 14:00"), "2026-11-20 14:00")],
)
def test_a_rollback_asks_nothing(at: Script, konan: Konan, flags: tuple[str, ...], to: object) -> None:
    at.answer(DEPLOYMENT)
    done = konan("rollback", "bikes", *flags, "--why", "too slow")
    assert done.out == "bikes: version 2 answers now\n"
    assert at.asked[0].target == "/v1/deployments/bikes/rollback"
    assert json.loads(at.asked[0].body) == {"to": to, "why": "too slow"}


def test_a_promotion_names_its_version(at: Script, konan: Konan) -> None:
    at.answer(DEPLOYMENT)
    assert konan("version", "promote", "bikes", "2", "--json").json["live_version"] == 2
    assert at.asked[0].target == "/v1/deployments/bikes/versions/2/promote"
    assert json.loads(at.asked[0].body) == {"why": ""}


def test_a_ledger_is_shown_and_checked(at: Script, konan: Konan) -> None:
    at.answer({"entries": [ENTRY], "next": None})
    at.answer({"entries": 1, "broken": None, "hash": "abc"})
    done = konan("ledger", "bikes")
    assert done.code == 0
    for word in ("2026-11-20T14:00:00.000000Z", "rollback", "version 2", "too slow"):
        assert word in done.out
    assert "1 entries; the last has the hash abc." in done.err


def test_a_broken_ledger_is_shown_and_is_no_success(at: Script, konan: Konan) -> None:
    for answer in ({"entries": [ENTRY], "next": None}, {"entries": 1, "broken": 1, "hash": "abc"}):
        at.answer(answer)
    done = konan("ledger", "bikes", "--json")
    assert done.code == 5
    assert "Entry 1 of the ledger" in done.out + done.err
