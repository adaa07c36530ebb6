"""What single commands send and show."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.cli.conftest import Konan, Script

from konan import config, profile
from konan.cli.commands.version import described
from konan.records.deployments import Certificate, Failure, Reference, Version
from konan.records.upload import MANIFEST_NAME

DEPLOYMENT = {"uuid": "d", "name": "bikes", "project": "default", "created_at": "c", "live_version": 3}
VERSION = {
    "uuid": "v",
    "deployment": "bikes",
    "version": 3,
    "state": "live",
    "created_at": "c",
    "flavor": "sklearn",
}
KEY = {"id": "k1", "name": "ci", "project": "default", "scopes": ["predict"], "deployments": []}
KEY |= {"created_at": "2026-01-01T00:00:00Z", "expires_at": "2026-04-01T00:00:00Z"}


@pytest.fixture
def at(server: Script, monkeypatch: pytest.MonkeyPatch) -> Script:
    monkeypatch.setenv("KONAN_URL", server.url)
    monkeypatch.setenv("KONAN_API_KEY", "kn_key")
    return server


def test_config_show_tells_where_each_value_came_from(konan: Konan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KONAN_PORT", "9000")
    monkeypatch.setenv("KONAN_DATABASE_URL", "postgresql://konan:secret@db/konan")
    shown = {row["name"]: row for row in konan("config", "show", "--json").json["settings"]}
    assert shown.keys() == {origin.name for origin in config.load()[1]}
    assert (shown["port"]["value"], shown["port"]["origin"]) == (9000, "environment")
    assert (shown["host"]["origin"], shown["host"]["meaning"][-1]) == ("default", ".")
    plain = konan("config", "show").out
    assert "postgresql://konan:***@db/konan" in plain
    assert "secret" not in plain


def test_config_show_refuses_what_is_no_setting(konan: Konan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KONAN_PORT", "many")
    assert konan("config", "show").code == 2


def test_status_lists_deployments(at: Script, konan: Konan) -> None:
    at.answer({"deployments": [DEPLOYMENT], "next": None})
    at.answer({"deployments": [DEPLOYMENT], "next": None})
    (one,) = konan("status", "--json").json["deployments"]
    assert (one["name"], one["uuid"], one["live_version"]) == ("bikes", "d", 3)
    assert konan("status").out.splitlines()[0].split() == [
        "deployment",
        "state",
        "live",
        "version",
        "created",
        "at",
    ]


def test_status_of_nothing_is_the_command_that_fills_it(at: Script, konan: Konan) -> None:
    at.answer({"deployments": [], "next": None})
    done = konan("status")
    assert (done.code, done.out) == (0, "")
    assert "konan deploy" in done.err


def test_status_of_one_shows_its_versions(at: Script, konan: Konan) -> None:
    for _ in range(2):
        at.answer(DEPLOYMENT)
        at.answer({"versions": [VERSION], "next": None})
        at.answer({"deployment": "bikes", "days": 0, "version": None, "removed": []})
    assert konan("status", "bikes", "--json").json["versions"][0]["version"] == 3
    assert "sklearn" in konan("status", "bikes").out


def test_status_of_one_tells_how_its_rows_age(at: Script, konan: Konan) -> None:
    gone = [
        {"at": "2026-11-23T10:00:00Z", "place": place, "day": day, "count": count}
        for place, day, count in (
            ("predictions", "2026-11-01", 3),
            ("predictions", "2026-11-02", 4),
            ("truths", "2026-11-01", 2),
            ("aside", "2026-11-01", 77),
        )
    ]
    for _ in range(2):
        at.answer(DEPLOYMENT)
        at.answer({"versions": [VERSION], "next": None})
        at.answer({"deployment": "bikes", "days": 30, "version": 3, "removed": gone})
    assert konan("status", "bikes", "--json").json["retention"]["removed"] == gone
    assert konan("status", "bikes").out.splitlines()[-2:] == [
        "rows are kept 30 days, as version 3 says",
        "removed because of their age: 7 predictions, 2 truths, "
        "77 bytes of the server that nobody could read",
    ]


@pytest.mark.parametrize(("days", "told"), [(0, "keeps rows  for ever"), (30, "keeps rows  30 days")])
def test_a_version_is_shown_with_its_own_retention(days: int, told: str) -> None:
    version = msgspec.convert({**VERSION, "retention_days": days}, Version)
    assert told in described(version)


def test_versions_are_listed_and_shown(at: Script, konan: Konan) -> None:
    at.answer({"versions": [VERSION], "next": None})
    (one,) = konan("version", "list", "bikes", "--json").json["versions"]
    assert {"version", "uuid", "state", "created_at"} <= set(one)
    at.answer({"versions": [VERSION], "next": None})
    assert konan("version", "show", "bikes").out.startswith("bikes version 3: live\n")
    at.answer(VERSION)
    assert konan("version", "show", "bikes", "3", "--json").json["uuid"] == "v"


def test_showing_a_version_where_there_is_none_is_not_found(at: Script, konan: Konan) -> None:
    at.answer({"versions": [], "next": None})
    assert konan("version", "show", "bikes").code == 3


def test_a_failed_version_is_shown_with_its_traceback() -> None:
    failure = Failure(
        step="start", code="model_failed", message="It raised.", traceback="Traceback …\n", hint="Mend."
    )
    failed = Version(
        uuid="v", deployment="b", version=1, state="failed", created_at="c", flavor="sklearn", failure=failure
    )
    assert described(failed)[-3:] == ["Failed at step start: It raised.", "Traceback …", "Mend."]


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        (
            Reference(),
            ["inputs: none yet", "answers: learning, until enough live rows have their ground truth"],
        ),
        (
            Reference(source="holdout", rows=100, inputs=300, profile="0" * 64),
            ["inputs: 300 rows", "answers: 100 rows of the holdout"],
        ),
        (
            Reference(source="live", rows=1000, inputs=1000, profile="0" * 64),
            ["inputs: 1000 rows", "answers: 1000 rows of live traffic"],
        ),
    ],
)
def test_a_version_tells_what_later_rows_are_compared_with(reference: Reference, told: list[str]) -> None:
    shown = Version(
        uuid="v",
        deployment="b",
        version=1,
        state="live",
        created_at="c",
        flavor="sklearn",
        certificate=Certificate(golden_rows=1, golden="reproduced"),
        reference=reference,
    )
    assert [line.strip() for line in described(shown)[-2:]] == told


def test_logs_are_data_and_their_absence_is_talk(at: Script, konan: Konan) -> None:
    entries = [{"at": None, "level": "info", "text": text} for text in ("one", "two")]
    at.answer({"deployment": "bikes", "version": 3, "lines": ["one", "two"], "entries": entries})
    assert konan("logs", "bikes", "--lines", "2").out == "one\ntwo\n"
    at.answer({"deployment": "bikes", "version": 3, "lines": []})
    assert "written nothing" in konan("logs", "bikes").err
    assert [asked.target.rpartition("/")[2] for asked in at.asked] == ["logs?lines=2", "logs"]


def test_a_key_is_printed_once_on_standard_output(at: Script, konan: Konan) -> None:
    at.answer({**KEY, "key": "kn_live_x"}, 201)
    done = konan("key", "create", "--scope", "predict", "--deployment", "bikes", "--expires", "30d")
    assert done.out == "kn_live_x\n"
    assert "kn_live_x" not in done.err
    assert at.asked[0].json == {
        "name": "predict",
        "scopes": ["predict"],
        "deployments": ["bikes"],
        "expires_days": 30,
    }
    at.answer({**KEY, "key": "kn_live_x"}, 201)
    made = konan("key", "create", "--json").json
    assert (made["id"], made["key"]) == ("k1", "kn_live_x")


@pytest.mark.parametrize("days", ["0", "-1", "90m", "soon", "٣"])
def test_an_expiry_that_is_no_number_of_days_is_usage(konan: Konan, days: str) -> None:
    assert konan("key", "create", "--expires", days).code == 2


def test_keys_are_listed_with_their_state(at: Script, konan: Konan) -> None:
    at.answer({"keys": [KEY, {**KEY, "id": "k2", "revoked_at": "2026-01-02T00:00:00Z"}], "next": None})
    lines = konan("key", "list").out.splitlines()
    assert "valid until 2026-04-01" in lines[1]
    assert "revoked 2026-01-02" in lines[2]
    at.answer({"keys": [KEY], "next": None})
    assert konan("key", "list", "--json").json["keys"][0]["id"] == "k1"


def test_revoking_asks_and_yes_answers(at: Script, konan: Konan) -> None:
    refused = konan("key", "revoke", "k1", "--json")
    assert (refused.code, at.asked) == (2, [])
    assert "--yes" in refused.json["error"]["hint"]
    at.answer({**KEY, "revoked_at": "2026-01-02T00:00:00Z"})
    assert konan("key", "revoke", "k1", "--yes").code == 0
    assert at.asked[0].method == "DELETE"


@pytest.mark.parametrize(
    ("status", "content"),
    [(200, {"version": "0.1.0", "started_at": "x"}), (403, {"code": "not_allowed", "detail": "No."})],
)
def test_login_keeps_a_key_that_the_server_takes(at: Script, konan: Konan, status: int, content: Any) -> None:
    at.answer(content, status)
    assert konan("login", "--json").json["url"] == at.url
    assert profile.read() == profile.Profile(url=at.url, key="kn_key")


def test_login_keeps_no_key_that_the_server_refuses(at: Script, konan: Konan) -> None:
    at.answer({"code": "unauthenticated", "detail": "No."}, 401)
    assert konan("login").code == 4
    assert profile.read() is None


def test_login_without_a_key_and_a_terminal_is_usage(konan: Konan) -> None:
    done = konan("login", "--url", "http://127.0.0.1:1")
    assert done.code == 2
    assert "KONAN_API_KEY" in done.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_call_back(konan: Konan, shell: str) -> None:
    assert "_KONAN_COMPLETE" in konan("completion", shell).out
    assert konan("completion", shell, "--json").json["shell"] == shell


def test_deploying_what_is_no_model_says_so(
    konan: Konan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KONAN_URL", "http://127.0.0.1:1")
    (tmp_path / "model.joblib").write_text("hello")
    done = konan("deploy", "bikes", tmp_path / "model.joblib", "--json")
    assert (done.code, done.json["error"]["code"]) == (2, "model_file_invalid")


@pytest.mark.parametrize("days", [0, 30])
def test_deploying_says_how_long_rows_are_kept(at: Script, konan: Konan, tmp_path: Path, days: int) -> None:
    (tmp_path / "model.py").write_text("class Model:\n    def predict(self, rows):\n        return rows\n")
    at.answer(VERSION, 202)
    at.answer(DEPLOYMENT)
    assert konan("deploy", "bikes", tmp_path / "model.py", "--retention-days", str(days)).code == 0
    with zipfile.ZipFile(io.BytesIO(at.asked[0].body)) as sent:
        assert json.loads(sent.read(MANIFEST_NAME))["retention_days"] == days


def test_deploying_sends_an_archive_and_answers_as_the_contract_has_it(
    at: Script, konan: Konan, tmp_path: Path
) -> None:
    (tmp_path / "model.py").write_text("class Model:\n    def predict(self, rows):\n        return rows\n")
    at.answer({**VERSION, "state": "building"}, 202)
    at.answer({**VERSION, "warnings": ["Column count is ignored."]})
    at.answer(DEPLOYMENT)
    done = konan("deploy", "bikes", tmp_path / "model.py", "--json")
    assert done.json == {
        "deployment": "bikes",
        "uuid": "d",
        "version": 3,
        "version_uuid": "v",
        "state": "live",
        "url": f"{at.url}/v1/deployments/bikes/predict",
    }
    assert at.asked[0].body.startswith(b"PK")
    assert "note: Column count is ignored.\n" in done.err


def test_a_deploy_that_fails_exits_7_with_the_models_traceback(
    at: Script, konan: Konan, tmp_path: Path
) -> None:
    (tmp_path / "model.py").write_text("class Model:\n    def predict(self, rows):\n        return rows\n")
    failure = {"step": "start", "code": "model_failed", "message": "It raised.", "traceback": "Traceback …"}
    at.answer({**VERSION, "state": "failed", "failure": failure}, 202)
    done = konan("deploy", "bikes", tmp_path / "model.py")
    assert done.code == 7
    assert "It raised." in done.err
    assert "Traceback …" in done.err


def test_down_without_a_server_is_unreachable(konan: Konan, tmp_path: Path) -> None:
    assert konan("down", "--data-dir", tmp_path / "none").code == 6
