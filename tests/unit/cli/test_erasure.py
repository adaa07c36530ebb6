"""``konan erasure``: whom it is about is piped in or asked for, never guessed, and never said again."""

import io
import sys
from typing import Any

import pytest
from tests.unit.cli.conftest import Konan, Script
from typing_extensions import override

ERASURE: dict[str, Any] = {
    "id": "01890000-0000-7000-8000-000000000001",
    "project": "default",
    "deployments": ["risk"],
    "digest": "hmac:0011",
    "requested_by": "k",
    "created_at": "2026-11-23T10:00:00Z",
    "state": "pending",
}
DONE = {
    **ERASURE,
    "state": "done",
    "erased": {"risk": {"predictions": 3, "truths": 1}, "": {"aside_bytes": 7}},
    "finished_at": "2026-11-23T10:00:09Z",
}


class Terminal(io.StringIO):
    """Standard input of somebody who can be asked."""

    @override
    def isatty(self) -> bool:
        return True


@pytest.fixture
def at(server: Script, monkeypatch: pytest.MonkeyPatch) -> Script:
    monkeypatch.setenv("KONAN_URL", server.url)
    monkeypatch.setenv("KONAN_API_KEY", "kn_key")
    return server


def test_the_subject_is_piped_in_and_never_said_again(
    at: Script, konan: Konan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("béla 'x' 0815\nanother\n"))
    at.answer(ERASURE, 202)
    at.answer(DONE)
    done = konan("erasure", "create", "--subject", "-", "--wait", "--yes", "--json")
    assert (done.json["state"], done.json["erased"]) == ("done", DONE["erased"])
    assert at.asked[0].json == {"subject": "béla 'x' 0815", "deployments": []}
    assert "béla" not in done.out + done.err
    assert all("0815" not in one.target for one in at.asked)


def test_without_waiting_it_tells_how_to_look(at: Script, konan: Konan) -> None:
    at.answer(ERASURE, 202)
    done = konan("erasure", "create", "--subject", "anna", "--deployment", "risk", "--yes")
    assert at.asked[0].json == {"subject": "anna", "deployments": ["risk"]}
    assert done.out.strip() == ERASURE["id"]
    assert f"konan erasure show {ERASURE['id']}" in done.err


@pytest.mark.parametrize(
    ("words", "piped"),
    [
        (("--subject", "anna"), ""),
        (("--subject", "-"), "anna\n"),
        (("--subject", "-", "--yes"), "\n"),
        (("--subject", "-", "--yes"), ""),
        ((), ""),
    ],
)
def test_nothing_is_asked_of_the_server_when_nobody_agreed_or_is_named(
    at: Script, konan: Konan, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], piped: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(piped))
    assert konan("erasure", "create", *words).code == 2
    assert at.asked == []


@pytest.mark.parametrize(("answer", "asked"), [("y\n", 1), ("n\n", 0), ("\n", 0)])
def test_on_a_terminal_it_asks_first(
    at: Script, konan: Konan, monkeypatch: pytest.MonkeyPatch, answer: str, asked: int
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    at.answer(ERASURE, 202)
    done = konan("erasure", "create", "--subject", "anna", "--deployment", "risk")
    assert "cannot be undone" in done.err
    assert (done.code == 0, len(at.asked)) == (bool(asked), asked)


def test_erasures_are_listed_and_shown(at: Script, konan: Konan) -> None:
    for _ in range(2):
        at.answer({"erasures": [DONE], "next": None})
    assert konan("erasure", "list", "--json").json["erasures"][0]["id"] == DONE["id"]
    assert "risk" in konan("erasure", "list").out
    at.answer(DONE)
    shown = konan("erasure", "show", DONE["id"]).out
    assert "is done: 3 predictions, 1 truths, 7 bytes that nobody could read." in shown
    at.answer({**ERASURE, "state": "running", "waits_for": "Gateway 0 is down."})
    assert "It waits: Gateway 0 is down." in konan("erasure", "show", ERASURE["id"]).out
