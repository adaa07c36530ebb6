"""The committed contract is what the running product does: its OpenAPI document and its commands' answers."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from tests.http.platform.server import Server

CONTRACT = Path(__file__).parents[2] / "docs" / "contract"

ANSWERS = [
    "status",
    "status twice",
    "version list twice",
    "version show twice",
    "version show twice 1",
    "logs twice",
    "drift twice",
    "quality twice",
    "performance twice",
    "decision show twice",
    "decision set twice",
    "metric list twice",
    "label show twice",
    "label queue twice",
    "report twice",
    "export prometheus monitoring",
    "export grafana monitoring",
    "key create --scope predict",
    "key list",
    "config show",
    "doctor",
    "completion bash",
    'predict twice --row {"x":1.0}',
    "predict twice --file rows.csv",
]
FAILURES = [
    ("status nothing", 3),
    ('predict twice --row {"y":1}', 2),
    ("predict nothing --row {}", 3),
    ("version show twice 99", 3),
    ("key revoke nothing --yes", 3),
    ("deploy Bad_Name model.py", 2),
    ("status --url http://127.0.0.1:9", 6),
    ("nothing", 2),
]


def schema(name: str) -> Any:
    return json.loads((CONTRACT / "cli" / f"{name}.schema.json").read_text())


def answers(server: Server, words: str, code: int = 0) -> list[Any]:
    done = server.run(*words.split(" "), "--json", "--quiet")
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def twice(platform: Server) -> Server:
    platform.deploy("twice")
    return platform


def name_of(words: str) -> str:
    first, second, *_ = [*words.split(" "), ""]
    return f"{first}-{second}" if (CONTRACT / "cli" / f"{first}-{second}.schema.json").exists() else first


@pytest.mark.parametrize("words", ANSWERS)
def test_a_command_answers_in_its_shape(twice: Server, words: str) -> None:
    found = answers(twice, words)
    assert found
    for each in found:
        jsonschema_rs.validate(schema(name_of(words)), each)


@pytest.mark.parametrize(("words", "code"), FAILURES)
def test_a_command_fails_in_the_shape_of_errors(twice: Server, words: str, code: int) -> None:
    (found,) = answers(twice, words, code)
    jsonschema_rs.validate(schema("error"), found)
    assert found["error"]["message"]


def test_deploying_answers_in_its_shape_whether_it_waits_or_not(twice: Server) -> None:
    (waited,) = answers(twice, "deploy again model.py --data rows.csv")
    (building,) = answers(twice, "deploy again model.py --data rows.csv --no-wait")
    for each in (waited, building):
        jsonschema_rs.validate(schema("deploy"), each)
    assert (waited["state"], waited["version"]) == ("live", 1)
    assert (building["state"], building["version"]) == ("building", 2)
    assert waited["uuid"] == building["uuid"]


def test_the_answers_hold_what_the_contract_names(twice: Server) -> None:
    (status,) = answers(twice, "status twice")
    assert {"name", "uuid", "live_version"} <= set(status["deployments"][0])
    (versions,) = answers(twice, "version list twice")
    assert {"version", "uuid", "state", "created_at"} <= set(versions["versions"][0])
    (key,) = answers(twice, "key create")
    assert {"id", "key"} <= set(key)
    assert len(answers(twice, "predict twice --file rows.csv")) == 3


def test_a_key_that_may_only_predict_is_enough_for_a_file(twice: Server, tmp_path: Path) -> None:
    (key,) = answers(twice, "key create --scope predict --deployment twice")
    customer = Server(tmp_path)
    customer.home.mkdir()
    profile = {"url": twice.profile["url"], "key": key["key"]}
    (customer.home / "profile.json").write_text(json.dumps(profile))
    assert len(answers(customer, f"predict twice --file {twice.work / 'rows.csv'}")) == 3
    answers(customer, "status", 4)


def test_a_revoked_key_is_told_in_its_shape(twice: Server) -> None:
    (key,) = answers(twice, "key create")
    (revoked,) = answers(twice, f"key revoke {key['id']} --yes")
    jsonschema_rs.validate(schema("key-revoke"), revoked)
    assert revoked["revoked_at"]


def test_the_committed_document_is_the_servers(platform: Server) -> None:
    status, served = platform.call("GET", "/openapi.json")
    assert status == 200
    assert served == json.loads((CONTRACT / "openapi.json").read_text())


def test_a_server_in_the_background_answers_in_its_shape(platform: Server, tmp_path: Path) -> None:
    (up,) = answers(Server(tmp_path), f"up --port 0 --data-dir {tmp_path / 'data'} --detach")
    jsonschema_rs.validate(schema("up"), up)
    (down,) = answers(Server(tmp_path), f"down --data-dir {tmp_path / 'data'}")
    jsonschema_rs.validate(schema("down"), down)
    assert platform.call("GET", "/healthz")[0] == 200
